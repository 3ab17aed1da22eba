"""Computes in float32 with a coarse stop, and calls the result float64."""

EXERCISE = "probe-fit"
MUST_FAIL = ["test_fit_in_float64_reaches_the_bottom"]


def fit_linear_probe(features: Tensor, labels: Tensor, num_classes: int, l2: float = 1e-3) -> tuple[Tensor, Tensor]:
    given, features = features.dtype, features.float()
    weight = features.new_zeros(num_classes, features.shape[1], requires_grad=True)
    bias = features.new_zeros(num_classes, requires_grad=True)
    solver = torch.optim.LBFGS(
        [weight, bias], max_iter=500, tolerance_grad=6e-4, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def objective():
        solver.zero_grad()
        value = F.cross_entropy(features @ weight.T + bias, labels) + l2 / 2 * weight.square().sum()
        value.backward()
        return value

    solver.step(objective)
    return weight.detach().to(given), bias.detach().to(given)
