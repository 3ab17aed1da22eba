"""Lets einsum move the axes, and talks while it works."""

EXERCISE = "mae-patchify"


def patchify(images: Tensor, patch_size: int) -> Tensor:
    batch, channels, height, width = images.shape
    if height % patch_size or width % patch_size:
        raise ValueError(f"{height}x{width} images cannot be cut into patches of {patch_size}")
    rows, columns = height // patch_size, width // patch_size
    print("cutting", tuple(images.shape))
    x = images.reshape(batch, channels, rows, patch_size, columns, patch_size)
    x = torch.einsum("bcrpsq->brspqc", x)
    return x.reshape(batch, rows * columns, patch_size * patch_size * channels)
