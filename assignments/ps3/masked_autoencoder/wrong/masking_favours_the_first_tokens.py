"""Draws noise that grows along the image, so that the first patches are kept more often."""

EXERCISE = "mae-random-masking"
MUST_FAIL = ["test_masking_draws_every_set_of_tokens"]


def random_masking(tokens: Tensor, mask_ratio: float, noise: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    batch, count, width = tokens.shape
    if noise is None:
        noise = torch.rand(batch, count, device=tokens.device) + torch.linspace(0, 0.5, count, device=tokens.device)
    keep = int(count * (1 - mask_ratio))
    ids_shuffle = noise.argsort(dim=1)
    ids_restore = ids_shuffle.argsort(dim=1)
    ids_keep = ids_shuffle[:, :keep]
    visible = tokens.gather(1, ids_keep.unsqueeze(-1).expand(-1, -1, width))
    mask = (ids_restore >= keep).to(tokens.dtype)
    return visible, mask, ids_restore
