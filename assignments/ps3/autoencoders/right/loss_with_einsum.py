"""The product of the difference with itself."""

EXERCISE = "ae-reconstruction-loss"


def reconstruction_loss(images, reconstructions):
    gap = images - reconstructions
    return torch.einsum("bchw,bchw->b", gap, gap).mean()
