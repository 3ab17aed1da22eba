"""Query by query and key by key."""

EXERCISE = "nce-info-nce"


def info_nce(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    total = 0.0
    for i, query in enumerate(queries):
        logits = []
        for key in keys:
            logits.append((query * key).sum() / (query.norm() * key.norm()) / temperature)
        logits = torch.stack(logits)
        total = total - torch.log_softmax(logits, dim=0)[i]
    return total / len(queries)
