"""Normalises each feature over the batch instead of each vector."""

EXERCISE = "nce-info-nce"
MUST_FAIL = ["test_info_nce_ignores_lengths", "test_info_nce_agrees_with_a_loop"]


def info_nce(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    logits = F.normalize(queries, dim=0) @ F.normalize(keys, dim=0).T / temperature
    return F.cross_entropy(logits, torch.arange(len(queries), device=queries.device))
