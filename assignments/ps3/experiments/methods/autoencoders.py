"""Copying, denoising and predicting with one transformer at equal computing; codes of growing size beside PCA."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from course import reference
from torch import Tensor

from ps3 import augment, data, probes, training
from ps3.autoencoders import parts

TWIN, COPY, DENOISE, PREDICT = "random transformer, d96", "autoencoder", "denoising AE", "MAE, equal computing"
STEPS = {COPY: "autoencoder", DENOISE: "denoising", PREDICT: "prediction"}
SIZES = (8, 32, 128)
SIGMA = 0.5

Row = dict[str, Any]
Judged = tuple[str, probes.Features | None, Row]


def run(pictures: data.ImageSet, preset: training.Preset, seed: int) -> Iterator[Judged]:
    names = reference("autoencoders")
    test = pictures.normalize(pictures.test.images[:2_000])
    yield TWIN, _features(parts.new_transformer(seed=seed), pictures), {}
    for name, key in STEPS.items():
        network = parts.new_transformer(seed=seed)
        step = step_of(name, network, pictures, names)
        each = parts.seconds_a_step(network, step, pictures.unlabelled[:64])
        steps = preset.steps("autoencoders", key)
        settings: Row = {"batch_size": 64, "betas": parts.BETAS, "seed": seed}
        progress = training.train(network, step, pictures.unlabelled, steps=steps, **settings)
        torch.manual_seed(seed)
        error = parts.own_error(lambda images, n=name, net=network: _answer(n, net, images, names), test[:500])
        measured = {"error on its own task": round(error, 4), "milliseconds a step": round(1e3 * each, 1)}
        about = {"steps": progress.step, "loss": round(progress.smooth_loss(), 2), "precision": progress.precision}
        yield name, _features(network, pictures), about | {"measured": measured}
    yield from _code_sizes(pictures, preset, seed, test, names)


def _features(network: parts.PatchTransformer, pictures: data.ImageSet) -> probes.Features:
    sets = pictures.train.images, pictures.test.images
    train, test = (probes.features_of(network.features, pictures, images) for images in sets)
    return train, test


def step_of(
    name: str, network: parts.PatchTransformer, pictures: data.ImageSet, names: Mapping[str, Any]
) -> Callable[[Tensor], Tensor]:
    def step(batch: Tensor) -> Tensor:
        target, answer = _answer(name, network, pictures.normalize(augment.flip(batch)), names)
        loss: Tensor = names["reconstruction_loss"](target, answer.float())
        return loss

    return step


def _answer(
    name: str, network: parts.PatchTransformer, images: Tensor, names: Mapping[str, Any]
) -> tuple[Tensor, Tensor]:
    """What the network should paint, and what it paints."""
    if name == PREDICT:
        hidden = parts.hide(images)
        area = parts.as_pixels(hidden, images)
        return parts.relief(images) * area, network(images, hidden)[0] * area
    return images, network(names["add_noise"](images, SIGMA) if name == DENOISE else images)[0]


def _code_sizes(
    pictures: data.ImageSet, preset: training.Preset, seed: int, test: Tensor, names: Mapping[str, Any]
) -> Iterator[Judged]:
    """The share of a picture that is wrong, by the size of the code; the largest codes are judged as features."""
    pca, mean = parts.PCA(pictures.normalize(pictures.train.images[:10_000])), test.mean(dim=0)
    wrong: dict[str, float] = {}
    for size in SIZES:
        torch.manual_seed(seed)
        network = names["Autoencoder"](code_dim=size)

        def step(batch: Tensor, network: Any = network) -> Tensor:
            images = pictures.normalize(augment.flip(batch))
            loss: Tensor = names["reconstruction_loss"](images, network(images)[0])
            return loss

        steps = preset.steps("autoencoders", "code")
        parts.quick_training(network, step, pictures.unlabelled, steps, lr=parts.CODE_LR, seed=seed)
        with torch.no_grad():
            wrong[f"network, code of {size}"] = round(parts.share_wrong(test, network(test)[0], mean), 4)
        wrong[f"PCA, code of {size}"] = round(parts.share_wrong(test, pca.reconstruct(test, size), mean), 4)
    sets = pictures.train.images, pictures.test.images
    yield "narrow autoencoder", _pair(parts.codes_by(network.encode, pictures, sets)), {"measured": wrong}
    yield "PCA", _pair(parts.codes_by(lambda images: pca.encode(images, SIZES[-1]), pictures, sets)), {}


def _pair(features: list[Tensor]) -> probes.Features:
    train, test = features
    return train, test


def _over(rows: Mapping[str, Row], judge: str) -> float:
    """What predicting gains over copying at 10,000 labels."""
    values = [rows[name]["knn"] if judge == "knn" else rows[name][judge]["10000"][0] for name in (PREDICT, COPY)]
    return float(values[0] - values[1])


DEMANDS: tuple[tuple[str, Callable[[Mapping[str, Row]], float], float], ...] = (
    ("ridge: MAE over the autoencoder at equal computing, 10,000 labels", lambda rows: _over(rows, "ridge"), 0.03),
    ("probe: MAE over the autoencoder at equal computing, 10,000 labels", lambda rows: _over(rows, "probe"), 0.03),
    ("knn: MAE over the autoencoder at equal computing", lambda rows: _over(rows, "knn"), 0.06),
)
