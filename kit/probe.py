"""Judges features that weights give: a linear classifier on them in closed form, fitted where the tests are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kit import tensors
from kit.compare import CheckFailed
from kit.student import Handle, Student
from kit.weights import WeightsError, read_weights
from kit.wire import MAX_ELEMENTS

if TYPE_CHECKING:
    from torch import Tensor

BATCH = 64  # images a request, of which one crosses that holds few enough numbers
MAX_WIDTH = 4_096  # of the features of one image
RIDGE = 1e-2  # of the features' mean square, added to the diagonal
Labelled = tuple["Tensor", "Tensor"]


def probe_accuracy(
    student: Student,
    network: str,
    file: str,
    *,
    train: Labelled,
    test: Labelled,
    method: str = "",
    arguments: Mapping[str, Any] | None = None,
) -> float:
    """How much of `test` a linear classifier on the features of `train` names rightly, from 0 to 1.

    network: the student's class (or function that makes a module), built with `arguments`; it gets the weights in
    `file` and stands in eval mode. method: what gives the features (N, …) of images (N, C, H, W); empty: its forward.
    train, test: images and labels (N,) from 0. Raises CheckFailed where there are no such features.
    Measured once for all tests that ask for the same of the same code.
    """
    key = (network, repr(arguments), file, method, *map(_digest, (*train, *test)))
    if key not in student.measured:
        handle = student.build(network, **(arguments or {})).load(handed_in(student, file)).eval()
        features = [_features(handle, method, images) for images, _ in (train, test)]
        student.measured[key] = ridge_accuracy(features[0], train[1], features[1], test[1])
    student.accuracies[file] = student.measured[key]
    return student.measured[key]


def handed_in(student: Student, file: str) -> dict[str, Tensor]:
    """The weights in a file that the student handed in, by name. CheckFailed where there are none to be read."""
    data = student.find_file(file)
    if data is None:
        raise CheckFailed(f"{file} is not there: write it beside the notebook")
    try:
        return read_weights(data)
    except WeightsError as error:
        raise CheckFailed(f"{file} cannot be used: {error}") from None


def expect_at_least(accuracy: float, threshold: float) -> None:
    """Raises CheckFailed where the accuracy is below."""
    if accuracy < threshold:
        raise CheckFailed(
            f"a linear probe on the features names {accuracy:.1%} rightly, which should be {threshold:.0%}"
        )


def ridge_accuracy(train: Tensor, train_labels: Tensor, test: Tensor, test_labels: Tensor) -> float:
    """Of ridge regression on one-hot labels, in double precision: the same wherever it is computed.

    train (N, D), test (M, D): features; labels (N,) and (M,) from 0. Hastie et al., The Elements of Statistical
    Learning, sections 3.4.1 and 4.2.
    """
    import torch

    mean = train.double().mean(0)
    scale = (train.double() - mean).pow(2).mean().sqrt().clamp_min(1e-12)
    inputs, queries = (
        torch.nn.functional.pad((part.double() - mean) / scale, (0, 1), value=1.0) for part in (train, test)
    )
    targets = torch.nn.functional.one_hot(train_labels).double()
    gram = inputs.T @ inputs / len(inputs)
    gram.diagonal().add_(RIDGE)
    weights = torch.linalg.solve(gram, inputs.T @ targets / len(inputs))
    return float(((queries @ weights).argmax(1) == test_labels).double().mean())


def _digest(tensor: Tensor) -> str:
    return hashlib.sha256(tensor.contiguous().numpy().tobytes()).hexdigest()


def _features(handle: Handle, method: str, images: Tensor) -> Tensor:
    """(N, D), batch by batch."""
    import torch

    size = max(1, min(BATCH, MAX_ELEMENTS // 2 // images[0].numel()))
    return torch.cat([_batch(handle, method, batch) for batch in torch.split(images, size)])


def _batch(handle: Handle, method: str, images: Tensor) -> Tensor:
    features = handle.call(method, images) if method else handle(images)
    if not tensors.is_tensor(features) or features.ndim < 2 or len(features) != len(images):
        raise CheckFailed("the features of a batch are no tensor with a row for each image")
    if features[0].numel() > MAX_WIDTH:
        raise CheckFailed(f"an image has {features[0].numel():,} features, and {MAX_WIDTH:,} are looked at")
    if not features.dtype.is_floating_point or not bool(features.isfinite().all()):
        raise CheckFailed("the features are no finite floating-point numbers")
    return features.flatten(1)
