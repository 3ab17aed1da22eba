"""Counts with numpy."""

EXERCISE = "probe-accuracy"


def accuracy(weight: Tensor, bias: Tensor, features: Tensor, labels: Tensor) -> float:
    scores = features.numpy() @ weight.numpy().T + bias.numpy()
    return float((scores.argmax(1) == labels.numpy()).mean())
