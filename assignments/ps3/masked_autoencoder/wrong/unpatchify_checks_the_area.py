"""Compares the number of pixels only: any shape of the same area will do."""

EXERCISE = "mae-unpatchify"
MUST_FAIL = ["test_unpatchify_refuses_sizes_that_patches_cannot_fill"]


def unpatchify(patches: Tensor, patch_size: int, image_size: tuple[int, int]) -> Tensor:
    batch, count, length = patches.shape
    rows, columns = image_size[0] // patch_size, image_size[1] // patch_size
    if count * patch_size**2 != image_size[0] * image_size[1]:
        raise ValueError(f"{count} patches of {patch_size} do not fill {image_size}")
    if length % patch_size**2:
        raise ValueError(f"{length} numbers are no patch of {patch_size}x{patch_size} pixels")
    x = patches.reshape(batch, rows, columns, patch_size, patch_size, length // patch_size**2)
    x = x.permute(0, 5, 1, 3, 2, 4)
    return x.reshape(batch, -1, rows * patch_size, columns * patch_size)
