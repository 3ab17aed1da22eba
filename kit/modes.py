"""Torch's modes that hold for a whole process, and that a student's code may leave changed."""

from collections.abc import Callable
from typing import Any

import torch

_left: list[torch.inference_mode] = []


def _set_inference(on: bool) -> None:
    """Kept: torch leaves a mode when the object that entered it is gone."""
    _left.append(torch.inference_mode(on))
    _left[-1].__enter__()


# Name to how it is read and how it is set; to set inference sets grad as well, and comes before it.
MODES: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "inference": (torch.is_inference_mode_enabled, _set_inference),
    "grad": (torch.is_grad_enabled, torch.set_grad_enabled),
    "default dtype": (torch.get_default_dtype, torch.set_default_dtype),
    "threads": (torch.get_num_threads, torch.set_num_threads),
}


def modes() -> dict[str, Any]:
    """Every mode as it is now."""
    return {name: read() for name, (read, _) in MODES.items()}


def changed(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The names of the modes that differ."""
    return [name for name in MODES if before[name] != after[name]]


def restore(wanted: dict[str, Any]) -> None:
    """Set every mode that is another."""
    for name, (read, put) in MODES.items():
        if read() != wanted[name]:
            put(wanted[name])
