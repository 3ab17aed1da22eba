"""One image at a time, with sort and index assignment, in a list; the mask in float64."""

EXERCISE = "mae-random-masking"


def random_masking(tokens: Tensor, mask_ratio: float, noise: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    count = tokens.shape[1]
    keep = int(count * (1 - mask_ratio))
    visible, masks, restores = [], [], []
    for b in range(len(tokens)):
        own_noise = torch.rand(count, device=tokens.device) if noise is None else noise[b]
        _, order = torch.sort(own_noise)
        place = torch.empty_like(order)
        place[order] = torch.arange(count, device=order.device)
        mask = torch.ones(count, dtype=torch.float64, device=tokens.device)
        mask[order[:keep]] = 0
        visible.append(tokens[b, order[:keep]])
        masks.append(mask)
        restores.append(place)
    return torch.stack(visible), torch.stack(masks), torch.stack(restores)
