"""Takes the score that is largest in size."""

EXERCISE = "probe-accuracy"
MUST_FAIL = ["test_accuracy_with_negative_scores_in_float64", "test_accuracy_agrees_with_a_loop"]


def accuracy(weight: Tensor, bias: Tensor, features: Tensor, labels: Tensor) -> float:
    chosen = (features @ weight.T + bias).abs().argmax(dim=1)
    return (chosen == labels).double().mean().item()
