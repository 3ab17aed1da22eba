"""The table of the lesson on linear probes: methods, numbers of labels, accuracies."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ps3 import guesses, plots, probes, training
from ps3.data import ImageSet
from ps3.plots.figure import Picture


def usual_l2(dim: int) -> float:
    """The probe's penalty for D features: 1e-3 for 128, and in proportion, as the squared length of a standardised
    feature vector grows with D. Fixed beforehand, the same for every method; never chosen on the test set.
    """
    return 1e-3 * dim / 128


def sensible_try(
    name: object, labels: object, times: object, rows: Iterable[str], counts: Sequence[int]
) -> tuple[str, int, float]:
    """The student's own try as it can be run: a row's features, a number of labels, a factor of the penalty.

    counts: the table's numbers of labels; a try has at most the second. A line says what could not be used.
    """
    classes = 10
    found = guesses.one_of(name, list(rows), called="features_from") or "pixels"
    count = guesses.setting(labels, counts[0], 2 * classes, counts[1], called="labels")
    factor = guesses.number(times, 0.01, 1_000, called="times") or 1.0
    return found, count // classes * classes, factor


@dataclass
class Table:
    """Accuracies by method and number of labels; `known` holds the labelled images.

    rows: name -> (D, {labels: accuracies, one for each draw}).
    """

    known: ImageSet
    judge: probes.Judge
    counts: tuple[int, ...] = training.LABEL_COUNTS
    rows: dict[str, tuple[int, dict[int, list[float]]]] = field(default_factory=dict)

    def add(self, name: str, features: probes.Features) -> None:
        """Judge features of the labelled images and of the test images; says how long it took."""
        started = time.perf_counter()
        accuracies = probes.by_label_count(self.judge, features, self.known, self.counts)
        dim, fits = features[0].shape[1], sum(map(len, accuracies.values()))
        print(f"{name}: {fits} probes of {dim:,} features, {time.perf_counter() - started:.0f} s")
        self.rows[name] = (dim, accuracies)

    def mean(self, name: str, count: int) -> float:
        """Accuracy over the draws of so many labels."""
        values = self.rows[name][1][count]
        return sum(values) / len(values)

    def error(self, name: str, count: int) -> float:
        """The larger of: two standard errors over the test set, half the range of the draws."""
        values = self.rows[name][1][count]
        return max(self.test_error(name, count), (max(values) - min(values)) / 2)

    def test_error(self, name: str, count: int) -> float:
        return 2 * probes.standard_error(self.mean(name, count), len(self.known.test))

    def show(self, guesses: Mapping[str, float | None] | None = None) -> Picture:
        """The table as text, and its last column as dots with the guesses."""
        print(f"{'features':<20}{'D':>6}" + "".join(f"{count:>10,}" for count in self.counts) + "  labels")
        print(f"{'chance':<20}{'':>6}" + "".join(f"{1 / len(self.known.classes):>10.2f}" for _ in self.counts))
        for name, (dim, _) in self.rows.items():
            print(f"{name:<20}{dim:>6,}" + "".join(f"{self.mean(name, count):>10.3f}" for count in self.counts))
        names, most = list(self.rows), self.counts[-1]
        values, errors = ([how(name, most) for name in names] for how in (self.mean, self.error))
        xlabel = f"probe accuracy, {most:,} labels"
        chance, title = 1 / len(self.known.classes), "The table's last column"
        return plots.dots(names, values, errors, chance=chance, guesses=guesses, xlabel=xlabel, title=title)

    def by_labels(self) -> Picture:
        """Accuracy against the number of labels, a line for each row of the table."""
        lines = {name: [self.mean(name, count) for count in self.counts] for name in self.rows}
        errors = {name: [self.error(name, count) for count in self.counts] for name in self.rows}
        return plots.curve(
            self.counts,
            lines,
            errors=errors,
            reference={"chance": 1 / len(self.known.classes)},
            xlabel="labels (log scale)",
            ylabel="probe accuracy",
            log_x=True,
            title="What more labels buy",
        )
