"""Counts how many values are smaller to find each token's place; topk and scatter do the rest."""

EXERCISE = "mae-random-masking"


def ranks(noise: Tensor) -> Tensor:
    return (noise.unsqueeze(2) > noise.unsqueeze(1)).sum(dim=2)


def random_masking(tokens, mask_ratio, noise=None, verbose=False):
    batch, count, _ = tokens.shape
    keep = int(count * (1 - mask_ratio))
    if noise is None:
        noise = torch.rand_like(tokens[..., 0])
    if verbose:
        print("keeping", keep)
    ids_keep = noise.topk(keep, dim=1, largest=False, sorted=True).indices
    mask = torch.ones_like(noise).scatter(1, ids_keep, 0.0)
    rows = torch.arange(batch, device=tokens.device).unsqueeze(1)
    return tokens[rows, ids_keep], mask, ranks(noise)
