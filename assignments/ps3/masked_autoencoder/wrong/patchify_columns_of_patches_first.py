"""Walks down the first column of patches before it goes right."""

EXERCISE = "mae-patchify"
MUST_FAIL = ["test_patchify_takes_patches_left_to_right_then_down", "test_patchify_agrees_with_a_slow_loop"]


def patchify(images: Tensor, patch_size: int) -> Tensor:
    batch, channels, height, width = images.shape
    if height % patch_size or width % patch_size:
        raise ValueError(f"{height}x{width} images cannot be cut into patches of {patch_size}")
    rows, columns = height // patch_size, width // patch_size
    x = images.reshape(batch, channels, rows, patch_size, columns, patch_size)
    x = x.permute(0, 4, 2, 3, 5, 1)
    return x.reshape(batch, rows * columns, patch_size * patch_size * channels)
