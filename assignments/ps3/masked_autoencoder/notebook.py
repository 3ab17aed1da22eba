# %% [markdown]
# # 1. What is behind the grey squares?

# %% tags=["given"]
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kit import check
from ps3.transformer import Block, initialize, sincos_positions

# %% [markdown]
# ## 1.1 From image to tokens
#
# A transformer reads a sequence. Cut the image into square patches, row by row, and flatten each one.


# %% tags=["exercise:mae-patchify"]
def patchify(images: Tensor, patch_size: int) -> Tensor:
    """Cut each image (B, C, H, W) into a sequence of flattened square patches (B, N, P*P*C).

    Patches are taken row by row: N = (H / P) * (W / P).
    Inside a patch the order is (row, column, channel): the channel varies fastest.
    Raises ValueError, saying why, where P does not divide both H and W. H and W may differ.
    """
    ### BEGIN SOLUTION
    batch, channels, height, width = images.shape
    if height % patch_size or width % patch_size:
        raise ValueError(f"patches of {patch_size} do not fit into images of {height}x{width}")
    rows, columns = height // patch_size, width // patch_size
    x = images.reshape(batch, channels, rows, patch_size, columns, patch_size)
    x = x.permute(0, 2, 4, 3, 5, 1)  # (B, rows, columns, P, P, C)
    return x.reshape(batch, rows * columns, patch_size * patch_size * channels)
    ### END SOLUTION


# %% tags=["check:mae-patchify"]
check("mae-patchify")

# %% [markdown]
# ## 1.2 And back
#
# The way back, from tokens to an image of a known size.


# %% tags=["exercise:mae-unpatchify"]
def unpatchify(patches: Tensor, patch_size: int, image_size: tuple[int, int]) -> Tensor:
    """Put patches (B, N, P*P*C) together again: images (B, C, H, W), where image_size is (H, W).

    Patches and the numbers inside each stand in the order of `patchify`.
    Raises ValueError, saying why, where N patches do not fill the image or P*P does not divide the patch's length.
    """
    ### BEGIN SOLUTION
    batch, count, length = patches.shape
    rows, columns = image_size[0] // patch_size, image_size[1] // patch_size
    if (rows * patch_size, columns * patch_size) != tuple(image_size) or count != rows * columns:
        raise ValueError(f"{count} patches of {patch_size} do not fill an image of {image_size[0]}x{image_size[1]}")
    if length % patch_size**2:
        raise ValueError(f"a patch of {patch_size}x{patch_size} pixels cannot hold {length} numbers")
    x = patches.reshape(batch, rows, columns, patch_size, patch_size, length // patch_size**2)
    x = x.permute(0, 5, 1, 3, 2, 4)  # (B, C, rows, P, columns, P)
    return x.reshape(batch, -1, rows * patch_size, columns * patch_size)
    ### END SOLUTION


# %% tags=["check:mae-unpatchify"]
check("mae-unpatchify")

# %% [markdown]
# ## 1.3 Masking
#
# Each image gets its own random set of patches that the encoder may see.


# %% tags=["exercise:mae-random-masking"]
def random_masking(tokens: Tensor, mask_ratio: float, noise: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Keep K = int(N * (1 - mask_ratio)) tokens of each image, chosen by noise. 0 <= mask_ratio < 1.

    tokens: (B, N, D). noise: (B, N) without ties; if None, a fresh draw from torch.rand, another one for each image.
    Returns (visible, mask, ids_restore):
    visible (B, K, D): the tokens with the K smallest noise values, smallest noise first;
    mask (B, N), floating: 0 where the token was kept, 1 where it was removed, in the order of `tokens`;
    ids_restore (B, N), int64: sort the whole image's tokens by noise; token n then stands at place ids_restore[n].
    """
    ### BEGIN SOLUTION
    batch, count, width = tokens.shape
    if noise is None:
        noise = torch.rand(batch, count, device=tokens.device)
    keep = int(count * (1 - mask_ratio))
    ids_shuffle = noise.argsort(dim=1)  # who stands at place i
    ids_restore = ids_shuffle.argsort(dim=1)  # where token n went
    ids_keep = ids_shuffle[:, :keep]
    visible = tokens.gather(1, ids_keep.unsqueeze(-1).expand(-1, -1, width))  # (B, K, D)
    mask = (ids_restore >= keep).to(tokens.dtype)
    return visible, mask, ids_restore
    ### END SOLUTION


# %% tags=["check:mae-random-masking"]
check("mae-random-masking")

# %% [markdown]
# ## 1.4 The encoder
#
# It sees only what was kept. The constructor is given; you write the two methods.


# %% tags=["given"]
class MAEEncoderBase(nn.Module):
    """Parts of the encoder. pos_embed (1, 1 + N, D): row 0 belongs to the class token, row 1 + n to patch n."""

    def __init__(self, image_size=(32, 32), patch_size=4, channels=3, dim=128, depth=4, heads=4):
        super().__init__()
        self.image_size, self.patch_size, self.channels = tuple(image_size), patch_size, channels
        self.dim, self.depth, self.heads = dim, depth, heads
        self.patch_embed = nn.Linear(patch_size**2 * channels, dim)
        self.cls_token = nn.Parameter(0.02 * torch.randn(1, 1, dim))
        positions = sincos_positions(dim, image_size[0] // patch_size, image_size[1] // patch_size)
        self.register_buffer("pos_embed", torch.cat([torch.zeros(1, dim), positions]).unsqueeze(0))
        self.blocks = nn.ModuleList(Block(dim, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        initialize(self)


# %% tags=["exercise:mae-encoder"]
class MAEEncoder(MAEEncoderBase):
    """The half that sees: a transformer on the patches that were not removed."""

    def forward(
        self, images: Tensor, mask_ratio: float = 0.75, noise: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Encode the visible patches of images (B, C, H, W): (latent (B, 1 + K, D), mask, ids_restore).

        latent holds the class token first, then the K visible patches in the order of `random_masking`.
        mask and ids_restore are those of `random_masking`, to which mask_ratio and noise are passed on.
        Raises ValueError, saying why, where images are not self.channels x self.image_size.
        """
        ### BEGIN SOLUTION
        if tuple(images.shape[1:]) != (self.channels, *self.image_size):
            raise ValueError(
                f"this encoder reads {self.channels} channels of {self.image_size}, not {tuple(images.shape[1:])}"
            )
        tokens = self.patch_embed(patchify(images, self.patch_size)) + self.pos_embed[:, 1:]  # (B, N, D)
        visible, mask, ids_restore = random_masking(tokens, mask_ratio, noise)
        cls_token = (self.cls_token + self.pos_embed[:, :1]).expand(len(images), -1, -1)
        x = torch.cat([cls_token, visible], dim=1)  # (B, 1 + K, D)
        for block in self.blocks:
            x = block(x)
        return self.norm(x), mask, ids_restore
        ### END SOLUTION

    def features(self, images: Tensor) -> Tensor:
        """One vector per image (B, D): the same sequence with nothing masked, class token included;
        then, after the norm, the mean over the N patch tokens without the class token. Gradients flow.

        Raises ValueError, saying why, where images are not self.channels x self.image_size.
        """
        ### BEGIN SOLUTION
        latent, _, _ = self(images, mask_ratio=0.0)  # in random order: a mean does not mind
        return latent[:, 1:].mean(dim=1)
        ### END SOLUTION


# %% tags=["check:mae-encoder"]
check("mae-encoder")

# %% [markdown]
# ## 1.5 The decoder
#
# It receives the latents and must say something about every patch, hidden ones included.


# %% tags=["given"]
class MAEDecoderBase(nn.Module):
    """Parts of the decoder. pos_embed (1, 1 + N, D): row 0 belongs to the class token, row 1 + n to patch n."""

    def __init__(self, image_size=(32, 32), patch_size=4, channels=3, encoder_dim=128, dim=64, depth=1, heads=4):
        super().__init__()
        self.image_size, self.patch_size, self.channels = tuple(image_size), patch_size, channels
        self.encoder_dim, self.dim, self.depth, self.heads = encoder_dim, dim, depth, heads
        self.embed = nn.Linear(encoder_dim, dim)
        self.mask_token = nn.Parameter(0.02 * torch.randn(1, 1, dim))
        positions = sincos_positions(dim, image_size[0] // patch_size, image_size[1] // patch_size)
        self.register_buffer("pos_embed", torch.cat([torch.zeros(1, dim), positions]).unsqueeze(0))
        self.blocks = nn.ModuleList(Block(dim, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.predict = nn.Linear(dim, patch_size**2 * channels)
        initialize(self)


# %% tags=["exercise:mae-decoder"]
class MAEDecoder(MAEDecoderBase):
    """The half that guesses: from a few latents to a prediction for every patch."""

    def forward(self, latent: Tensor, ids_restore: Tensor) -> Tensor:
        """Predict every patch (B, N, P*P*C) from latent (B, 1 + K, encoder_dim) and ids_restore (B, N).

        latent: class token first, then the K visible patches in shuffled order, as the encoder returns them.
        Row n of the answer is about patch n, in the order that ids_restore brings back.
        The class token goes through the blocks with the patches, with row 0 of pos_embed; its output is dropped.
        """
        ### BEGIN SOLUTION
        x = self.embed(latent)  # (B, 1 + K, dim)
        batch, seen, dim = x.shape
        missing = ids_restore.shape[1] - (seen - 1)
        shuffled = torch.cat([x[:, 1:], self.mask_token.expand(batch, missing, -1)], dim=1)  # (B, N, dim)
        patches = shuffled.gather(1, ids_restore.unsqueeze(-1).expand(-1, -1, dim))
        x = torch.cat([x[:, :1], patches], dim=1) + self.pos_embed  # (B, 1 + N, dim)
        for block in self.blocks:
            x = block(x)
        return self.predict(self.norm(x))[:, 1:]
        ### END SOLUTION


# %% tags=["check:mae-decoder"]
check("mae-decoder")

# %% [markdown]
# ## 1.6 The loss
#
# Only the removed patches count.


# %% tags=["exercise:mae-loss"]
def mae_loss(
    images: Tensor, predictions: Tensor, mask: Tensor, patch_size: int, normalize_targets: bool = True
) -> Tensor:
    """Mean squared error of predictions (B, N, P*P*C) on the removed patches of images (B, C, H, W): a scalar.

    The target of a patch is its pixels, in the order of `patchify`; with normalize_targets, each patch on its own:
    (x - mean) / sqrt(variance + 1e-6), the variance unbiased. Targets are constants: no gradient reaches the images.
    The squared error is averaged inside each patch, then over all removed patches (mask 1) of the batch,
    each with the same weight. At least one patch is removed.
    """
    ### BEGIN SOLUTION
    targets = patchify(images, patch_size).detach()
    if normalize_targets:
        mean = targets.mean(dim=-1, keepdim=True)
        variance = targets.var(dim=-1, keepdim=True)
        targets = (targets - mean) / (variance + 1e-6).sqrt()
    error = (predictions - targets).square().mean(dim=-1)  # (B, N)
    return (error * mask).sum() / mask.sum()
    ### END SOLUTION


# %% tags=["check:mae-loss"]
check("mae-loss")

# %% [markdown]
# ## Questions
#
# **(a)** Why is 75 % a good mask ratio for images and 15 % for text? Four to six sentences.

# %% [markdown] tags=["answer:mae-why-75"]
# *Your answer here.*

# %% [markdown]
# **(b)** What would an autoencoder learn that sees everything? Three to five sentences.

# %% [markdown] tags=["answer:mae-sees-everything"]
# *Your answer here.*

# %% [markdown]
# **(c)** What did your model add to the borrowed means? Three to five sentences.

# %% [markdown] tags=["answer:mae-borrowed-means"]
# *Your answer here.*
