"""Multiplies numerator and denominator by the number of pixels: no shares are formed."""

EXERCISE = "color-rebalance"


def rebalancing_weights(counts, mix=0.5):
    n = counts if counts.is_floating_point() else counts.to(torch.float32)
    total = n.sum()
    raw = 1.0 / ((1.0 - mix) * n + mix * total / n.shape[0])
    print("largest over smallest weight:", (raw.max() / raw.min()))
    return raw * total / (n * raw).sum()
