"""Copies the numbers into an image of float32 zeros on the CPU."""

EXERCISE = "mae-unpatchify"
MUST_FAIL = ["test_unpatchify_follows_device_and_dtype"]


def unpatchify(patches: Tensor, patch_size: int, image_size: tuple[int, int]) -> Tensor:
    batch, count, length = patches.shape
    rows, columns = image_size[0] // patch_size, image_size[1] // patch_size
    if (rows * patch_size, columns * patch_size) != tuple(image_size) or count != rows * columns:
        raise ValueError(f"{count} patches of {patch_size} do not fill {image_size}")
    if length % patch_size**2:
        raise ValueError(f"{length} numbers are no patch of {patch_size}x{patch_size} pixels")
    x = torch.zeros(batch, length // patch_size**2, *image_size)
    for n in range(count):
        top, left = n // columns * patch_size, n % columns * patch_size
        patch = patches[:, n].reshape(batch, patch_size, patch_size, -1).permute(0, 3, 1, 2)
        x[:, :, top : top + patch_size, left : left + patch_size] = patch
    return x
