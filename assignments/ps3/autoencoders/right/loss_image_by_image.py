"""One image after the other."""

EXERCISE = "ae-reconstruction-loss"


def reconstruction_loss(images, reconstructions):
    return torch.stack([((x - y) ** 2).sum() for x, y in zip(images, reconstructions, strict=True)]).mean()
