"""The k largest logits, less the log of the whole sum; topk's own tuple split by name."""

EXERCISE = "clip-rank"


def rank_labels(image_features: Tensor, classifier: Tensor, scale: float, k: int) -> tuple[Tensor, Tensor]:
    images = image_features / image_features.norm(dim=1, keepdim=True)
    rows = classifier / classifier.norm(dim=1, keepdim=True)
    logits = scale * (images @ rows.mT)
    best = torch.topk(logits, k)
    return (best.values - logits.logsumexp(dim=1, keepdim=True)).exp(), best.indices
