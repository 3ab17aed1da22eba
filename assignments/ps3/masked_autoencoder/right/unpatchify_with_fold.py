"""Uses F.fold, which wants the channel slowest."""

EXERCISE = "mae-unpatchify"


def unpatchify(patches: Tensor, patch_size: int, image_size: tuple[int, int]) -> Tensor:
    height, width = image_size
    if height % patch_size or width % patch_size:
        raise ValueError(f"{height}x{width} is no whole number of patches")
    if patches.shape[1] != (height // patch_size) * (width // patch_size):
        raise ValueError(f"{patches.shape[1]} patches are too few or too many")
    if patches.shape[2] % (patch_size * patch_size):
        raise ValueError(f"{patches.shape[2]} numbers do not make pixels")
    columns = patches.unflatten(2, (patch_size * patch_size, -1))  # (B, N, P*P, C)
    columns = columns.permute(0, 3, 2, 1).flatten(1, 2)  # (B, C*P*P, N)
    return F.fold(columns, (height, width), kernel_size=patch_size, stride=patch_size)
