"""Returns the mean probability of the right class."""

EXERCISE = "probe-accuracy"
MUST_FAIL = ["test_accuracy_of_three_images", "test_accuracy_uses_the_bias"]


def accuracy(weight: Tensor, bias: Tensor, features: Tensor, labels: Tensor) -> float:
    p = (features @ weight.T + bias).softmax(dim=1)
    return p.gather(1, labels[:, None]).double().mean().item()
