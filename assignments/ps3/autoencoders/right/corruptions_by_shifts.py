"""Blurs by adding shifted images; drops with where."""

EXERCISE = "ae-corruptions"


def add_noise(images, sigma, generator=None):
    drawn = torch.randn(*images.shape, generator=generator, device=images.device, dtype=torch.float32)
    return images + sigma * drawn.to(images.dtype)


def drop_pixels(images, fraction, generator=None):
    B, C, H, W = images.shape
    drawn = torch.rand((B, 1, H, W), generator=generator, device=images.device, dtype=torch.float32)
    return torch.where(drawn.expand(B, C, H, W) < fraction, torch.zeros_like(images), images)


def blur(images, sigma):
    reach = math.ceil(3 * sigma)
    H, W = images.shape[2:]
    rows = torch.arange(H, device=images.device)
    columns = torch.arange(W, device=images.device)
    total, result = 0.0, torch.zeros_like(images)
    for y in range(-reach, reach + 1):
        shifted = images.index_select(2, (rows + y).clamp(0, H - 1))
        for x in range(-reach, reach + 1):
            weight = math.exp(-(y**2 + x**2) / (2 * sigma**2))
            result = result + weight * shifted.index_select(3, (columns + x).clamp(0, W - 1))
            total += weight
    return result / total
