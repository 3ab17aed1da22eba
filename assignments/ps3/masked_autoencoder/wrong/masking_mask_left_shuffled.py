"""Leaves the mask in the order of the sorted noise: zeros first, then ones."""

EXERCISE = "mae-random-masking"
MUST_FAIL = [
    "test_masking_marks_removed_tokens_with_one",
    "test_masking_marks_what_is_missing",
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
    mask = torch.ones(batch, count, dtype=tokens.dtype, device=tokens.device)
    mask[:, :keep] = 0
    return visible, mask, ids_restore
