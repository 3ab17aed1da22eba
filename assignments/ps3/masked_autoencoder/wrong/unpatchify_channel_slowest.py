"""Reads each patch as one channel after the other."""

EXERCISE = "mae-unpatchify"
MUST_FAIL = ["test_unpatchify_takes_the_channels_of_each_pixel_apart", "test_unpatchify_agrees_with_a_slow_loop"]


def unpatchify(patches: Tensor, patch_size: int, image_size: tuple[int, int]) -> Tensor:
    batch, count, length = patches.shape
    rows, columns = image_size[0] // patch_size, image_size[1] // patch_size
    if (rows * patch_size, columns * patch_size) != tuple(image_size) or count != rows * columns:
        raise ValueError(f"{count} patches of {patch_size} do not fill {image_size}")
    if length % patch_size**2:
        raise ValueError(f"{length} numbers are no patch of {patch_size}x{patch_size} pixels")
    x = patches.reshape(batch, rows, columns, length // patch_size**2, patch_size, patch_size)
    x = x.permute(0, 3, 1, 4, 2, 5)
    return x.reshape(batch, -1, rows * patch_size, columns * patch_size)
