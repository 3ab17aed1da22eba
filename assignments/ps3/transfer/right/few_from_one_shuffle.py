"""One shuffle of everything; of each class what comes first in it."""

EXERCISE = "transfer-few-labels"


def few_labels(labels: Tensor, per_class: int, generator: torch.Generator | None = None, verbose=False) -> Tensor:
    shuffled = torch.randperm(labels.numel(), generator=generator)
    kept, counts = [], {int(c): 0 for c in labels}
    for place in shuffled.tolist():
        c = int(labels[place])
        if counts[c] < per_class:
            counts[c] += 1
            kept.append(place)
    if min(counts.values()) < per_class:
        raise ValueError(str(counts))
    print("kept", len(kept))
    return torch.LongTensor(sorted(kept))
