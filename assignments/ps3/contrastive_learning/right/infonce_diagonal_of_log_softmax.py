"""The diagonal of a log-softmax, as CPC code has it."""

EXERCISE = "nce-info-nce"


def info_nce(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    similarity = torch.mm(F.normalize(queries, p=2, dim=-1), F.normalize(keys, p=2, dim=-1).transpose(-2, -1))
    return -torch.diag(F.log_softmax(similarity / temperature, dim=1)).mean()
