"""Sorts all labels, then cuts."""

EXERCISE = "clip-rank"


def rank_labels(image_features, classifier, scale, k):
    similar = F.cosine_similarity(image_features[:, None, :], classifier[None, :, :], dim=2)
    probabilities = torch.softmax(scale * similar, dim=-1)
    order = torch.argsort(similar, dim=-1, descending=True)[:, :k]
    return torch.gather(probabilities, 1, order), order
