"""Standardises the features before scoring them."""

EXERCISE = "probe-accuracy"
MUST_FAIL = ["test_accuracy_uses_the_bias", "test_accuracy_agrees_with_a_loop"]


def accuracy(weight: Tensor, bias: Tensor, features: Tensor, labels: Tensor) -> float:
    features = (features - features.mean(dim=0)) / (features.std(dim=0, correction=0) + 1e-6)
    chosen = (features @ weight.T + bias).argmax(dim=1)
    return (chosen == labels).double().mean().item()
