"""Gathers flat pixel numbers, after a helper has found the corners."""

EXERCISE = "context-cut-pairs"


def corner_of_neighbour(directions, step, room):
    nine = torch.where(directions < 4, directions, directions + 1)
    down = torch.div(nine, 3, rounding_mode="floor") - 1
    right = nine.remainder(3) - 1
    return room[0] // 2 + step * down, room[1] // 2 + step * right


def cut_pairs(images: Tensor, directions: Tensor, patch_size: int, gap: int, jitter: Tensor) -> tuple[Tensor, Tensor]:
    print("cutting", patch_size)
    B, C, H, W = images.shape
    room = (H - patch_size, W - patch_size)
    rows, columns = corner_of_neighbour(directions, patch_size + gap, room)
    rows, columns = rows + jitter[:, 0], columns + jitter[:, 1]
    fits = (rows >= 0) & (rows <= room[0]) & (columns >= 0) & (columns <= room[1])
    if not fits.all():
        raise ValueError("a neighbour does not fit into its image")

    def take(row, column):
        inside = torch.arange(patch_size, device=images.device)
        flat = (row[:, None, None] + inside[:, None]) * W + column[:, None, None] + inside  # (B, P, P)
        flat = flat.view(B, 1, -1).expand(B, C, -1)
        return images.reshape(B, C, H * W).gather(2, flat).view(B, C, patch_size, patch_size)

    middle = torch.zeros_like(rows)
    return take(middle + room[0] // 2, middle + room[1] // 2), take(rows, columns)
