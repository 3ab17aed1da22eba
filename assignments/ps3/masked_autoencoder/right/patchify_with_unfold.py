"""Slides a window with stride P over both axes (Tensor.unfold)."""

EXERCISE = "mae-patchify"


def patchify(images: Tensor, patch_size: int) -> Tensor:
    batch, channels, height, width = images.shape
    if height % patch_size or width % patch_size:
        raise ValueError(f"{height}x{width} images cannot be cut into patches of {patch_size}")
    rows, columns = height // patch_size, width // patch_size
    x = images.unfold(2, patch_size, patch_size).unfold(3, patch_size, patch_size)  # (B, C, rows, columns, P, P)
    return x.permute(0, 2, 3, 4, 5, 1).reshape(batch, rows * columns, -1)
