"""Clips the caller's own patches to 0..1 while it is at it."""

EXERCISE = "mae-unpatchify"
MUST_FAIL = ["test_unpatchify_leaves_the_patches_as_they_are"]


def unpatchify(patches: Tensor, patch_size: int, image_size: tuple[int, int]) -> Tensor:
    batch, count, length = patches.shape
    rows, columns = image_size[0] // patch_size, image_size[1] // patch_size
    if (rows * patch_size, columns * patch_size) != tuple(image_size) or count != rows * columns:
        raise ValueError(f"{count} patches of {patch_size} do not fill {image_size}")
    if length % patch_size**2:
        raise ValueError(f"{length} numbers are no patch of {patch_size}x{patch_size} pixels")
    patches.sub_(patches.mean()).add_(0.5)
    x = patches.reshape(batch, rows, columns, patch_size, patch_size, length // patch_size**2)
    x = x.permute(0, 5, 1, 3, 2, 4)
    return x.reshape(batch, -1, rows * patch_size, columns * patch_size)
