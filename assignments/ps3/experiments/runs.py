"""Train what the notebooks train and judge it as they do, over several seeds, with the notebooks' own functions.

Features are judged three ways: by the library's ridge regression and k-NN (the first two notebooks), and by the
softmax probe that students write in the third, taken from its reference.
"""

import argparse
import contextlib
import dataclasses
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import methods
import torch
from course import HERE, reference
from torch import Tensor

from ps3 import augment, data, probes, training
from ps3.linear_probe import networks
from ps3.linear_probe.table import usual_l2
from ps3.networks.resnet import ProjectionHead, ResNet8

LABELLED = 10_000
LABEL_COUNTS = (500, 1_000, 5_000, LABELLED)
MAE_BETAS = (0.9, 0.95)
TEMPERATURE = 0.2
JUDGES = ("ridge", "probe")

Row = dict[str, Any]
# a method, its features (None: they are not judged), what is worth keeping of its training
Judged = tuple[str, probes.Features | None, Row]


def features_of(look: probes.Encoder, pictures: data.ImageSet) -> probes.Features:
    """Features of the labelled training images and of the test images."""
    train, test = (probes.features_of(look, pictures, part.images) for part in (pictures.train, pictures.test))
    return train, test


def softmax_probe() -> probes.Judge:
    """The instrument of the notebook on linear probes."""
    names = reference("linear_probe")

    def judge(train: Tensor, labels: Tensor, test: Tensor, test_labels: Tensor) -> float:
        near, far = names["standardize"](train, test)
        weight, bias = names["fit_linear_probe"](near, labels, int(labels.max()) + 1, usual_l2(near.shape[1]))
        return float(names["accuracy"](weight, bias, far, test_labels))

    return judge


def judge(features: probes.Features, known: data.ImageSet) -> Row:
    """Accuracies by judge and number of labels, and that of k-NN."""
    judges = {"ridge": probes.ridge_accuracy, "probe": softmax_probe()}
    row: Row = {"dim": features[0].shape[1]}
    for name, instrument in judges.items():
        found = probes.by_label_count(instrument, features, known, LABEL_COUNTS)
        row[name] = {str(count): [round(value, 4) for value in values] for count, values in found.items()}
    train, test = features
    return row | {"knn": round(probes.knn(train, known.train.labels, test, known.test.labels), 4)}


def trained(progress: training.Progress) -> Row:
    """What is worth keeping of a training."""
    return {"steps": progress.step, "loss": round(progress.smooth_loss(), 4), "precision": progress.precision}


def run_controls(pictures: data.ImageSet, preset: training.Preset, seed: int) -> Iterator[Judged]:
    for name, look in (("pixels", probes.pixels), ("hand-crafted", probes.hand_crafted)):
        yield name, (look(pictures.train.images), look(pictures.test.images)), {}


def run_mae(pictures: data.ImageSet, preset: training.Preset, seed: int) -> Iterator[Judged]:
    names = reference("masked_autoencoder")
    torch.manual_seed(seed)
    encoder, decoder = names["MAEEncoder"](), names["MAEDecoder"]()
    yield "random transformer", features_of(encoder.features, pictures), {}

    def step(batch: Tensor) -> Tensor:
        images = pictures.normalize(augment.flip(batch))
        latent, mask, ids_restore = encoder(images)
        return names["mae_loss"](images, decoder(latent, ids_restore), mask, encoder.patch_size)

    progress = training.train(
        [encoder, decoder],
        step,
        pictures.unlabelled,
        steps=preset.steps("masked_autoencoder"),
        batch_size=preset.batch_size,
        betas=MAE_BETAS,
        seed=seed,
    )
    yield "MAE", features_of(encoder.features, pictures), trained(progress)


def run_simclr(pictures: data.ImageSet, preset: training.Preset, seed: int) -> Iterator[Judged]:
    names = reference("contrastive_learning")
    torch.manual_seed(seed)
    encoder, head = ResNet8(), ProjectionHead()
    yield "random ResNet", features_of(encoder, pictures), {}
    views = augment.SimCLRViews(names["crop_and_resize"])

    def step(batch: Tensor) -> Tensor:
        both = torch.cat(names["two_views"](data.to_float(batch), views))
        one, two = head(encoder(pictures.normalize(both))).float().chunk(2)
        with training.full_precision(one.device):
            return names["nt_xent"](one, two, TEMPERATURE)

    progress = training.train(
        [encoder, head],
        step,
        pictures.unlabelled,
        steps=preset.steps("contrastive_learning"),
        batch_size=preset.batch_size,
        weight_decay=1e-4,
        schedule=training.cosine,
        seed=seed,
    )
    yield "SimCLR", features_of(encoder, pictures), trained(progress)


def run_supervised(pictures: data.ImageSet, preset: training.Preset, seed: int) -> Iterator[Judged]:
    torch.manual_seed(seed)
    everything = data.load(pictures.name)
    encoder, classifier = ResNet8(), torch.nn.Linear(ResNet8.dim, len(pictures.classes))

    def step(batch: Tensor, labels: Tensor) -> Tensor:
        scores = classifier(encoder(pictures.normalize(augment.flip(batch))))
        return torch.nn.functional.cross_entropy(scores.float(), labels)

    progress = training.train(
        [encoder, classifier],
        step,
        everything.train.images,
        everything.train.labels,
        steps=preset.steps("linear_probe", "supervised"),
        batch_size=preset.batch_size,
        schedule=training.cosine,
        seed=seed,
    )
    yield "supervised", features_of(encoder, pictures), trained(progress)


def run_rotation(pictures: data.ImageSet, preset: training.Preset, seed: int) -> Iterator[Judged]:
    """What the notebook on linear probes trains where the others have left nothing; it always starts from the same."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        encoder = networks.rotation(pictures, preset, torch.device("cpu"))
    yield "rotation", features_of(encoder, pictures), {}


Run = Callable[[data.ImageSet, training.Preset, int], Iterator[Judged]]
EXTRAS = methods.by_problem()
RUNS: dict[str, Run] = {
    "controls": run_controls,
    "mae": run_mae,
    "simclr": run_simclr,
    "supervised": run_supervised,
    "rotation": run_rotation,
} | {name: module.run for name, module in EXTRAS.items()}
ONCE = ("controls", "rotation")  # the same whatever the seed


def judged(run: str, pictures: data.ImageSet, preset: training.Preset, seed: int, keep: Path | None) -> dict[str, Row]:
    """Rows of one run by method, out of the features in `keep` where the run's are there."""
    file = kept_file(keep, run, seed) if keep else None
    if file and file.exists():
        found = torch.load(file)
    else:
        found = list(RUNS[run](pictures, preset, seed))
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
            torch.save(found, file)
    return {name: (judge(features, pictures) if features else {}) | about for name, features, about in found}


def kept_file(folder: Path, run: str, seed: int) -> Path:
    """Where all features of a run are kept: a list of its methods, as the run yields them."""
    return folder / f"{run}-{seed}.pt"


def thresholds(found: Mapping[str, Row]) -> list[tuple[str, float, float]]:
    """What one seed's results must show: (what, measured, at least).

    Each demand lies .035 or more below the lowest of three seeds in the small preset: 5,000 test images blur one
    accuracy by .014 and a difference by .02, and another machine or precision adds its own.
    """
    demands = []
    for judge, method, rival, labels, least in DEMANDS:
        values = [_value(found[name], judge, labels) for name in (method, rival) if judge in found.get(name, {})]
        if len(values) == 1 + bool(rival):
            over = f" over {rival}" if rival else ""
            at = f" at {labels:,} labels" if judge != "knn" else ""
            demands.append((f"{judge}: {method}{over}{at}", values[0] - sum(values[1:]), least))
    return demands


def demands_of_extras(found: Mapping[str, Row]) -> list[tuple[str, float, float]]:
    """The same of the extra problems, each as its module says; a demand on rows that are not there is left out."""
    demands = []
    for module in EXTRAS.values():
        for what, value, least in module.DEMANDS:
            with contextlib.suppress(KeyError):
                demands.append((what, value(found), least))
    return demands


def _value(row: Row, judge: str, labels: int) -> float:
    return float(row["knn"]) if judge == "knn" else statistics.mean(row[judge][str(labels)])


DEMANDS: tuple[tuple[str, str, str, int, float], ...] = (  # judge, method, what it is compared with, labels, at least
    ("ridge", "MAE", "", LABELLED, 0.46),
    ("ridge", "MAE", "random transformer", LABELLED, 0.07),
    ("ridge", "MAE", "pixels", LABELLED, 0.06),
    ("ridge", "MAE", "random transformer", 1_000, 0.07),
    ("ridge", "MAE", "pixels", 1_000, 0.08),
    ("ridge", "SimCLR", "", LABELLED, 0.47),
    ("ridge", "SimCLR", "random ResNet", LABELLED, 0.10),
    ("knn", "SimCLR", "random ResNet", LABELLED, 0.14),
    ("probe", "MAE", "", LABELLED, 0.50),
    ("probe", "MAE", "random transformer", LABELLED, 0.08),
    ("probe", "MAE", "pixels", LABELLED, 0.10),
    ("probe", "MAE", "random transformer", 1_000, 0.05),
    ("probe", "MAE", "pixels", 1_000, 0.12),
    ("probe", "SimCLR", "", LABELLED, 0.50),
    ("probe", "SimCLR", "random ResNet", LABELLED, 0.10),
)


def report(results: dict[str, Any]) -> bool:
    """Print the tables and the thresholds; whether all hold for every seed."""
    by_seed = {seed: {n: r for run in runs.values() for n, r in run.items()} for seed, runs in results["seeds"].items()}
    for judge in JUDGES:
        print_table(judge, list(by_seed.values()))
    controls = next((found for found in by_seed.values() if "pixels" in found), {})
    measured: dict[tuple[str, float], list[float]] = {}
    for found in by_seed.values():
        rows = controls | found
        for what, value, least in [*thresholds(rows), *demands_of_extras(rows)]:
            measured.setdefault((what, least), []).append(value)
    print("\n| Threshold | at least | measured, by seed | holds |\n|---|---|---|---|")
    for (what, least), values in measured.items():
        holds = "yes" if min(values) >= least else "NO"
        print(f"| {what} | {least:.2f} | {', '.join(f'{value:.3f}' for value in values)} | {holds} |")
    return all(min(values) >= least for (_, least), values in measured.items())


def print_table(judge: str, seeds: Sequence[Mapping[str, Row]]) -> None:
    """Accuracies of every method that this judge has seen, from the lowest to the highest seed."""
    heads = " | ".join(f"{count:,} labels" for count in LABEL_COUNTS)
    print(f"\n| Features, {judge} | D | {heads} | k-NN | seeds |\n|---{'|---' * (len(LABEL_COUNTS) + 3)}|")
    for name in dict.fromkeys([*TABLE_ORDER, *(name for found in seeds for name in found)]):
        rows = [found[name] for found in seeds if judge in found.get(name, {})]
        if rows:
            counts = [
                [statistics.mean(row[judge][str(count)]) for row in rows if str(count) in row[judge]]
                for count in LABEL_COUNTS
            ]
            cells = [spread(values) for values in [*counts, [row["knn"] for row in rows]]]
            print(f"| {name} | {rows[0]['dim']} | {' | '.join(cells)} | {len(rows)} |")


TABLE_ORDER = (
    "pixels", "hand-crafted", "random transformer", "MAE", "random ResNet", "SimCLR", "rotation", "supervised",
)  # fmt: skip


def spread(values: Sequence[float]) -> str:
    """The one value, or the smallest to the largest; nothing of none."""
    if not values:
        return ""
    low, high = (f"{end(values):.3f}" for end in (min, max))
    return low if low == high else f"{low} to {high}"


def main(argv: Sequence[str] | None = None) -> int:
    options = parser().parse_args(argv)
    shortened = f"-{options.steps}-steps" if options.steps else ""
    where = "" if options.data == data.SMALL else f"-{options.data}"
    path = options.out or HERE / f"results-{options.preset}{where}{shortened}.json"
    results = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"preset": options.preset, "seeds": {}}
    if options.threads:
        torch.set_num_threads(options.threads)
    if not options.report:
        preset = dataclasses.replace(training.preset(options.preset), at_most=options.steps)
        pictures = data.load(options.data).with_labels(LABELLED)
        for seed in options.seeds:
            for name in options.only:
                done = results["seeds"].setdefault(str(seed), {})
                if (name in done or (name in ONCE and seed != options.seeds[0])) and not options.force:
                    continue
                print(f"--- {name}, seed {seed}", flush=True)
                done[name] = judged(name, pictures, preset, seed, options.keep)
                unfinished = path.with_name(path.name + ".part")
                unfinished.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
                os.replace(unfinished, path)
    return 0 if report(results) else 1


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        description="Train and judge the methods of all problems; results are kept and what is done is not done again.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="""examples:
  python assignments/ps3/experiments/runs.py                        three seeds of everything, small preset
  python assignments/ps3/experiments/runs.py --only mae --seeds 0   one run
  python assignments/ps3/experiments/runs.py --keep features        the same; then judge again without training
  python assignments/ps3/experiments/runs.py --report               the tables of what was measured
  python assignments/ps3/experiments/runs.py --preset gpu --steps 4 --seeds 0
                                                                    does the preset run here? (learns nothing)

Exit code 1: a threshold does not hold.""",
    )
    made.add_argument("--preset", default="small", choices=list(training.PRESETS))
    made.add_argument(
        "--data", default=data.SMALL, metavar="SET", help="cifar10: the whole set, once fetched (%(default)s)"
    )
    made.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    made.add_argument("--only", nargs="+", choices=list(RUNS), default=list(RUNS))
    made.add_argument("--steps", type=int, help="at most so many steps a training")
    made.add_argument("--out", type=Path, help="results file (results-PRESET.json beside this script)")
    made.add_argument("--keep", type=Path, metavar="DIR", help="keep all features there; judge those that are there")
    made.add_argument("--threads", type=int, help="CPU threads (torch's choice)")
    made.add_argument("--report", action="store_true", help="run nothing, print the tables")
    made.add_argument("--force", action="store_true", help="run again what is there")
    return made


if __name__ == "__main__":
    sys.exit(main())
