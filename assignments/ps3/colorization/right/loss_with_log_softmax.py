"""Gathers the true bin's log-softmax."""

EXERCISE = "color-loss"


def colorization_loss(logits: Tensor, bins: Tensor, weights: Tensor) -> Tensor:
    log_p = torch.log_softmax(logits, dim=1)
    right = log_p.gather(1, bins.unsqueeze(1)).squeeze(1)
    return torch.mean(-right * weights[bins])
