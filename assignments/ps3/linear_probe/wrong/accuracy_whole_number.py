"""Rounds to a whole number."""

EXERCISE = "probe-accuracy"
MUST_FAIL = ["test_accuracy_of_three_images"]


def accuracy(weight: Tensor, bias: Tensor, features: Tensor, labels: Tensor) -> float:
    chosen = (features @ weight.T + bias).argmax(dim=1)
    return int((chosen == labels).double().mean().item())
