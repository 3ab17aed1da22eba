"""Counts right ones as a meter does."""

EXERCISE = "probe-accuracy"


def accuracy(weight: Tensor, bias: Tensor, features: Tensor, labels: Tensor) -> float:
    with torch.no_grad():
        _, pred = torch.max(features.mm(weight.t()) + bias, 1)
        correct = pred.eq(labels.view_as(pred)).sum().item()
    return correct / labels.size(0)
