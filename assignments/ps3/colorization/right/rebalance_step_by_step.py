"""In steps, with a default dtype for whole counts."""

EXERCISE = "color-rebalance"


def rebalancing_weights(counts: Tensor, mix: float = 0.5) -> Tensor:
    if not counts.is_floating_point():
        counts = counts.double()
    Q = counts.numel()
    prior = counts / torch.sum(counts)
    uniform = torch.ones_like(prior) / Q
    factor = torch.reciprocal((1 - mix) * prior + mix * uniform)
    return factor / torch.dot(prior, factor)
