"""Computes in float32 whatever comes in."""

EXERCISE = "nce-info-nce"
MUST_FAIL = ["test_info_nce_follows_the_dtype"]


def info_nce(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    logits = F.normalize(queries.float(), dim=1) @ F.normalize(keys.float(), dim=1).T / temperature
    return F.cross_entropy(logits, torch.arange(len(queries), device=queries.device))
