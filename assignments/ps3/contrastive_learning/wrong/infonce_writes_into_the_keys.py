"""Normalises in place."""

EXERCISE = "nce-info-nce"
MUST_FAIL = ["test_info_nce_follows_the_dtype"]


def info_nce(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    queries.div_(queries.norm(dim=1, keepdim=True))
    keys.div_(keys.norm(dim=1, keepdim=True))
    logits = queries @ keys.T / temperature
    return F.cross_entropy(logits, torch.arange(len(queries), device=queries.device))
