"""Moves the channel axis of the caller's own images to the end."""

EXERCISE = "mae-patchify"
MUST_FAIL = ["test_patchify_leaves_the_images_as_they_are"]


def patchify(images: Tensor, patch_size: int) -> Tensor:
    batch, channels, height, width = images.shape
    if height % patch_size or width % patch_size:
        raise ValueError(f"{height}x{width} images cannot be cut into patches of {patch_size}")
    rows, columns = height // patch_size, width // patch_size
    x = images.transpose_(1, 2).transpose_(2, 3)  # (B, H, W, C)
    x = x.reshape(batch, rows, patch_size, columns, patch_size, channels)
    x = x.permute(0, 1, 3, 2, 4, 5)
    return x.reshape(batch, rows * columns, patch_size * patch_size * channels)
