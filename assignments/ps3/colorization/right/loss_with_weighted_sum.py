"""Lets F.cross_entropy weigh and sum, and divides by the number of pixels itself."""

EXERCISE = "color-loss"


def colorization_loss(logits: Tensor, bins: Tensor, weights: Tensor) -> Tensor:
    return F.cross_entropy(logits, bins, weight=weights, reduction="sum") / bins.numel()
