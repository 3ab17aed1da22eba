"""F.pixel_shuffle spreads what it finds in the channels."""

EXERCISE = "mae-unpatchify"


def unpatchify(patches: Tensor, patch_size: int, image_size: tuple[int, int]) -> Tensor:
    (height, width), area = image_size, patch_size**2
    if height % patch_size or width % patch_size or patches.shape[1] * area != height * width:
        raise ValueError(f"{patches.shape[1]} patches of {patch_size} do not fill {height}x{width}")
    if patches.shape[2] % area:
        raise ValueError(f"{patches.shape[2]} numbers do not make pixels")
    x = patches.mT.unflatten(2, (height // patch_size, width // patch_size))  # (B, P * P * C, rows, columns)
    x = x.unflatten(1, (area, -1)).transpose(1, 2).flatten(1, 2)  # (B, C * P * P, rows, columns)
    return F.pixel_shuffle(x, patch_size)
