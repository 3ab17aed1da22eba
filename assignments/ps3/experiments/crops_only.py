"""SimCLR with crops and flips alone: what the lesson on contrastive learning shows beside a student's own."""

import argparse
import json

import torch
from course import reference
from runs import TEMPERATURE

from ps3 import augment, data, probes, training
from ps3.contrastive_learning import figures, parts

COPIES = {16822}  # training images that show a neighbour's photo, cut otherwise (22926): told by eye


def crops_only(pictures: data.ImageSet, steps: int, seed: int) -> dict[str, object]:
    """Train once; k-NN from 10,000 labelled images, and the five neighbours of each query in the training split."""
    names = reference("contrastive_learning")
    encoder, head = parts.new_networks(seed=seed)
    views = augment.SimCLRViews(names["crop_and_resize"], jitter=0, grey=0)

    def step(batch: torch.Tensor) -> torch.Tensor:
        both = torch.cat(names["two_views"](data.to_float(batch), views))
        one, two = head(encoder(pictures.normalize(both))).float().chunk(2)
        with training.full_precision(one.device):
            return names["nt_xent"](one, two, TEMPERATURE)

    recipe = {"weight_decay": 1e-4, "schedule": training.cosine, "seed": seed}
    progress = training.train([encoder, head], step, pictures.unlabelled, steps=steps, **recipe)
    chosen = data.labelled_subset(pictures.train.labels, 10_000)
    train = probes.features_of(encoder, pictures, pictures.train.images[chosen])
    test = probes.features_of(encoder, pictures, pictures.test.images)
    labels, truth = pictures.train.labels[chosen], pictures.test.labels
    nearest = chosen[probes.nearest(test[list(figures.QUERIES)], train, 5 + len(COPIES))].tolist()
    return {
        "seed": seed,
        "steps": progress.step,
        "loss": round(progress.smooth_loss(), 3),
        "knn": round(probes.knn(train, labels, test, truth), 4),
        "ridge": round(probes.ridge_accuracy(train, labels, test, truth), 4),
        "neighbours": [[image for image in row if image not in COPIES][:5] for row in nearest],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="small")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    options = parser.parse_args()
    pictures = data.load()
    for seed in options.seeds:
        print(
            json.dumps(crops_only(pictures, training.preset(options.preset).steps("contrastive_learning"), seed)),
            flush=True,
        )


if __name__ == "__main__":
    main()
