"""Sorts along the images instead of along the tokens."""

EXERCISE = "mae-random-masking"
MUST_FAIL = ["test_masking_takes_the_right_tokens"]


def random_masking(tokens: Tensor, mask_ratio: float, noise: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    batch, count, width = tokens.shape
    if noise is None:
        noise = torch.rand(batch, count, device=tokens.device)
    keep = int(count * (1 - mask_ratio))
    ids_shuffle = noise.argsort(dim=0)
    ids_restore = ids_shuffle.argsort(dim=0)
    ids_keep = ids_shuffle[:, :keep] % count
    visible = tokens.gather(1, ids_keep.unsqueeze(-1).expand(-1, -1, width))
    mask = (ids_restore >= keep).to(tokens.dtype)
    return visible, mask, ids_restore
