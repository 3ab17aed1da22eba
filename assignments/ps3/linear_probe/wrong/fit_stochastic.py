"""Descends on random batches with a fixed step: it circles round the bottom."""

EXERCISE = "probe-fit"
MUST_FAIL = ["test_fit_reaches_the_bottom", "test_fit_in_float64_reaches_the_bottom"]


def fit_linear_probe(features: Tensor, labels: Tensor, num_classes: int, l2: float = 1e-3) -> tuple[Tensor, Tensor]:
    weight = features.new_zeros(num_classes, features.shape[1], requires_grad=True)
    bias = features.new_zeros(num_classes, requires_grad=True)
    solver = torch.optim.SGD([weight, bias], lr=0.1)
    for _ in range(300):
        some = torch.randint(len(features), (16,))
        solver.zero_grad()
        value = F.cross_entropy(features[some] @ weight.T + bias, labels[some]) + l2 / 2 * weight.square().sum()
        value.backward()
        solver.step()
    return weight.detach(), bias.detach()
