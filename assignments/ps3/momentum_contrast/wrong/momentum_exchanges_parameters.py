"""Puts new Parameters in the place of target's."""

EXERCISE = "moco-momentum"
MUST_FAIL = ["test_momentum_keeps_the_objects"]


def momentum_update(online: nn.Module, target: nn.Module, momentum: float) -> None:
    leaders = dict(online.named_parameters())
    for name, follower in list(target.named_parameters()):
        average = momentum * follower.data + (1 - momentum) * leaders[name].data
        owner = target
        *path, last = name.split(".")
        for part in path:
            owner = getattr(owner, part)
        setattr(owner, last, nn.Parameter(average, requires_grad=follower.requires_grad))
