"""Uses F.linear, topk and a float32 mean."""

EXERCISE = "probe-accuracy"


def accuracy(weight: Tensor, bias: Tensor, features: Tensor, labels: Tensor) -> float:
    best = F.linear(features, weight, bias).topk(1, dim=-1).indices.squeeze(-1)
    return float(best.eq(labels).float().mean())
