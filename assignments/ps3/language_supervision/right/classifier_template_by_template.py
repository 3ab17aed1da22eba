"""Adds up over templates: the sum points where the mean does."""

EXERCISE = "clip-classifier"


def zero_shot_classifier(encode_text, names: list[str], templates: list[str]) -> Tensor:
    total = 0
    for template in templates:
        before, after = template.split("{}")
        total = total + F.normalize(encode_text([before + name + after for name in names]), dim=1)
    return total / total.norm(dim=1, keepdim=True)
