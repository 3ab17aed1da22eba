"""Centres the features in place: the caller's features change."""

EXERCISE = "probe-fit"
MUST_FAIL = ["test_fit_with_shifted_features_and_rare_classes", "test_fit_in_float64_reaches_the_bottom"]


def fit_linear_probe(features: Tensor, labels: Tensor, num_classes: int, l2: float = 1e-3) -> tuple[Tensor, Tensor]:
    mean = features.mean(dim=0)
    features -= mean
    weight = features.new_zeros(num_classes, features.shape[1], requires_grad=True)
    bias = features.new_zeros(num_classes, requires_grad=True)
    solver = torch.optim.LBFGS(
        [weight, bias], max_iter=500, tolerance_grad=2e-5, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def objective():
        solver.zero_grad()
        value = F.cross_entropy(features @ weight.T + bias, labels) + l2 / 2 * weight.square().sum()
        value.backward()
        return value

    solver.step(objective)
    return weight.detach(), bias.detach() - weight.detach() @ mean
