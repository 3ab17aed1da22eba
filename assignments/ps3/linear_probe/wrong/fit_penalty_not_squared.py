"""Penalises the length of the weight, not its square."""

EXERCISE = "probe-fit"
MUST_FAIL = ["test_fit_of_two_images", "test_fit_reaches_the_bottom"]


def fit_linear_probe(features: Tensor, labels: Tensor, num_classes: int, l2: float = 1e-3) -> tuple[Tensor, Tensor]:
    weight = features.new_zeros(num_classes, features.shape[1], requires_grad=True)
    bias = features.new_zeros(num_classes, requires_grad=True)
    solver = torch.optim.LBFGS(
        [weight, bias], max_iter=500, tolerance_grad=2e-5, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def objective():
        solver.zero_grad()
        value = F.cross_entropy(features @ weight.T + bias, labels) + l2 / 2 * (weight.square().sum() + 1e-8).sqrt()
        value.backward()
        return value

    solver.step(objective)
    return weight.detach(), bias.detach()
