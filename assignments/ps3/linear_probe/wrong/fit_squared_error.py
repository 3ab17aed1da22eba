"""Fits the labels as numbers 0 and 1 by least squares."""

EXERCISE = "probe-fit"
MUST_FAIL = ["test_fit_of_two_images", "test_fit_reaches_the_bottom", "test_fit_in_float64_reaches_the_bottom"]


def fit_linear_probe(features: Tensor, labels: Tensor, num_classes: int, l2: float = 1e-3) -> tuple[Tensor, Tensor]:
    targets = F.one_hot(labels, num_classes).to(features.dtype)
    mean = features.mean(dim=0)
    centred, wanted = features - mean, targets - targets.mean(dim=0)
    penalty = l2 * torch.eye(features.shape[1], dtype=features.dtype)
    weight = torch.linalg.solve(centred.T @ centred / len(features) + penalty, centred.T @ wanted / len(features)).T
    return weight.contiguous(), targets.mean(dim=0) - weight @ mean
