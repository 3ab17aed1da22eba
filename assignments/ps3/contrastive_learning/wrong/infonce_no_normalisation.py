"""Takes dot products for cosine similarities."""

EXERCISE = "nce-info-nce"
MUST_FAIL = ["test_info_nce_ignores_lengths", "test_info_nce_of_all_lengths"]


def info_nce(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    logits = queries @ keys.T / temperature
    return F.cross_entropy(logits, torch.arange(len(queries), device=queries.device))
