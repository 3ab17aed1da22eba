"""Believes that a reshape alone puts squares side by side."""

EXERCISE = "mae-unpatchify"
MUST_FAIL = [
    "test_unpatchify_puts_patches_left_to_right_then_down",
    "test_unpatchify_takes_the_channels_of_each_pixel_apart",
]


def unpatchify(patches: Tensor, patch_size: int, image_size: tuple[int, int]) -> Tensor:
    batch, count, length = patches.shape
    rows, columns = image_size[0] // patch_size, image_size[1] // patch_size
    if (rows * patch_size, columns * patch_size) != tuple(image_size) or count != rows * columns:
        raise ValueError(f"{count} patches of {patch_size} do not fill {image_size}")
    if length % patch_size**2:
        raise ValueError(f"{length} numbers are no patch of {patch_size}x{patch_size} pixels")
    return patches.reshape(batch, length // patch_size**2, *image_size)
