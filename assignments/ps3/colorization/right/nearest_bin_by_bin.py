"""Goes through the bins and keeps the best so far."""

EXERCISE = "color-nearest-bins"


def nearest_bins(ab: Tensor, centres: Tensor) -> Tensor:
    best = torch.full_like(ab[:, 0], float("inf"))
    found = torch.zeros_like(best, dtype=torch.long)
    for q in range(len(centres)):
        distance = torch.hypot(ab[:, 0] - centres[q, 0], ab[:, 1] - centres[q, 1])
        closer = distance < best
        found = torch.where(closer, torch.full_like(found, q), found)
        best = torch.where(closer, distance, best)
    return found
