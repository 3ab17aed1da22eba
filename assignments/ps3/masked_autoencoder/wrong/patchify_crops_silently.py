"""Drops the rows and columns that do not fill a patch instead of refusing the image."""

EXERCISE = "mae-patchify"
MUST_FAIL = [
    "test_patchify_refuses_sizes_that_the_patch_does_not_divide",
    "test_patchify_looks_at_height_and_width_one_by_one",
]


def patchify(images: Tensor, patch_size: int) -> Tensor:
    batch, channels, height, width = images.shape
    rows, columns = height // patch_size, width // patch_size
    images = images[:, :, : rows * patch_size, : columns * patch_size]
    x = images.reshape(batch, channels, rows, patch_size, columns, patch_size)
    x = x.permute(0, 2, 4, 3, 5, 1)
    return x.reshape(batch, rows * columns, patch_size * patch_size * channels)
