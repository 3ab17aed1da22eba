"""The log of the sum, minus the right logit."""

EXERCISE = "moco-loss"


def moco_loss(queries: Tensor, keys: Tensor, queue: Tensor, temperature: float) -> Tensor:
    def unit(vectors):
        return vectors / vectors.norm(dim=1, keepdim=True)

    q, k, n = unit(queries), unit(keys.detach()), unit(queue.detach())
    right = (q * k).sum(1) / temperature
    wrong = q.mm(n.t()) / temperature
    return (torch.logaddexp(right, wrong.logsumexp(1)) - right).mean()
