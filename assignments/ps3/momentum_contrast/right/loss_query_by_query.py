"""Query by query, with the library's cosine."""

EXERCISE = "moco-loss"


def moco_loss(queries: Tensor, keys: Tensor, queue: Tensor, temperature: float) -> Tensor:
    losses = []
    for query, key in zip(queries, keys, strict=True):
        candidates = torch.cat([key[None], queue]).detach()
        candidates = candidates / candidates.norm(dim=1, keepdim=True)
        logits = candidates @ (query / query.norm()) / temperature
        losses.append(-logits.log_softmax(dim=0)[0])
    return sum(losses) / len(losses)
