"""Sets the removed tokens to zero and keeps all of them in the sequence."""

EXERCISE = "mae-random-masking"
MUST_FAIL = ["test_masking_keeps_what_the_ratio_leaves", "test_masking_takes_the_right_tokens"]


def random_masking(tokens: Tensor, mask_ratio: float, noise: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    batch, count, width = tokens.shape
    if noise is None:
        noise = torch.rand(batch, count, device=tokens.device)
    keep = int(count * (1 - mask_ratio))
    ids_shuffle = noise.argsort(dim=1)
    ids_restore = ids_shuffle.argsort(dim=1)
    mask = (ids_restore >= keep).to(tokens.dtype)
    visible = tokens * (1 - mask).unsqueeze(-1)
    return visible, mask, ids_restore
