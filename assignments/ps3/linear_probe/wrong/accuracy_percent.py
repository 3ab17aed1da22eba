"""Returns percent."""

EXERCISE = "probe-accuracy"
MUST_FAIL = ["test_accuracy_of_three_images", "test_accuracy_uses_the_bias"]


def accuracy(weight: Tensor, bias: Tensor, features: Tensor, labels: Tensor) -> float:
    chosen = (features @ weight.T + bias).argmax(dim=1)
    return 100 * (chosen == labels).double().mean().item()
