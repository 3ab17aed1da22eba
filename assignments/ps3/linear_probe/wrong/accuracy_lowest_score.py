"""Takes the lowest score."""

EXERCISE = "probe-accuracy"
MUST_FAIL = ["test_accuracy_of_three_images", "test_accuracy_agrees_with_a_loop"]


def accuracy(weight: Tensor, bias: Tensor, features: Tensor, labels: Tensor) -> float:
    chosen = (features @ weight.T + bias).argmin(dim=1)
    return (chosen == labels).double().mean().item()
