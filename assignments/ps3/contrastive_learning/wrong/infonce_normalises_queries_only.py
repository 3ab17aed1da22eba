"""Normalises the queries and forgets the keys."""

EXERCISE = "nce-info-nce"
MUST_FAIL = ["test_info_nce_ignores_lengths", "test_info_nce_of_all_lengths"]


def info_nce(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    logits = F.normalize(queries, dim=1) @ keys.T / temperature
    return F.cross_entropy(logits, torch.arange(len(queries), device=queries.device))
