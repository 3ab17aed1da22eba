"""Averages the accuracies of the classes, so that rare ones count more."""

EXERCISE = "probe-accuracy"
MUST_FAIL = ["test_accuracy_of_three_images", "test_accuracy_agrees_with_a_loop"]


def accuracy(weight: Tensor, bias: Tensor, features: Tensor, labels: Tensor) -> float:
    right = ((features @ weight.T + bias).argmax(dim=1) == labels).double()
    return torch.stack([right[labels == c].mean() for c in labels.unique()]).mean().item()
