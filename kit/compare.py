"""Assertions about what came from a student: what, where, how far off, what to reconsider.

Everything from a student passes through one of these before a test computes with it, so that any nonsense (None, a
text, NaN, another dtype) ends as a failed test with a message.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kit.plain_values import read
from kit.student import StudentError, StudentMissing

_TOLERANCE = {torch.float64: 1e-9, torch.complex128: 1e-9, torch.float16: 2e-3, torch.bfloat16: 2e-2}


class CheckFailed(AssertionError):
    """An answer is not right; `hint`, if any, replaces the test's own."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


def assert_same(
    actual: Any,
    expected: Tensor,
    *,
    what: str,
    atol: float | None = None,
    rtol: float = 0.0,
    any_float: bool = False,
    hint: str | None = None,
) -> None:
    """Fail unless `actual` is a tensor of the same dtype and shape as `expected`, and close to it everywhere.

    atol: by default 1e-5 for float32, 1e-9 for float64, 0 for integers and bools.
    any_float: accept any floating dtype (where the text leaves it open).
    """
    __tracebackhide__ = True
    dtype: torch.dtype | str = "floating" if any_float else expected.dtype
    tensor = expect_tensor(actual, what=what, shape=tuple(expected.shape), dtype=dtype, finite=False, hint=hint)
    if expected.is_meta or expected.numel() == 0:
        return
    if tensor.is_meta:
        raise CheckFailed(f"{what}: the result is a meta tensor: it has a shape but no numbers", hint)
    if atol is None:
        atol = (
            _TOLERANCE.get(expected.dtype, 1e-5) if expected.dtype.is_floating_point or expected.is_complex() else 0.0
        )
    if not expected.dtype.is_floating_point and not expected.is_complex():
        gap = (tensor.double() - expected.double()).abs()
    else:
        wide = torch.complex128 if expected.is_complex() else torch.float64
        known = torch.isfinite(expected)
        if not torch.isfinite(tensor[known]).all():
            count = int((~torch.isfinite(tensor[known])).sum())
            raise CheckFailed(f"{what}: {count} of {tensor.numel()} values are NaN or infinite", hint)
        gap = (tensor.to(wide) - expected.to(wide)).abs()
        gap = torch.where(tensor == expected, torch.zeros_like(gap), gap)
    wide_expected = expected.abs().double() if expected.is_complex() else expected.double().abs()
    allowed = atol + rtol * torch.nan_to_num(wide_expected, posinf=0.0)
    excess = gap - allowed
    if bool((excess <= 0).all()):
        return
    flat = int(torch.nan_to_num(excess, nan=math.inf).argmax())
    at = tuple(int(i) for i in np.unravel_index(flat, tuple(gap.shape)))  # torch.unravel_index imports sympy: 1.5 s
    place = f" at index {at}" if at else ""
    pair = f"yours {_number(tensor[at])}, expected {_number(expected[at])}"
    wrong = int((~(excess <= 0)).sum())
    share = f"; {wrong} of {gap.numel()} values differ" if gap.numel() > 1 else ""
    raise CheckFailed(f"{what}: off by {gap[at].item():.3g}{place}: {pair}{share}", hint)


def expect_tensor(
    value: Any,
    *,
    what: str,
    shape: tuple[int, ...] | None = None,
    dtype: torch.dtype | str | None = None,
    finite: bool = True,
    hint: str | None = None,
) -> Tensor:
    """`value`, if it is a tensor of this shape and dtype ("floating" and "integer" name the kinds); else fail."""
    __tracebackhide__ = True
    if not isinstance(value, Tensor):
        raise _another_kind(f"{what}: expected a tensor", value, hint)
    if shape is not None and tuple(value.shape) != tuple(shape):
        raise CheckFailed(f"{what}: expected shape {tuple(shape)}, got {tuple(value.shape)}", hint)
    if dtype is not None and not _fits(value.dtype, dtype):
        wanted = f"a {dtype} dtype" if isinstance(dtype, str) else _short(dtype)
        raise CheckFailed(f"{what}: expected {wanted}, got {_short(value.dtype)}", hint)
    if finite and not value.is_meta and (value.dtype.is_floating_point or value.is_complex()):
        if not torch.isfinite(value).all():
            count = int((~torch.isfinite(value)).sum())
            raise CheckFailed(f"{what}: {count} of {value.numel()} values are NaN or infinite", hint)
    return value


def expect_tuple(value: Any, length: int, *, what: str, hint: str | None = None) -> tuple[Any, ...]:
    """`value`, if it is a tuple (or list) of this length; else fail."""
    __tracebackhide__ = True
    if not isinstance(value, (tuple, list)):
        raise _another_kind(f"{what}: expected {length} values", value, hint)
    if len(value) != length:
        raise CheckFailed(f"{what}: expected {length} values, got {len(value)}", hint)
    return tuple(value)


def expect_number(value: Any, *, what: str, kind: type = float, hint: str | None = None) -> Any:
    """`value` as a Python number, if it is one of this kind (bool is no int) and finite; else fail.

    numpy's scalars of the kind count: int64 for int, float32 for float.
    """
    __tracebackhide__ = True
    found, number = read(value)
    if found != kind.__name__:
        raise _another_kind(f"{what}: expected a Python {kind.__name__}", value, hint)
    if found == "float" and not math.isfinite(number):
        raise CheckFailed(f"{what}: the result is {number}", hint)
    return number


def assert_raises(kind: type[Exception], call: Callable[[], Any], *, what: str, hint: str | None = None) -> Exception:
    """Fail unless `call` raises `kind`. Belongs beside a valid call: else a stub that always raises would pass.

    What is not written yet, and what ends the far side, is no answer: those errors pass through.
    """
    __tracebackhide__ = True
    try:
        value = call()
    except kind as error:
        stub = kind is not NotImplementedError and isinstance(error, NotImplementedError)
        if stub or getattr(error, "preparing", False):
            raise
        return error
    except StudentError as error:
        if error.preparing or isinstance(error, (StudentMissing, NotImplementedError, NameError)):
            raise
        raise CheckFailed(f"{what}: expected a {kind.__name__}, got {error.report()}", hint) from error
    raise CheckFailed(f"{what}: expected a {kind.__name__}, but it returned {_kind(value)}", hint)


def _another_kind(said: str, value: Any, hint: str | None) -> CheckFailed:
    if value is None:
        hint = "does every way through your function end in a return?"
    return CheckFailed(f"{said}, got {_kind(value)}", hint)


def _fits(actual: torch.dtype, wanted: torch.dtype | str) -> bool:
    if wanted == "floating":
        return actual.is_floating_point
    if wanted == "integer":
        return not (actual.is_floating_point or actual.is_complex or actual is torch.bool)
    return actual == wanted


def _kind(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}, {_short(value.dtype)}"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    return "None" if value is None else f"a {type(value).__name__}"


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _number(value: Tensor) -> str:
    number = value.item()
    if not isinstance(number, float):
        return str(number)
    return f"{number:.4f}" if 1e-3 <= abs(number) < 1e5 else f"{number:.4g}"
