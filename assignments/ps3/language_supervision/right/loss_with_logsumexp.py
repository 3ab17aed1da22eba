"""Written out with logsumexp along rows and down columns."""

EXERCISE = "clip-loss"


def clip_loss(image_features: Tensor, text_features: Tensor, scale: float | Tensor) -> Tensor:
    logits = scale * F.cosine_similarity(image_features[:, None], text_features[None], dim=-1)
    along, down = torch.logsumexp(logits, 1), torch.logsumexp(logits, 0)
    return 0.5 * (along + down - 2 * torch.diagonal(logits)).mean()
