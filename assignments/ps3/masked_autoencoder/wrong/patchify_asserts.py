"""Uses assert where the text asks for a ValueError."""

EXERCISE = "mae-patchify"
MUST_FAIL = ["test_patchify_refuses_sizes_that_the_patch_does_not_divide"]


def patchify(images: Tensor, patch_size: int) -> Tensor:
    batch, channels, height, width = images.shape
    assert height % patch_size == 0 and width % patch_size == 0, "the patch size does not fit"
    rows, columns = height // patch_size, width // patch_size
    x = images.reshape(batch, channels, rows, patch_size, columns, patch_size)
    x = x.permute(0, 2, 4, 3, 5, 1)
    return x.reshape(batch, rows * columns, patch_size * patch_size * channels)
