"""Hands probabilities to cross_entropy, which takes a softmax itself."""

EXERCISE = "nce-info-nce"
MUST_FAIL = ["test_info_nce_uses_the_temperature", "test_info_nce_agrees_with_a_loop"]


def info_nce(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    logits = F.normalize(queries, dim=1) @ F.normalize(keys, dim=1).T / temperature
    return F.cross_entropy(logits.softmax(dim=1), torch.arange(len(queries), device=queries.device))
