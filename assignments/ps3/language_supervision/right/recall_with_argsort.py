"""A full sort, Python's own membership, and a count."""

EXERCISE = "clip-recall"


def recall_at_k(image_features, text_features, k):
    images = image_features / image_features.norm(dim=-1, keepdim=True)
    texts = text_features / text_features.norm(dim=-1, keepdim=True)
    order = (images @ texts.t()).argsort(dim=-1, descending=True)
    hits = sum(i in order[i, :k].tolist() for i in range(len(images)))
    return hits / len(images)
