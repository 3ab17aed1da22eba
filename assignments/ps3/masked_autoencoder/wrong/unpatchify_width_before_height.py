"""Reads image_size as (width, height)."""

EXERCISE = "mae-unpatchify"
MUST_FAIL = [
    "test_unpatchify_builds_an_image_that_is_not_square",
    "test_unpatchify_puts_patches_left_to_right_then_down",
]


def unpatchify(patches: Tensor, patch_size: int, image_size: tuple[int, int]) -> Tensor:
    batch, count, length = patches.shape
    columns, rows = image_size[0] // patch_size, image_size[1] // patch_size
    if (columns * patch_size, rows * patch_size) != tuple(image_size) or count != rows * columns:
        raise ValueError(f"{count} patches of {patch_size} do not fill {image_size}")
    if length % patch_size**2:
        raise ValueError(f"{length} numbers are no patch of {patch_size}x{patch_size} pixels")
    x = patches.reshape(batch, rows, columns, patch_size, patch_size, length // patch_size**2)
    x = x.permute(0, 5, 1, 3, 2, 4)
    return x.reshape(batch, -1, rows * patch_size, columns * patch_size)
