"""One call of LBFGS with default tolerances on a linear layer; the penalty on its weight."""

EXERCISE = "probe-fit"


def fit_linear_probe(features: Tensor, labels: Tensor, num_classes: int, l2: float = 1e-3) -> tuple[Tensor, Tensor]:
    probe = nn.Linear(features.shape[1], num_classes).to(features.dtype)
    optimizer = torch.optim.LBFGS(
        probe.parameters(), lr=1.0, max_iter=1000, history_size=50, line_search_fn="strong_wolfe"
    )
    criterion = nn.CrossEntropyLoss()

    def closure():
        optimizer.zero_grad()
        loss = criterion(probe(features), labels) + l2 / 2 * probe.weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return probe.weight.detach(), probe.bias.detach()
