"""Separable blur, dropping by multiplication, noise through normal_."""

EXERCISE = "ae-corruptions"


def add_noise(images, sigma, generator=None):
    noise = torch.empty(images.shape, device=images.device).normal_(generator=generator)
    return noise.to(images.dtype).mul(sigma).add(images)


def drop_pixels(images, fraction, generator=None):
    size = (images.size(0), 1, *images.shape[-2:])
    keep = torch.rand(size, generator=generator, device=images.device) >= fraction
    return images * keep


def blur(images, sigma):
    r = math.ceil(3 * sigma)
    x = torch.arange(-r, r + 1).to(images)
    bell = torch.softmax(-x.square() / (2 * sigma**2), dim=0)
    flat = images.reshape(-1, 1, *images.shape[2:])
    flat = F.conv2d(F.pad(flat, (r, r, 0, 0), mode="replicate"), bell.view(1, 1, 1, -1))
    flat = F.conv2d(F.pad(flat, (0, 0, r, r), mode="replicate"), bell.view(1, 1, -1, 1))
    return flat.reshape(images.shape)
