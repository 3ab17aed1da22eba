"""Writes the exponentials out, less the largest logit of the whole table."""

EXERCISE = "nce-info-nce"
MUST_FAIL = ["test_info_nce_is_finite_when_cold"]


def info_nce(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    logits = F.normalize(queries, dim=1) @ F.normalize(keys, dim=1).T / temperature
    similar = torch.exp(logits - logits.max())
    return -torch.log(similar.diagonal() / similar.sum(dim=1)).mean()
