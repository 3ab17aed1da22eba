"""Reads each patch column by column."""

EXERCISE = "mae-patchify"
MUST_FAIL = ["test_patchify_reads_each_patch_row_by_row", "test_patchify_keeps_channels_together_inside_a_patch"]


def patchify(images: Tensor, patch_size: int) -> Tensor:
    batch, channels, height, width = images.shape
    if height % patch_size or width % patch_size:
        raise ValueError(f"{height}x{width} images cannot be cut into patches of {patch_size}")
    rows, columns = height // patch_size, width // patch_size
    x = images.reshape(batch, channels, rows, patch_size, columns, patch_size)
    x = x.permute(0, 2, 4, 5, 3, 1)
    return x.reshape(batch, rows * columns, patch_size * patch_size * channels)
