"""Counts in a loop over images."""

EXERCISE = "probe-accuracy"


def accuracy(weight: Tensor, bias: Tensor, features: Tensor, labels: Tensor) -> float:
    right = 0
    for image, label in zip(features, labels, strict=True):
        scores = weight @ image + bias
        right += int(scores.argmax()) == int(label)
    return right / len(labels)
