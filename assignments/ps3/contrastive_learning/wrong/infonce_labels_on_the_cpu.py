"""Makes the right answers on the CPU, wherever the embeddings are."""

EXERCISE = "nce-info-nce"
MUST_FAIL = ["test_info_nce_follows_the_device"]


def info_nce(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    logits = F.normalize(queries, dim=1) @ F.normalize(keys, dim=1).T / temperature
    return F.cross_entropy(logits, torch.arange(len(queries)))
