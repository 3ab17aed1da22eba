"""All parameters at once, with torch's own list operations."""

EXERCISE = "moco-momentum"


def momentum_update(online: nn.Module, target: nn.Module, momentum: float) -> None:
    followers = [p.detach() for p in target.parameters()]
    leaders = [p.detach() for p in online.parameters()]
    print(f"{len(followers)} parameters follow")
    torch._foreach_mul_(followers, momentum)
    torch._foreach_add_(followers, leaders, alpha=1 - momentum)
