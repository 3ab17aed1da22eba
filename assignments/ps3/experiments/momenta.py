"""Where the rehearsal of momentum contrast ends: how keys age, losses and k-NN, by momentum, over several seeds."""

import argparse

import torch
from course import reference
from methods.momentum_contrast import PROBLEM

from ps3 import data, training
from ps3.momentum_contrast import parts

MOMENTA = (0.0, 0.9, 0.99)
AGES = (8, 32, 63)
IMAGES = 2_000  # test images of k-NN, from twice as many labelled ones


def rehearsed(momentum: float, pictures: data.ImageSet, steps: int, seed: int) -> tuple[torch.nn.Module, str]:
    """The encoder after the notebook's rehearsal, and how its loss ended and its keys aged."""
    names = reference(PROBLEM)
    online, target = parts.new_networks(seed=seed)
    queue, views = names["Queue"](parts.DIM, parts.QUEUE_SIZE), parts.Views()
    diary = parts.Diary(parts.QUEUE_SIZE // parts.BATCH)

    def step(batch: torch.Tensor) -> torch.Tensor:
        one, two = (pictures.normalize(views(data.to_float(batch))) for _ in range(2))
        loss: torch.Tensor = names["moco_step"](
            online, target, queue, one, diary.note(two), parts.TEMPERATURE, momentum
        )
        return loss

    losses = parts.rehearse([online, target, queue], step, pictures, steps, seed=seed)
    line, strangers = parts.similarity_by_age(queue, target, diary)
    ages = ", ".join(f"{line[age]:.2f} after {age}" for age in AGES if age < len(line))
    ages += f"; strangers {strangers:.2f}; fresh for {parts.fresh_for(line, strangers)} steps"
    return online.encoder, f"loss {sum(losses[-10:]) / 10:.2f}; cosine {ages}"


def main() -> None:
    """Print a line for each seed and momentum."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    torch.set_num_threads(1)
    pictures, steps = data.load(), training.preset("small").steps(PROBLEM, "rehearsal")
    for seed in options.seeds:
        untrained = parts.knn(parts.new_networks(seed=seed)[0].encoder, pictures, 2 * IMAGES, IMAGES)
        print(f"seed {seed}: untrained k-NN {untrained:.3f}", flush=True)
        for momentum in MOMENTA:
            encoder, about = rehearsed(momentum, pictures, steps, seed)
            reached = parts.knn(encoder, pictures, 2 * IMAGES, IMAGES)
            print(f"seed {seed}, m = {momentum:g}: k-NN {reached:.3f}; {about}", flush=True)


if __name__ == "__main__":
    main()
