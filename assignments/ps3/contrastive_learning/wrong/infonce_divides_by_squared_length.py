"""Divides by the squared length."""

EXERCISE = "nce-info-nce"
MUST_FAIL = ["test_info_nce_ignores_lengths"]


def info_nce(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    logits = (
        (queries / queries.square().sum(1, keepdim=True)) @ (keys / keys.square().sum(1, keepdim=True)).T / temperature
    )
    return F.cross_entropy(logits, torch.arange(len(queries), device=queries.device))
