"""Sorts once; scatter writes down where each token went."""

EXERCISE = "mae-random-masking"


def random_masking(tokens: Tensor, mask_ratio: float, noise: Tensor | None = None):
    batch, count, _ = tokens.shape
    keep = int(count * (1 - mask_ratio))
    noise = torch.rand(tokens.shape[:2]).to(tokens.device) if noise is None else noise
    _, ids = torch.sort(noise, dim=-1)
    places = torch.arange(count, device=tokens.device).repeat(batch, 1)
    ids_restore = torch.zeros_like(ids).scatter(1, ids, places)
    mask = tokens.new_zeros(batch, count)
    mask.scatter_(1, ids[:, keep:], 1.0)
    return torch.take_along_dim(tokens, ids[:, :keep, None], dim=1), mask, ids_restore
