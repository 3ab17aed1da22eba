"""As MoCo's published code has it: the data of each parameter is computed anew."""

EXERCISE = "moco-momentum"


@torch.no_grad()
def momentum_update(online: nn.Module, target: nn.Module, momentum: float) -> None:
    for param_q, param_k in zip(online.parameters(), target.parameters(), strict=True):
        param_k.data = param_k.data * momentum + param_q.data * (1.0 - momentum)
