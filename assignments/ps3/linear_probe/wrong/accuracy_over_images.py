"""Takes the best image for each class, not the best class for each image."""

EXERCISE = "probe-accuracy"
MUST_FAIL = ["test_accuracy_agrees_with_a_loop"]


def accuracy(weight: Tensor, bias: Tensor, features: Tensor, labels: Tensor) -> float:
    chosen = (features @ weight.T + bias).argmax(dim=0)
    right = sum(int(labels[n] == c) for c, n in enumerate(chosen.tolist()))
    return right / len(labels)
