"""Turns features into float32, which does not go with a float64 weight."""

EXERCISE = "probe-accuracy"
MUST_FAIL = ["test_accuracy_with_negative_scores_in_float64"]


def accuracy(weight: Tensor, bias: Tensor, features: Tensor, labels: Tensor) -> float:
    chosen = (features.float() @ weight.T + bias).argmax(dim=1)
    return (chosen == labels).double().mean().item()
