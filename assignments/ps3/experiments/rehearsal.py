"""Where the first lesson's rehearsal ends, over several starts: sixty steps on eight images."""

import argparse

import torch
from course import reference
from runs import MAE_BETAS

from ps3 import augment, data, training


def final_loss(seed: int, images: torch.Tensor, pictures: data.ImageSet) -> float:
    """Mean of the last ten losses of a rehearsal whose weights and random numbers start from the seed."""
    names = reference("masked_autoencoder")
    torch.manual_seed(seed)
    encoder, decoder = names["MAEEncoder"](depth=2), names["MAEDecoder"]()

    def step(batch: torch.Tensor) -> torch.Tensor:
        images = pictures.normalize(augment.flip(batch))
        latent, mask, ids_restore = encoder(images, 0.75)
        return names["mae_loss"](images, decoder(latent, ids_restore), mask, encoder.patch_size)

    progress = training.train(
        [encoder, decoder], step, images, steps=60, batch_size=8, lr=5e-3, betas=MAE_BETAS, seed=seed,
        precision="float32", watch=lambda progress: None,
    )  # fmt: skip
    return progress.smooth_loss(10)


def main() -> None:
    """Print each start's final loss, lowest first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(10)))
    options = parser.parse_args()
    torch.set_num_threads(1)
    pictures = data.load()
    found = sorted(final_loss(seed, pictures.unlabelled[:8], pictures) for seed in options.seeds)
    print(", ".join(f"{loss:.3f}" for loss in found))


if __name__ == "__main__":
    main()
