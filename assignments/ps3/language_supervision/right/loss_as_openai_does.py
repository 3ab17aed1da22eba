"""CLIP's own forward: features over their norms, two tables of logits."""

EXERCISE = "clip-loss"


def clip_loss(image_features, text_features, scale):
    image_features = image_features / image_features.norm(dim=1, keepdim=True)
    text_features = text_features / text_features.norm(dim=1, keepdim=True)
    logits_per_image = scale * image_features @ text_features.t()
    logits_per_text = scale * text_features @ image_features.t()
    labels = torch.arange(image_features.shape[0], device=image_features.device, dtype=torch.long)
    total_loss = (F.cross_entropy(logits_per_image, labels) + F.cross_entropy(logits_per_text, labels)) / 2
    return total_loss
