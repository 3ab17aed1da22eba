"""Counts of every label from 0 on."""

EXERCISE = "units-class-share"


def class_share(scores: Tensor, labels: Tensor, k: int) -> tuple[float, int]:
    threshold = scores.sort().values[-k]
    counts = labels[scores >= threshold].bincount()
    return float(counts.max()) / float(counts.sum()), int(counts.argmax())
