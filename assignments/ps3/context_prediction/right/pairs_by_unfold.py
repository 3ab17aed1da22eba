"""Looks the neighbour up among all patches of the image."""

EXERCISE = "context-cut-pairs"


def cut_pairs(images: Tensor, directions: Tensor, patch_size: int, gap: int, jitter: Tensor) -> tuple[Tensor, Tensor]:
    P, (H, W) = patch_size, images.shape[-2:]
    windows = images.unfold(2, P, 1).unfold(3, P, 1)  # (B, C, H - P + 1, W - P + 1, P, P), nothing is copied
    down = torch.tensor([-1, -1, -1, 0, 0, 1, 1, 1], device=images.device)[directions]
    right = torch.tensor([-1, 0, 1, -1, 1, -1, 0, 1], device=images.device)[directions]
    row = (H - P) // 2 + down * (P + gap) + jitter[:, 0]
    column = (W - P) // 2 + right * (P + gap) + jitter[:, 1]
    if bool((row < 0).any() or (column < 0).any() or (row > H - P).any() or (column > W - P).any()):
        raise ValueError(f"{row.tolist()}, {column.tolist()} is not within {H} x {W}")
    centres = windows[:, :, (H - P) // 2, (W - P) // 2]
    return centres, windows[torch.arange(len(images), device=images.device), :, row, column]
