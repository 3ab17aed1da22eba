"""The trace of a confusion matrix over the number of images."""

EXERCISE = "probe-accuracy"


def accuracy(weight: Tensor, bias: Tensor, features: Tensor, labels: Tensor) -> float:
    predicted = torch.einsum("nd,cd->nc", features, weight).add(bias).max(dim=1)[1]
    classes = len(bias)
    table = torch.bincount(labels * classes + predicted, minlength=classes**2).reshape(classes, classes)
    return table.trace().item() / len(labels)
