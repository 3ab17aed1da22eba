"""How many texts are more similar than one's own?"""

EXERCISE = "clip-recall"


def recall_at_k(image_features: Tensor, text_features: Tensor, k: int) -> float:
    similar = F.normalize(image_features, dim=1) @ F.normalize(text_features, dim=1).T
    own = similar.diagonal().unsqueeze(1)
    better = (similar > own).sum(dim=1)
    return float((better < k).double().mean())
