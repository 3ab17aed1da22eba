# %% [markdown]
# # Which network learned most?

# %% tags=["given"]
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kit import check, ready, written
from ps3 import augment, data, guesses, plots, probes, training
from ps3.autoencoders import parts

# %% [markdown]
# ## A network with a narrow middle (about 20 min, ●●○)


# %% tags=["given"]
class AutoencoderBase(nn.Module):
    """Parts of the autoencoder. H and W of image_size are multiples of 4, and may differ.

    down: images (B, C, H, W) to maps (B, 2 * width, H / 4, W / 4); up: such maps back to images.
    to_code, from_code: linear layers between the flattened maps of an image and its code_dim numbers.
    """

    def __init__(self, image_size=(32, 32), channels=3, width=16, code_dim=64):
        super().__init__()
        self.image_size, self.channels, self.width, self.code_dim = tuple(image_size), channels, width, code_dim
        self.down = nn.Sequential(
            nn.Conv2d(channels, width, 4, 2, 1), nn.ReLU(), nn.Conv2d(width, 2 * width, 4, 2, 1), nn.ReLU()
        )
        numbers = 2 * width * (image_size[0] // 4) * (image_size[1] // 4)
        self.to_code, self.from_code = nn.Linear(numbers, code_dim), nn.Linear(code_dim, numbers)
        self.up = nn.Sequential(
            nn.ConvTranspose2d(2 * width, width, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(width, channels, 4, 2, 1)
        )


# %% tags=["exercise:ae-network"]
class Autoencoder(AutoencoderBase):
    """Squeezes an image into code_dim numbers, and paints it again from them."""

    def encode(self, images: Tensor) -> Tensor:
        """Codes (B, code_dim) of images (B, C, H, W): down, flatten, to_code.

        The maps of an image are flattened in the order (channel, row, column): the column varies fastest.
        Raises ValueError, saying why, where images are not self.channels x self.image_size. Gradients flow.
        """
        ### BEGIN SOLUTION
        if tuple(images.shape[1:]) != (self.channels, *self.image_size):
            wanted = (self.channels, *self.image_size)
            raise ValueError(f"this network reads images of {wanted}, not {tuple(images.shape[1:])}")
        return self.to_code(self.down(images).flatten(1))
        ### END SOLUTION

    def decode(self, codes: Tensor) -> Tensor:
        """Images (B, C, H, W) painted from codes (B, code_dim): from_code, maps in the order of `encode`, up.

        The answer is what up gives, with nothing after it.
        """
        ### BEGIN SOLUTION
        rows, columns = self.image_size[0] // 4, self.image_size[1] // 4
        maps = self.from_code(codes).reshape(len(codes), 2 * self.width, rows, columns)
        return self.up(maps)
        ### END SOLUTION

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The tuple (reconstructions (B, C, H, W), codes (B, code_dim))."""
        ### BEGIN SOLUTION
        codes = self.encode(images)
        return self.decode(codes), codes
        ### END SOLUTION


# %% tags=["check:ae-network"]
check("ae-network")

# %% [markdown]
# ## What does a wrong picture cost? (about 5 min, ●○○)


# %% tags=["exercise:ae-reconstruction-loss"]
def reconstruction_loss(images: Tensor, reconstructions: Tensor) -> Tensor:
    """The slide's squared distance, for images and reconstructions (B, C, H, W) -> scalar.

    The squared differences are summed over each image, and these sums averaged over the batch.
    Gradients flow to both inputs.
    """
    ### BEGIN SOLUTION
    return (images - reconstructions).square().flatten(1).sum(dim=1).mean()
    ### END SOLUTION


# %% tags=["check:ae-reconstruction-loss"]
check("ae-reconstruction-loss")

# %% [markdown]
# ## Three kinds of noise (about 25 min, ●●○)


# %% tags=["exercise:ae-corruptions"]
def add_noise(images: Tensor, sigma: float, generator: torch.Generator | None = None) -> Tensor:
    """Images (B, C, H, W) plus sigma times torch.randn of their shape, drawn from the generator. Nothing is clipped."""
    ### BEGIN SOLUTION
    drawn = torch.randn(images.shape, generator=generator, device=images.device, dtype=images.dtype)
    return images + sigma * drawn
    ### END SOLUTION


def drop_pixels(images: Tensor, fraction: float, generator: torch.Generator | None = None) -> Tensor:
    """Images (B, C, H, W) in which about a fraction of the pixels, 0 to 1, is black.

    Draw torch.rand of shape (B, 1, H, W) from the generator. Where it is below fraction, all channels of the pixel
    become 0; the others stay as they are.
    """
    ### BEGIN SOLUTION
    batch, _, height, width = images.shape
    drawn = torch.rand(batch, 1, height, width, generator=generator, device=images.device)
    return images.masked_fill(drawn < fraction, 0.0)
    ### END SOLUTION


def blur(images: Tensor, sigma: float) -> Tensor:
    """Images (B, C, H, W) blurred by a Gaussian; sigma > 0, in pixels.

    A pixel becomes the weighted mean of the pixels at whole offsets (y, x) from -r to r, r = ceil(3 * sigma).
    Weights: exp(-(y**2 + x**2) / (2 * sigma**2)), over their sum. Beyond the border the edge's pixels repeat.
    Each channel is blurred alone.
    """
    ### BEGIN SOLUTION
    # The weights of the rows times those of the columns.
    reach = math.ceil(3 * sigma)
    offsets = torch.arange(-reach, reach + 1, device=images.device, dtype=images.dtype)
    bell = torch.exp(-(offsets**2) / (2 * sigma**2))
    bell = bell / bell.sum()
    channels = images.shape[1]
    weights = (bell[:, None] * bell).expand(channels, 1, -1, -1)  # (C, 1, 2r + 1, 2r + 1)
    # Room round the image, so that the size stays.
    padded = F.pad(images, (reach, reach, reach, reach), mode="replicate")
    return F.conv2d(padded, weights, groups=channels)
    ### END SOLUTION


# %% tags=["check:ae-corruptions"]
check("ae-corruptions")

# %% [markdown]
# ## Undo the damage (about 10 min, ●○○)


# %% tags=["exercise:ae-denoising-loss"]
def denoising_loss(model, images: Tensor, corrupt, generator: torch.Generator | None = None) -> Tensor:
    """How far is what the model makes of corrupted images from the clean ones? images (B, C, H, W) -> scalar.

    corrupt(images, generator) is called once, with both arguments by position, also where generator is None.
    model(corrupted) is called once; it returns two things, reconstructions first.
    The answer is reconstruction_loss of the clean images and the reconstructions.
    """
    ### BEGIN SOLUTION
    corrupted = corrupt(images, generator)
    reconstructions, _ = model(corrupted)
    return reconstruction_loss(images, reconstructions)
    ### END SOLUTION


# %% tags=["check:ae-denoising-loss"]
check("ae-denoising-loss")

# %% [markdown]
# ## Questions
#
# **(a)** Why?

# %% [markdown] tags=["answer:ae-worst-picture"]
# *Your answer here.*

# %% [markdown] tags=["answer:ae-which-noise"]
# *Your answer here.*

# %% [markdown] tags=["answer:ae-compression-or-prediction"]
# *Your answer here.*
