"""Adds the bias into the features' memory: the caller's features change."""

EXERCISE = "probe-accuracy"
MUST_FAIL = ["test_accuracy_with_negative_scores_in_float64"]


def accuracy(weight: Tensor, bias: Tensor, features: Tensor, labels: Tensor) -> float:
    features -= 1e-3
    chosen = (features @ weight.T + bias).argmax(dim=1)
    return (chosen == labels).double().mean().item()
