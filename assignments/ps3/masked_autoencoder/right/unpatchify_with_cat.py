"""Glues patches to rows and rows to images, with a helper and a default argument."""

EXERCISE = "mae-unpatchify"


def squares(patches: Tensor, patch_size: int) -> list[Tensor]:
    batch, count, length = patches.shape
    pixels = patches.view(batch, count, patch_size, patch_size, length // patch_size**2)
    return [pixels[:, n].permute(0, 3, 1, 2) for n in range(count)]


def unpatchify(patches: Tensor, patch_size: int, image_size: tuple[int, int] = (32, 32)) -> Tensor:
    rows, rest_down = divmod(image_size[0], patch_size)
    columns, rest_right = divmod(image_size[1], patch_size)
    if rest_down or rest_right or rows * columns != patches.size(1):
        raise ValueError("the patches do not fill the image")
    if patches.size(2) % patch_size**2 != 0:
        raise ValueError("the length of a patch does not fit its size")
    tiles = squares(patches.contiguous(), patch_size)
    strips = [torch.cat(tiles[row * columns : (row + 1) * columns], dim=3) for row in range(rows)]
    return torch.cat(strips, dim=2)
