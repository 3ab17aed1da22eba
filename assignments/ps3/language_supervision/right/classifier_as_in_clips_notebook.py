"""As the notebook that comes with CLIP does it: columns for classes, turned at the end; replace instead of format."""

EXERCISE = "clip-classifier"


def zero_shot_classifier(encode_text, names: list[str], templates: list[str]) -> Tensor:
    with torch.no_grad():
        zeroshot_weights = []
        for classname in names:
            texts = [template.replace("{}", classname) for template in templates]
            class_embeddings = encode_text(texts)
            class_embeddings = class_embeddings / class_embeddings.norm(dim=-1, keepdim=True)
            class_embedding = class_embeddings.mean(dim=0)
            class_embedding = class_embedding / class_embedding.norm()
            zeroshot_weights.append(class_embedding)
        zeroshot_weights = torch.stack(zeroshot_weights, dim=1)
    return zeroshot_weights.T
