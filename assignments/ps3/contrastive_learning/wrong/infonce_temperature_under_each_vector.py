"""Divides both vectors by the temperature before the product, and so twice."""

EXERCISE = "nce-info-nce"
MUST_FAIL = ["test_info_nce_uses_the_temperature"]


def info_nce(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    logits = (F.normalize(queries, dim=1) / temperature) @ (F.normalize(keys, dim=1) / temperature).T
    return F.cross_entropy(logits, torch.arange(len(queries), device=queries.device))
