"""Draws without replacement by weights of one, and reads the places off a mask."""

EXERCISE = "transfer-few-labels"


def few_labels(labels: Tensor, per_class: int, generator: torch.Generator | None = None) -> Tensor:
    if (torch.unique(labels, return_counts=True)[1] < per_class).any():
        raise ValueError("a class is too small")
    chosen = torch.zeros(len(labels), dtype=torch.bool, device=labels.device)
    for c in set(labels.tolist()):
        chosen[torch.multinomial((labels == c).float(), per_class, replacement=False, generator=generator)] = True
    return torch.where(chosen)[0]
