"""Blurs by two matrix products; keeps pixels through a copy."""

EXERCISE = "ae-corruptions"


def add_noise(images, sigma, generator=None):
    noise = torch.randn(images.shape, generator=generator, device=images.device)
    return torch.add(images, noise.to(images), alpha=sigma)


def drop_pixels(images, fraction, generator=None):
    gone = torch.rand(len(images), 1, *images.shape[2:], generator=generator, device=images.device) < fraction
    dropped = images.clone()
    dropped[gone.expand_as(images)] = 0
    return dropped


def _matrix(size, sigma, like):
    """Row i: how much each pixel of a line adds to pixel i."""
    reach = math.ceil(3 * sigma)
    offsets = torch.arange(-reach, reach + 1, device=like.device)
    weights = torch.exp(-offsets.to(like.dtype).square() / (2 * sigma**2))
    sources = (torch.arange(size, device=like.device)[:, None] + offsets).clamp(0, size - 1)
    matrix = torch.zeros(size, size, dtype=like.dtype, device=like.device)
    return matrix.scatter_add(1, sources, (weights / weights.sum()).expand(size, -1))


def blur(images, sigma):
    down, across = (_matrix(size, sigma, images) for size in images.shape[2:])
    return down @ images @ across.T
