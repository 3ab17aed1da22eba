"""Puts the rows of patches before the batch, so that images are interleaved."""

EXERCISE = "mae-patchify"
MUST_FAIL = ["test_patchify_keeps_the_images_of_a_batch_apart", "test_patchify_agrees_with_a_slow_loop"]


def patchify(images: Tensor, patch_size: int) -> Tensor:
    batch, channels, height, width = images.shape
    if height % patch_size or width % patch_size:
        raise ValueError(f"{height}x{width} images cannot be cut into patches of {patch_size}")
    rows, columns = height // patch_size, width // patch_size
    x = images.reshape(batch, channels, rows, patch_size, columns, patch_size)
    x = x.permute(2, 0, 4, 3, 5, 1)
    return x.reshape(batch, rows * columns, patch_size * patch_size * channels)
