"""Checks that the number of pixels fits, not that each side does."""

EXERCISE = "mae-patchify"
MUST_FAIL = ["test_patchify_looks_at_height_and_width_one_by_one"]


def patchify(images: Tensor, patch_size: int) -> Tensor:
    batch, channels, height, width = images.shape
    if height * width % patch_size**2:
        raise ValueError(f"{height}x{width} images cannot be cut into patches of {patch_size}")
    rows, columns = height // patch_size, width // patch_size
    x = images.reshape(batch, channels, rows, patch_size, columns, patch_size)
    x = x.permute(0, 2, 4, 3, 5, 1)
    return x.reshape(batch, rows * columns, patch_size * patch_size * channels)
