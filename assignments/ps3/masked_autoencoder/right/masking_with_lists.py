"""Sorts in Python, reads every number, and sends its answers to the tokens' device."""

EXERCISE = "mae-random-masking"


def random_masking(tokens: Tensor, mask_ratio: float, noise: Tensor | None = None):
    batch, count, _ = tokens.shape
    keep = count - -int(-count * mask_ratio // 1)
    if noise is None:
        noise = torch.rand(batch, count)
    visible, mask, places = [], [], []
    for image, row in zip(tokens, noise.tolist(), strict=True):
        order = sorted(range(count), key=lambda n, row=row: row[n])
        visible.append(torch.stack([image[n] for n in order[:keep]]))
        places.append([order.index(n) for n in range(count)])
        mask.append([float(place >= keep) for place in places[-1]])
    device = tokens.device
    return torch.stack(visible), torch.tensor(mask, device=device), torch.tensor(places, device=device)
