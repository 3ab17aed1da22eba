"""The encoder of notebook 1 without its training: reads the weights that notebook 1 saved, for whoever judges them."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ps3.transformer import Block, initialize, sincos_positions


class FrozenTransformer(nn.Module):
    """Normalised images (B, C, H, W) -> features (B, dim), as `MAEEncoder.features` gives them; same names of weights.

    A new one has random weights and is MAE's random twin.
    """

    def __init__(self, image_size=(32, 32), patch_size=4, channels=3, dim=128, depth=4, heads=4):
        super().__init__()
        grid = [side // patch_size for side in image_size]
        self.kernel = (dim, patch_size, patch_size, channels)
        self.patch_embed = nn.Linear(patch_size**2 * channels, dim)
        self.cls_token = nn.Parameter(0.02 * torch.randn(1, 1, dim))
        self.register_buffer("pos_embed", F.pad(sincos_positions(dim, *grid), (0, 0, 1, 0)).unsqueeze(0))
        self.blocks = nn.ModuleList(Block(dim, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        initialize(self)

    def forward(self, images: Tensor) -> Tensor:
        kernel = self.patch_embed.weight.reshape(self.kernel).permute(0, 3, 1, 2)
        maps = F.conv2d(images, kernel, self.patch_embed.bias, stride=self.kernel[1])  # (B, D, rows, columns)
        x = (
            self.pos_embed
            + F.pad(maps.flatten(2).mT, (0, 0, 1, 0))
            + F.pad(self.cls_token, (0, 0, 0, maps[0, 0].numel()))
        )
        for block in self.blocks:
            x = block(x)
        tokens = self.norm(x)
        return tokens[:, 1:].mean(1)
