"""Torch's modes that hold for a whole process, and that a student's code may leave changed."""

from collections.abc import Callable
from typing import Any

from kit import tensors

_left: list[Any] = []


def _set_inference(torch: Any, on: bool) -> None:
    """Kept: torch leaves a mode when the object that entered it is gone."""
    _left.append(torch.inference_mode(on))
    _left[-1].__enter__()


# Name to how it is read and how it is set; to set inference sets grad as well, and comes before it.
MODES: dict[str, tuple[Callable[[Any], Any], Callable[[Any, Any], Any]]] = {
    "inference": (lambda torch: torch.is_inference_mode_enabled(), _set_inference),
    "grad": (lambda torch: torch.is_grad_enabled(), lambda torch, on: torch.set_grad_enabled(on)),
    "default dtype": (lambda torch: torch.get_default_dtype(), lambda torch, dtype: torch.set_default_dtype(dtype)),
    "threads": (lambda torch: torch.get_num_threads(), lambda torch, number: torch.set_num_threads(number)),
}


def modes() -> dict[str, Any]:
    """Every mode as it is now; none where torch is not loaded."""
    torch = tensors.loaded()
    return {} if torch is None else {name: read(torch) for name, (read, _) in MODES.items()}


def changed(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The names of the modes that differ."""
    return [name for name in before if before[name] != after[name]]


def restore(wanted: dict[str, Any]) -> None:
    """Set every mode that is another."""
    torch = tensors.loaded()
    for name, value in wanted.items():
        read, put = MODES[name]
        if read(torch) != value:
            put(torch, value)
