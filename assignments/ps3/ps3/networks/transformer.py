"""Transformer parts that the exercises build on: the block and the fixed positions.

Shapes use the alphabet of the handout: B batch, N tokens, D width.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Attention(nn.Module):
    """Multi-head self-attention: (B, N, D) -> (B, N, D)."""

    def __init__(self, dim: int, heads: int):
        super().__init__()
        if dim % heads:
            raise ValueError(f"dim {dim} cannot be split over {heads} heads")
        self.heads = heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, dim = x.shape
        qkv = self.qkv(x).reshape(batch, tokens, 3, self.heads, dim // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)  # each (B, heads, N, D / heads)
        if x.is_cuda:
            y = F.scaled_dot_product_attention(q, k, v)
        else:  # on a CPU in bfloat16 the fused version's backward pass is several times slower than this
            scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)  # (B, heads, N, N)
            y = scores.softmax(dim=-1) @ v
        return self.proj(y.transpose(1, 2).reshape(batch, tokens, dim))


class Block(nn.Module):
    """One pre-norm transformer block, (B, N, D) -> (B, N, D): attention, then an MLP four times as wide.

    Both are added to their input; every token sees every token.
    """

    def __init__(self, dim: int, heads: int):
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=1e-6)
        self.attn = Attention(dim, heads)
        self.norm2 = nn.LayerNorm(dim, eps=1e-6)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))
        initialize(self)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


def initialize(module: nn.Module) -> None:
    """Give every linear layer inside `module` Xavier-uniform weights and a zero bias, as the published MAE does."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def sincos_positions(dim: int, rows: int, columns: int) -> Tensor:
    """Fixed sine-cosine positions of a grid of patches, (rows * columns, dim) float32, row by row.

    The first half of the width tells the column, the second half the row; each half holds sines, then cosines, of
    frequencies from 1 down to nearly 1/10000. Same convention as the published MAE. `dim` must be divisible by 4.
    """
    if dim % 4:
        raise ValueError(f"sincos_positions needs a dim that 4 divides, got {dim}")
    quarter = dim // 4
    frequencies = 10_000.0 ** (-torch.arange(quarter, dtype=torch.float64) / quarter)
    row, column = torch.meshgrid(
        torch.arange(rows, dtype=torch.float64), torch.arange(columns, dtype=torch.float64), indexing="ij"
    )
    angles = [where.reshape(-1, 1) * frequencies for where in (column, row)]  # each (rows * columns, dim / 4)
    return torch.cat([wave(angle) for angle in angles for wave in (torch.sin, torch.cos)], dim=1).float()
