"""What the run of the lesson on language supervision must show: names find drawings, and drawings classes, unseen.

Recall and zero-shot accuracy are measured here, on the drawings of the vendor that is not trained on. The image tower's
features of CIFAR photos go to the probes of all methods; but it has learned from drawings on white, and never saw a
photo: these numbers say what transfers from one world to another, not what CLIP is worth on photos.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from course import reference
from torch import Tensor

from ps3 import captions, data, probes, training
from ps3.language_supervision import parts

NAMES = ("untrained CLIP tower", "CLIP")
BATCH, LEARNING_RATE = 256, 2e-3
Row = tuple[str, probes.Features | None, dict[str, Any]]


def run(pictures: data.ImageSet, preset: training.Preset, seed: int) -> Iterator[Row]:
    """The towers before and after their training on three vendors, with features of `pictures`."""
    exercises, emoji = reference("language_supervision"), captions.load()
    vocabulary = parts.usual_words(emoji)
    bags = exercises["bag_of_words"]([emoji.caption(n) for n in range(len(emoji))], vocabulary)
    towers = parts.new_towers(len(vocabulary), seed=seed)
    yield NAMES[0], photo_features(towers, pictures), {"measured": measured(towers, emoji, bags, vocabulary, exercises)}

    def step(drawings: Tensor, bags: Tensor) -> Tensor:
        images = parts.varied(emoji.normalize(parts.one_vendor_each(drawings)))
        images, texts = towers.encode_images(images), towers.encode_bags(parts.some_words_dropped(bags))
        with training.full_precision(images.device):
            return exercises["clip_loss"](images.float(), texts.float(), towers.scale)

    progress = training.train(
        towers,
        step,
        parts.training_drawings(emoji),
        bags[parts.names_to_train(emoji)],
        steps=preset.steps("language_supervision"),
        batch_size=BATCH,
        lr=LEARNING_RATE,
        schedule=training.cosine,
        seed=seed,
    )
    about = {"steps": progress.step, "loss": round(progress.smooth_loss(), 4), "precision": progress.precision}
    yield (
        NAMES[1],
        photo_features(towers, pictures),
        about | {"measured": measured(towers, emoji, bags, vocabulary, exercises)},
    )


def photo_features(towers: parts.Towers, pictures: data.ImageSet) -> probes.Features:
    """Features of labelled training images and of test images before the layer into the shared space.

    Photos are normalised with their own mean and deviation: so they arrive as drawings did, around 0 and as wide as 1.
    """
    train, test = (probes.features_of(towers.pixels, pictures, part.images) for part in (pictures.train, pictures.test))
    return train, test


def measured(
    towers: parts.Towers, emoji: captions.Emoji, bags: Tensor, vocabulary: list[str], exercises: Mapping[str, Any]
) -> dict[str, float]:
    """Recall at 10 of known and of new names, both ways, and zero-shot accuracy with and without a prompt."""
    images, texts = parts.image_features(towers, emoji), parts.bag_features(towers, bags)
    found = {}
    for what, chosen in (("known", parts.names_to_train(emoji)), ("new", parts.new_names(emoji))):
        pair = images[chosen], texts[chosen]
        found[f"recall at 10, {what} names"] = exercises["recall_at_k"](*pair, 10)
        found[f"recall at 10, {what} names, captions find drawings"] = exercises["recall_at_k"](*reversed(pair), 10)

    def encode(words: list[str]) -> Tensor:
        return parts.bag_features(towers, exercises["bag_of_words"](words, vocabulary))

    truth = parts.class_labels(emoji)
    tested = truth >= 0
    new = torch.isin(torch.arange(len(emoji)), parts.new_names(emoji))
    found["largest class"] = truth[tested].bincount().max().item() / int(tested.sum())
    for name, templates in {
        "bare name": ["{}"],
        "a photo of a {}": ["a photo of a {}"],
        "{}, {}s": ["{}", "{}s"],
    }.items():
        classifier = exercises["zero_shot_classifier"](encode, list(parts.CLASSES), templates)
        labels = exercises["rank_labels"](images, classifier, 1.0, 1)[1].flatten()
        found[f"zero-shot, {name}"] = (labels == truth)[tested].double().mean().item()
        found[f"zero-shot, {name}, new names"] = (labels == truth)[tested & new].double().mean().item()
    return {name: round(value, 4) for name, value in found.items()}


def _of(row: str, name: str) -> Callable[[Mapping[str, dict]], float]:
    return lambda rows: float(rows[row]["measured"][name])


def _over(rows: Mapping[str, dict], name: str) -> float:
    """How much higher zero-shot accuracy with the bare name is."""
    return _of("CLIP", "zero-shot, bare name")(rows) - _of("CLIP", name)(rows)


def _over_twin(rows: Mapping[str, dict]) -> float:
    """How much more a probe with 10,000 labels reads from features of photos than from those of the untrained twin."""
    ours, twin = (rows[name]["probe"]["10000"] for name in reversed(NAMES))
    return float(ours[0] - twin[0])


DEMANDS: tuple[tuple[str, Callable[[Mapping[str, dict]], float], float], ...] = (
    ("language: zero-shot on 20 classes, held-out vendor", _of("CLIP", "zero-shot, bare name"), 0.34),
    ("language: zero-shot over the largest class", lambda rows: _over(rows, "largest class"), 0.18),
    ("language: bare name over a photo of a {}", lambda rows: _over(rows, "zero-shot, a photo of a {}"), 0.02),
    ("language: recall at 10 of known names, held-out vendor", _of("CLIP", "recall at 10, known names"), 0.45),
    ("language: recall at 10 of new names, held-out vendor", _of("CLIP", "recall at 10, new names"), 0.35),
    ("probe: CLIP over its untrained twin on photos at 10,000 labels", _over_twin, 0.03),
)
