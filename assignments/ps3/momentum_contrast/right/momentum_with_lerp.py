"""In one call a parameter, by name, through .data."""

EXERCISE = "moco-momentum"


def momentum_update(online: nn.Module, target: nn.Module, momentum: float) -> None:
    leaders = dict(online.named_parameters())
    for name, parameter in target.named_parameters():
        parameter.data.lerp_(leaders[name].data, 1 - momentum)
