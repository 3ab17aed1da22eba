"""Which of the large libraries a set works with, as its requirements.txt names them, and what follows from that.

A set that does not name torch needs none: nothing of the kit, the worker or the engine loads it then.
"""

from __future__ import annotations

import importlib
import importlib.util
import random
import re
from collections.abc import Collection, Iterable
from typing import Any

from kit import tensors

# What a release may come with, beside Python's library: under the names by which it is imported.
LARGE = ("torch", "numpy", "matplotlib")
# Distributions that bring one of them along.
_BRINGS = {
    "torch": ("torch", "numpy"), "torchvision": ("torch", "numpy"), "torchaudio": ("torch", "numpy"),
    "numpy": ("numpy",), "scipy": ("numpy",), "pandas": ("numpy",), "scikit-learn": ("numpy",),
    "scikit-image": ("numpy",), "matplotlib": ("numpy", "matplotlib"), "seaborn": ("numpy", "matplotlib"),
}  # fmt: skip
_NAME = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)")


def named(requirements: str) -> tuple[str, ...]:
    """Those of LARGE that a requirements.txt names or that come with what it names."""
    return among(match[1] for line in requirements.splitlines() if (match := _NAME.match(line)))


def among(distributions: Iterable[str]) -> tuple[str, ...]:
    """Those of LARGE that these distributions are or bring."""
    names = {re.sub(r"[-_.]+", "-", name).lower() for name in distributions}
    brought = {library for name in names for library in _BRINGS.get(name, ())}
    return tuple(library for library in LARGE if library in brought)


def load(libraries: Collection[str]) -> None:
    """Import those that hold state for a whole process, so that seeds and modes reach them from the first cell on."""
    for name in ("torch", "numpy"):
        if name in libraries and importlib.util.find_spec(name) is not None:
            importlib.import_module(name)


def ready(libraries: Collection[str]) -> None:
    """Load them, on one thread: as at grading, and a process that has started more cannot fork safely."""
    load(libraries)
    tensors.use_one_thread()


def generator(libraries: Collection[str], seed: int) -> Any:
    """What `rng` is: torch's generator, else numpy's, else Python's own, by what the set names."""
    if "torch" in libraries:
        import torch

        return torch.Generator().manual_seed(seed)
    if "numpy" in libraries:
        import numpy

        return numpy.random.default_rng(seed)
    return random.Random(seed)
