"""Multiplies by a mask of ones and zeros, with a deviation of its own."""

EXERCISE = "context-drop-colors"


def drop_colors(patches: Tensor, keep: Tensor, noise: Tensor | None = None) -> Tensor:
    mask = F.one_hot(keep, 3).to(patches.dtype)[:, :, None, None]
    kept = (patches * mask).sum(dim=1, keepdim=True)
    count = kept.shape[2] * kept.shape[3]
    variance = (kept - kept.mean(dim=(2, 3), keepdim=True)).square().sum(dim=(2, 3), keepdim=True) / (count - 1)
    if noise is None:
        noise = torch.randn(*patches.shape, device=patches.device).to(patches.dtype)
    return patches * mask + (1 - mask) * noise * variance.sqrt() / 100
