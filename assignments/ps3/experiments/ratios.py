"""How the share of hidden patches changes loss and accuracy, over several seeds: what the first lesson shows."""

import argparse
import json
import os
from pathlib import Path

import torch
from course import HERE, reference
from runs import LABELLED, MAE_BETAS, features_of

from ps3 import augment, data, probes, training

RATIOS = (0.25, 0.5, 0.75, 0.9)


def measure(ratio: float, seed: int, steps: int, pictures: data.ImageSet) -> dict[str, float]:
    """Train one small masked autoencoder; its final loss, its seconds, the accuracy of ridge regression on it."""
    names = reference("masked_autoencoder")
    torch.manual_seed(seed)
    encoder, decoder = names["MAEEncoder"](), names["MAEDecoder"]()

    def step(batch: torch.Tensor) -> torch.Tensor:
        images = pictures.normalize(augment.flip(batch))
        latent, mask, ids_restore = encoder(images, ratio)
        return names["mae_loss"](images, decoder(latent, ids_restore), mask, encoder.patch_size)

    progress = training.train([encoder, decoder], step, pictures.unlabelled, steps=steps, betas=MAE_BETAS, seed=seed)
    train, test = features_of(encoder.features, pictures)
    accuracy = probes.ridge_accuracy(train, pictures.train.labels, test, pictures.test.labels)
    return {"loss": progress.smooth_loss(), "seconds": progress.seconds, "accuracy": accuracy}


def main() -> None:
    """Measure what is not yet in the file of results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=HERE / "ratios.json")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    pictures = data.load().with_labels(LABELLED)
    found = json.loads(options.out.read_text()) if options.out.exists() else {}
    for seed in options.seeds:
        for ratio in RATIOS:
            name = f"{options.steps} steps, ratio {ratio}, seed {seed}"
            if name not in found:
                found[name] = measure(ratio, seed, options.steps, pictures)
                print(name, found[name], flush=True)
                part = options.out.with_suffix(".part")
                part.write_text(json.dumps(found, indent=1) + "\n")
                os.replace(part, options.out)


if __name__ == "__main__":
    main()
