"""Slices each image by itself, with plain numbers."""

EXERCISE = "context-cut-pairs"


def cut_pairs(images: Tensor, directions: Tensor, patch_size: int, gap: int, jitter: Tensor) -> tuple[Tensor, Tensor]:
    height, width = images.shape[-2:]
    top, left = (height - patch_size) // 2, (width - patch_size) // 2
    grid = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if (down, right) != (0, 0)]
    neighbours = []
    for image, direction, (by_row, by_column) in zip(images, directions.tolist(), jitter.tolist(), strict=True):
        down, right = grid[direction]
        row = top + down * (patch_size + gap) + by_row
        column = left + right * (patch_size + gap) + by_column
        if not (0 <= row <= height - patch_size and 0 <= column <= width - patch_size):
            raise ValueError("the neighbour leaves the image")
        neighbours.append(image[:, row : row + patch_size, column : column + patch_size])
    return images[:, :, top : top + patch_size, left : left + patch_size].clone(), torch.stack(neighbours)
