"""How fast the masked autoencoder trains: this library's attention against PyTorch's fused one, in one run.

The fused one is what the published MAE's blocks call today (through timm). Everything else is the same model.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence

import torch
from runs import MAE_BETAS, reference
from torch import Tensor
from torch.nn import functional as F

from ps3 import augment, data, training, transformer

BATCH = 128


def fused(self: transformer.Attention, x: Tensor) -> Tensor:
    """The forward pass of `Attention` with scaled_dot_product_attention on every device."""
    batch, tokens, dim = x.shape
    q, k, v = self.qkv(x).reshape(batch, tokens, 3, self.heads, dim // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
    return self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(batch, tokens, dim))


def one_step(device: torch.device) -> Callable[[str], None]:
    """A training step of the small model on one batch, as a function of the precision."""
    names, pictures = reference("masked_autoencoder"), data.load()
    torch.manual_seed(0)
    encoder, decoder = names["MAEEncoder"]().to(device), names["MAEDecoder"]().to(device)
    optimizer = training.adamw([encoder, decoder], 2e-3, MAE_BETAS, 0.05)
    batch = pictures.unlabelled[:BATCH].to(device)

    def step(precision: str) -> None:
        optimizer.zero_grad()
        with training.autocast(device, precision):
            images = pictures.normalize(augment.flip(batch))
            latent, mask, ids_restore = encoder(images)
            loss = names["mae_loss"](images, decoder(latent, ids_restore), mask, encoder.patch_size)
        loss.backward()
        optimizer.step()
        loss.item()

    return step


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, help="CPU threads (torch's choice)")
    parser.add_argument("--rounds", type=int, default=8, help="rounds of five steps each (%(default)s)")
    options = parser.parse_args(argv)
    if options.threads:
        torch.set_num_threads(options.threads)
    device = training.best_device()
    step, ours = one_step(device), transformer.Attention.forward
    kinds = {"this library": ours, "fused attention": fused}
    rates: dict[tuple[str, str], list[float]] = {}
    for turn in range(options.rounds + 1):
        for kind, forward in kinds.items():
            transformer.Attention.forward = forward
            for precision in ("float32", "bfloat16"):
                started = time.perf_counter()
                for _ in range(5):
                    step(precision)
                if turn:  # the first round warms up
                    rates.setdefault((kind, precision), []).append(5 * BATCH / (time.perf_counter() - started))
    transformer.Attention.forward = ours
    print(
        f"images/s in training, median of {options.rounds} rounds ({device.type}, {torch.get_num_threads()} threads)\n"
    )
    print("| Attention | float32 | bfloat16 |\n|---|---|---|")
    for kind in kinds:
        cells = [f"{statistics.median(rates[kind, precision]):,.0f}" for precision in ("float32", "bfloat16")]
        print(f"| {kind} | {' | '.join(cells)} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
