"""Forgets the bias."""

EXERCISE = "probe-accuracy"
MUST_FAIL = ["test_accuracy_uses_the_bias"]


def accuracy(weight: Tensor, bias: Tensor, features: Tensor, labels: Tensor) -> float:
    chosen = (features @ weight.T).argmax(dim=1)
    return (chosen == labels).double().mean().item()
