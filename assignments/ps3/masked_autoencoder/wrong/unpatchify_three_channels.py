"""Takes for granted that images have three channels."""

EXERCISE = "mae-unpatchify"
MUST_FAIL = ["test_unpatchify_agrees_with_a_slow_loop", "test_unpatchify_fills_each_patch_row_by_row"]


def unpatchify(patches: Tensor, patch_size: int, image_size: tuple[int, int]) -> Tensor:
    batch, count, length = patches.shape
    rows, columns = image_size[0] // patch_size, image_size[1] // patch_size
    if (rows * patch_size, columns * patch_size) != tuple(image_size) or count != rows * columns:
        raise ValueError(f"{count} patches of {patch_size} do not fill {image_size}")
    if length % patch_size**2:
        raise ValueError(f"{length} numbers are no patch of {patch_size}x{patch_size} pixels")
    x = patches.reshape(batch, rows, columns, patch_size, patch_size, 3)
    x = x.permute(0, 5, 1, 3, 2, 4)
    return x.reshape(batch, -1, rows * patch_size, columns * patch_size)
