"""Mask made in shuffled order and brought back with gather; returns a list of float32 masks."""

EXERCISE = "mae-random-masking"


def random_masking(tokens: Tensor, mask_ratio: float, noise: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    size, length, dim = tokens.shape
    if noise is None:
        noise = torch.rand(size, length).to(tokens.device)
    order = torch.argsort(noise, dim=1)
    back = torch.argsort(order, dim=1)
    kept = int(length * (1 - mask_ratio))
    visible = torch.gather(tokens, 1, order[:, :kept, None].repeat(1, 1, dim))
    mask = torch.cat([torch.zeros(size, kept), torch.ones(size, length - kept)], dim=1).to(tokens.device)
    return visible.transpose(1, 2).contiguous().transpose(1, 2), torch.gather(mask, 1, back), back
