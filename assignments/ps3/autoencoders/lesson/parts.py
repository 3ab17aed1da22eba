"""Given parts of the lesson on autoencoders: the transformer that is trained in three ways, and PCA."""

import torch
from torch import Tensor, nn

from ps3.networks.transformer import Block, initialize, sincos_positions


class PatchTransformer(nn.Module):
    """Reads images (B, C, H, W) in patches, each a token, and paints them again.

    The decoder, one block of half the width or so, stands behind the encoder; features are the encoder's alone.
    """

    def __init__(self, image_size=(32, 32), patch_size=4, channels=3, dim=96, depth=3, heads=4, decoder_dim=64):
        super().__init__()
        self.grid = image_size[0] // patch_size, image_size[1] // patch_size
        self.embed = nn.Conv2d(channels, dim, patch_size, patch_size)
        self.register_buffer("places", sincos_positions(dim, *self.grid))
        self.blocks = nn.ModuleList(Block(dim, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.narrow = nn.Linear(dim, decoder_dim)
        self.hole = nn.Parameter(0.02 * torch.randn(decoder_dim))
        self.register_buffer("decoder_places", sincos_positions(decoder_dim, *self.grid))
        self.decoder = nn.Sequential(Block(decoder_dim, heads), nn.LayerNorm(decoder_dim, eps=1e-6))
        self.paint = nn.ConvTranspose2d(decoder_dim, channels, patch_size, patch_size)
        initialize(self)

    def forward(self, images: Tensor, hidden: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(reconstructions (B, C, H, W), codes (B, K, D)); hidden (B, N) bool: patches the encoder never sees."""
        codes = self.encode(images, hidden)
        tokens = self.narrow(codes)  # (B, K, D of the decoder)
        if hidden is not None:
            whole = self.hole.to(tokens.dtype).expand(*hidden.shape, -1).clone()
            whole[~hidden] = tokens.flatten(0, 1)
            tokens = whole
        tokens = self.decoder(tokens + self.decoder_places)
        return self.paint(tokens.transpose(1, 2).unflatten(2, self.grid)), codes

    def encode(self, images: Tensor, hidden: Tensor | None = None) -> Tensor:
        """Codes (B, K, D), one for each patch that is not hidden; the same number of them in every image."""
        tokens = self.embed(images).flatten(2).transpose(1, 2) + self.places  # (B, N, D)
        if hidden is not None:
            tokens = tokens[~hidden].unflatten(0, (len(images), -1))
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(tokens)

    def features(self, images: Tensor) -> Tensor:
        """The mean code of each image, nothing hidden: (B, D)."""
        return self.encode(images).mean(dim=1)
