"""Lists and sorted(), one key for every place."""

EXERCISE = "transfer-few-labels"


def few_labels(labels, per_class, generator=None):
    keys = torch.rand(len(labels), generator=generator, device=labels.device).tolist()
    by_class = {}
    for place, label in enumerate(labels.tolist()):
        by_class.setdefault(label, []).append(place)
    found = []
    for label, members in by_class.items():
        if per_class > len(members):
            raise ValueError(f"{label}: only {len(members)}")
        found += sorted(members, key=keys.__getitem__)[:per_class]
    return torch.tensor(sorted(found), dtype=torch.int64, device=labels.device)
