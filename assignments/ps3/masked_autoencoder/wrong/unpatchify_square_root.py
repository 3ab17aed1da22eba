"""Takes the square root of N for the number of rows and of columns."""

EXERCISE = "mae-unpatchify"
MUST_FAIL = ["test_unpatchify_builds_an_image_that_is_not_square", "test_unpatchify_agrees_with_a_slow_loop"]


def unpatchify(patches: Tensor, patch_size: int, image_size: tuple[int, int]) -> Tensor:
    batch, count, length = patches.shape
    rows = columns = int(count**0.5)
    if length % patch_size**2 or rows * columns != count:
        raise ValueError("these patches do not make an image")
    x = patches.reshape(batch, rows, columns, patch_size, patch_size, length // patch_size**2)
    x = x.permute(0, 5, 1, 3, 2, 4)
    return x.reshape(batch, -1, rows * patch_size, columns * patch_size)
