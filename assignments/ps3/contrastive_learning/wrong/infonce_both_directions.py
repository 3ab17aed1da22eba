"""Averages queries picking keys and keys picking queries, as CLIP does."""

EXERCISE = "nce-info-nce"
MUST_FAIL = ["test_info_nce_lets_queries_choose", "test_info_nce_agrees_with_a_loop"]


def info_nce(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    logits = F.normalize(queries, dim=1) @ F.normalize(keys, dim=1).T / temperature
    right = torch.arange(len(queries), device=queries.device)
    return (F.cross_entropy(logits, right) + F.cross_entropy(logits.T, right)) / 2
