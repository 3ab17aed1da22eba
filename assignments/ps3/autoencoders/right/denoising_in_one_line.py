"""In one line."""

EXERCISE = "ae-denoising-loss"


def denoising_loss(model, images, corrupt, generator=None):
    return reconstruction_loss(images, model(corrupt(images, generator))[0])
