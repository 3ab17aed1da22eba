"""Nesterov's accelerated gradient descent, its step from the largest eigenvalue, the gradient written by hand."""

EXERCISE = "probe-fit"


def fit_linear_probe(features: Tensor, labels: Tensor, num_classes: int, l2: float = 1e-3) -> tuple[Tensor, Tensor]:
    x, targets = features.double(), F.one_hot(labels, num_classes).double()
    count = len(x)
    wide = torch.cat([x, torch.ones(count, 1, dtype=torch.float64)], dim=1)
    curvature = 0.5 * torch.linalg.matrix_norm(wide, 2) ** 2 / count + l2
    w = torch.zeros(num_classes, wide.shape[1], dtype=torch.float64)
    ahead, momentum = w.clone(), 1.0
    keep = torch.ones(wide.shape[1], dtype=torch.float64)
    keep[-1] = 0.0
    for _ in range(20000):
        slope = ((wide @ ahead.T).softmax(dim=1) - targets).T @ wide / count + l2 * keep * ahead
        if slope.abs().max() < 2e-5:
            break
        new = ahead - slope / curvature
        if (slope * (new - w)).sum() > 0:
            momentum = 1.0
        following = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
        ahead, w, momentum = new + (momentum - 1) / following * (new - w), new, following
    return ahead[:, :-1].to(features.dtype), ahead[:, -1].to(features.dtype)
