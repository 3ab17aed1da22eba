"""Leaves it to reshape to complain, with another kind of error."""

EXERCISE = "mae-unpatchify"
MUST_FAIL = ["test_unpatchify_refuses_patches_that_do_not_fit"]


def unpatchify(patches: Tensor, patch_size: int, image_size: tuple[int, int]) -> Tensor:
    batch, count, length = patches.shape
    rows, columns = image_size[0] // patch_size, image_size[1] // patch_size
    x = patches.reshape(batch, rows, columns, patch_size, patch_size, length // patch_size**2)
    x = x.permute(0, 5, 1, 3, 2, 4)
    return x.reshape(batch, -1, rows * patch_size, columns * patch_size)
