"""What a test can ask of a module: its tensors, modes, hooks, and which of its tensors are one and the same."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn

# As torch calls a module's dicts of hooks; a parameter has the last two alone.
_MODULE_HOOKS = (
    "_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks", "_state_dict_hooks",
    "_state_dict_pre_hooks", "_load_state_dict_pre_hooks", "_load_state_dict_post_hooks",
)  # fmt: skip
_TENSOR_HOOKS = ("_backward_hooks", "_post_accumulate_grad_hooks")


class Numbers:
    """A number for each tensor and each piece of memory, the same whenever it is met again.

    The tensors are kept: what is gone could leave its address to another one.
    """

    def __init__(self) -> None:
        self._known: dict[Hashable, int] = {}
        self._kept: list[Tensor] = []

    def of_object(self, tensor: Tensor) -> int:
        return self._number(("object", id(tensor)), tensor)

    def of_storage(self, tensor: Tensor) -> int:
        return self._number(("storage", tensor.untyped_storage()._cdata), tensor.detach())

    def _number(self, key: Hashable, kept: Tensor) -> int:
        if key not in self._known:
            self._known[key] = len(self._known)
            self._kept.append(kept)
        return self._known[key]


def state_of(module: nn.Module, numbers: Numbers) -> dict[str, Any]:
    """The parts of `kit.student.State`, by name."""
    parameters = dict(module.named_parameters())
    tensors = dict(module.named_parameters(remove_duplicate=False)) | dict(module.named_buffers(remove_duplicate=False))
    return {
        "parameters": parameters,
        "buffers": dict(module.named_buffers()),
        "training": {name: part.training for name, part in module.named_modules()},
        "requires_grad": {name: tensor.requires_grad for name, tensor in parameters.items()},
        "has_gradient": {name: tensor.grad is not None for name, tensor in parameters.items()},
        "hooks": _hooks(module, parameters),
        "objects": {name: numbers.of_object(tensor) for name, tensor in tensors.items()},
        "storages": {name: numbers.of_storage(tensor) for name, tensor in tensors.items()},
    }


def _hooks(module: nn.Module, parameters: dict[str, Any]) -> dict[str, int]:
    parts = {name: _count(part, _MODULE_HOOKS) for name, part in module.named_modules()}
    tensors = {name: _count(tensor, _TENSOR_HOOKS) for name, tensor in parameters.items()}
    return {name: count for name, count in (parts | tensors).items() if count}


def _count(owner: object, kinds: tuple[str, ...]) -> int:
    return sum(len(getattr(owner, kind, None) or ()) for kind in kinds)
