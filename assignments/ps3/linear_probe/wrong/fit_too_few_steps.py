"""A hundred steps of gradient descent: on the way, not there."""

EXERCISE = "probe-fit"
MUST_FAIL = ["test_fit_reaches_the_bottom", "test_fit_in_float64_reaches_the_bottom"]


def fit_linear_probe(features: Tensor, labels: Tensor, num_classes: int, l2: float = 1e-3) -> tuple[Tensor, Tensor]:
    weight = features.new_zeros(num_classes, features.shape[1], requires_grad=True)
    bias = features.new_zeros(num_classes, requires_grad=True)
    for _ in range(100):
        value = F.cross_entropy(features @ weight.T + bias, labels) + l2 / 2 * weight.square().sum()
        gradients = torch.autograd.grad(value, [weight, bias])
        with torch.no_grad():
            weight -= 0.1 * gradients[0]
            bias -= 0.1 * gradients[1]
    return weight.detach(), bias.detach()
