"""How fast the masked autoencoder trains: as written here, and as the published MAE arranges it, in one run.

The published arrangement (He et al. 2021, models_mae.py) embeds patches with a convolution, picks the visible tokens
with gather, and calls PyTorch's fused attention through timm's blocks. Sizes, loss, optimiser and batch are the same.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from course import reference
from runs import MAE_BETAS
from torch import Tensor, nn
from torch.nn import functional as F

from ps3 import augment, data, training
from ps3.networks import transformer

BATCH = 128


class FusedAttention(transformer.Attention):
    """scaled_dot_product_attention on every device."""

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, dim = x.shape
        q, k, v = self.qkv(x).reshape(batch, tokens, 3, self.heads, dim // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, tokens, dim))


def published(names: dict[str, Any]) -> tuple[nn.Module, nn.Module]:
    """Encoder and decoder of the same sizes, arranged as the published code arranges them."""

    encoder_class: Any = names["MAEEncoder"]

    class PublishedEncoder(encoder_class):
        def __init__(self) -> None:
            super().__init__()
            self.patch_embed = nn.Conv2d(self.channels, self.dim, self.patch_size, self.patch_size)

        def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            tokens = self.patch_embed(images).flatten(2).transpose(1, 2) + self.pos_embed[:, 1:]  # (B, N, D)
            visible, mask, ids_restore = names["random_masking"](tokens, 0.75)
            cls_token = (self.cls_token + self.pos_embed[:, :1]).expand(len(images), -1, -1)
            x = torch.cat([cls_token, visible], dim=1)  # (B, 1 + K, D)
            for block in self.blocks:
                x = block(x)
            return self.norm(x), mask, ids_restore

    encoder, decoder = PublishedEncoder(), names["MAEDecoder"]()
    for block in [*encoder.blocks, *decoder.blocks]:
        block.attn = FusedAttention(block.attn.qkv.in_features, block.attn.heads)
    return encoder, decoder


def one_step(encoder: nn.Module, decoder: nn.Module, names: dict[str, Any]) -> Callable[[str], None]:
    """A training step on one batch, as a function of the precision."""
    device, pictures = training.best_device(), data.load()
    encoder, decoder = encoder.to(device), decoder.to(device)
    optimizer = training.adamw([encoder, decoder], 2e-3, MAE_BETAS, 0.05)
    batch = pictures.unlabelled[:BATCH].to(device)

    def step(precision: str) -> None:
        optimizer.zero_grad()
        with training.autocast(device, precision):
            images = pictures.normalize(augment.flip(batch))
            latent, mask, ids_restore = encoder(images)
            loss = names["mae_loss"](images, decoder(latent, ids_restore), mask, 4)
        loss.backward()
        optimizer.step()
        loss.item()

    return step


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, help="CPU threads (torch's choice)")
    parser.add_argument("--rounds", type=int, default=8, help="rounds of five steps each (%(default)s)")
    options = parser.parse_args(argv)
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    names = reference("masked_autoencoder")
    steps = {
        "this recipe": one_step(names["MAEEncoder"](), names["MAEDecoder"](), names),
        "published arrangement": one_step(*published(names), names),
    }
    rates: dict[tuple[str, str], list[float]] = {}
    for turn in range(options.rounds + 1):
        for kind, step in steps.items():
            for precision in ("float32", "bfloat16"):
                started = time.perf_counter()
                for _ in range(5):
                    step(precision)
                if turn:  # the first round warms up
                    rates.setdefault((kind, precision), []).append(5 * BATCH / (time.perf_counter() - started))
    where = f"{training.best_device().type}, {torch.get_num_threads()} threads"
    print(f"images/s in training, median of {options.rounds} rounds ({where})\n")
    print("| Model | float32 | bfloat16 |\n|---|---|---|")
    for kind in steps:
        cells = [f"{statistics.median(rates[kind, precision]):,.0f}" for precision in ("float32", "bfloat16")]
        print(f"| {kind} | {' | '.join(cells)} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
