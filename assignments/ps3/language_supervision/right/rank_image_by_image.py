"""A loop over images."""

EXERCISE = "clip-rank"


def rank_labels(image_features, classifier, scale, k):
    found = []
    for image in image_features:
        logits = torch.stack([F.cosine_similarity(image, row, dim=0) for row in classifier]) * scale
        found.append(logits.softmax(0).sort(descending=True))
    return torch.stack([f.values[:k] for f in found]), torch.stack([f.indices[:k] for f in found])
