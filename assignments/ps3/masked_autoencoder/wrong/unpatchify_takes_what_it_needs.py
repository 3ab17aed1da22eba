"""Uses the first patches and the first numbers, and ignores what is left over."""

EXERCISE = "mae-unpatchify"
MUST_FAIL = ["test_unpatchify_refuses_patches_that_do_not_fit"]


def unpatchify(patches: Tensor, patch_size: int, image_size: tuple[int, int]) -> Tensor:
    batch, count, length = patches.shape
    rows, columns = image_size[0] // patch_size, image_size[1] // patch_size
    channels = length // patch_size**2
    x = patches[:, : rows * columns, : channels * patch_size**2]
    x = x.reshape(batch, rows, columns, patch_size, patch_size, channels)
    x = x.permute(0, 5, 1, 3, 2, 4)
    return x.reshape(batch, -1, rows * patch_size, columns * patch_size)
