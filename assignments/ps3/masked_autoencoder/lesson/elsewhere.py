"""A second device for those who have one only: what the checks use to find tensors made in the wrong place."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode


class _CpuIsElsewhere(TorchFunctionMode):
    """While it holds, `tensor.cpu()` leads to another device than the one on which the tensor lives."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is Tensor.cpu:
            return args[0].to("meta")
        return func(*args, **(kwargs or {}))


def with_another_default_device(function: Callable[..., Any], *args: Any) -> Any:
    """Call `function` where a tensor made without naming a device is a meta tensor: a shape without numbers."""
    with torch.device("meta"), _CpuIsElsewhere():
        return function(*args)
