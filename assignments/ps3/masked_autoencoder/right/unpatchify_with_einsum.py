"""Lets einsum move the axes, and returns the image without copying it."""

EXERCISE = "mae-unpatchify"


def unpatchify(patches: Tensor, patch_size: int, image_size: tuple[int, int]) -> Tensor:
    batch, count, length = patches.shape
    rows, columns = image_size[0] // patch_size, image_size[1] // patch_size
    if (rows * patch_size, columns * patch_size) != tuple(image_size) or count != rows * columns:
        raise ValueError(f"{count} patches of {patch_size} do not fill {image_size}")
    if length % patch_size**2:
        raise ValueError(f"{length} numbers are no patch of {patch_size}x{patch_size} pixels")
    x = patches.unflatten(2, (patch_size, patch_size, -1)).unflatten(1, (rows, columns))
    x = torch.einsum("brspqc->brpsqc", x).flatten(1, 2).flatten(2, 3)  # (B, H, W, C)
    return x.permute(0, 3, 1, 2)
