"""Checks the height and forgets the width."""

EXERCISE = "mae-patchify"
MUST_FAIL = ["test_patchify_refuses_sizes_that_the_patch_does_not_divide"]


def patchify(images: Tensor, patch_size: int) -> Tensor:
    batch, channels, height, width = images.shape
    if height % patch_size:
        raise ValueError(f"a height of {height} cannot be cut into patches of {patch_size}")
    rows, columns = height // patch_size, width // patch_size
    x = images.reshape(batch, channels, rows, patch_size, columns, patch_size)
    x = x.permute(0, 2, 4, 3, 5, 1)
    return x.reshape(batch, rows * columns, patch_size * patch_size * channels)
