"""Builds a state with the averages in it and loads that."""

EXERCISE = "moco-momentum"


def momentum_update(online: nn.Module, target: nn.Module, momentum: float) -> None:
    state = {name: value.clone() for name, value in target.state_dict().items()}
    for name, parameter in online.named_parameters():
        state[name] = momentum * state[name] + (1 - momentum) * parameter.detach()
    target.load_state_dict(state)
