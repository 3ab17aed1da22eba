"""Returns the sorting itself as ids_restore: who stands at place i, not where token n went."""

EXERCISE = "mae-random-masking"
MUST_FAIL = [
    "test_masking_restore_says_where_each_token_went",
    "test_masking_restore_is_the_inverse_of_the_sorting",
    "test_masking_rebuilds_the_input",
]


def random_masking(tokens: Tensor, mask_ratio: float, noise: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    batch, count, width = tokens.shape
    if noise is None:
        noise = torch.rand(batch, count, device=tokens.device)
    keep = int(count * (1 - mask_ratio))
    ids_shuffle = noise.argsort(dim=1)
    ids_restore = ids_shuffle.argsort(dim=1)
    ids_keep = ids_shuffle[:, :keep]
    visible = tokens.gather(1, ids_keep.unsqueeze(-1).expand(-1, -1, width))
    mask = (ids_restore >= keep).to(tokens.dtype)
    return visible, mask, ids_shuffle
