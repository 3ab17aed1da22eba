"""Assertions about what came from a student: what, where, how far off, what to reconsider.

Everything from a student passes through one of these before a test computes with it, so that any nonsense (None, a
text, NaN, another dtype) ends as a failed test with a message.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kit import tensors
from kit.far_side import ERRORS
from kit.objects import MisusedObject, Object, asked_for, class_of, kind_shown
from kit.plain_values import read
from kit.student import StudentError, StudentMissing
from kit.text import on_one_line

MAX_SAID = 200  # characters of an error's text in a message
if TYPE_CHECKING:
    import torch
    from torch import Tensor

_TOLERANCE = {"float64": 1e-9, "complex128": 1e-9, "float16": 2e-3, "bfloat16": 2e-2}


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
    import numpy as np
    import torch

    dtype: torch.dtype | str = "floating" if any_float else expected.dtype
    tensor = expect_tensor(actual, what=what, shape=tuple(expected.shape), dtype=dtype, finite=False, hint=hint)
    if expected.is_meta or expected.numel() == 0:
        return
    if tensor.is_meta:
        raise CheckFailed(f"{what}: the result is a meta tensor: it has a shape but no numbers", hint)
    if atol is None:
        atol = (
            _TOLERANCE.get(tensors.short(expected.dtype), 1e-5)
            if expected.dtype.is_floating_point or expected.is_complex()
            else 0.0
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
    if not tensors.is_tensor(value):
        raise _another_kind(f"{what}: expected a tensor", value, hint)
    if shape is not None and tuple(value.shape) != tuple(shape):
        raise CheckFailed(f"{what}: expected shape {tuple(shape)}, got {tuple(value.shape)}", hint)
    if dtype is not None and not _fits(value.dtype, dtype):
        wanted = f"a {dtype} dtype" if isinstance(dtype, str) else tensors.short(dtype)
        raise CheckFailed(f"{what}: expected {wanted}, got {tensors.short(value.dtype)}", hint)
    if finite and not value.is_meta and (value.dtype.is_floating_point or value.is_complex()):
        if not value.isfinite().all():
            count = int((~value.isfinite()).sum())
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


def expect_object(value: Any, *, what: str, kind: str | None = None, hint: str | None = None) -> Object:
    """`value`, if it is an object of the student's, and its class is called `kind` (or any); else fail.

    What comes back may be used in operators with plain values, as what `student.make` gives.
    """
    __tracebackhide__ = True
    wanted = f"an object of class {kind}" if kind else "an object"
    if not isinstance(value, Object):
        raise _another_kind(f"{what}: expected {wanted}", value, hint)
    if kind is not None and class_of(value) != kind:
        raise CheckFailed(f"{what}: expected {wanted}, got {kind_shown(value)}", hint)
    return asked_for(value)


def assert_raises(
    kind: type[Exception] | str,
    call: Callable[[], Any],
    *,
    what: str,
    text: str | None = None,
    hint: str | None = None,
) -> Exception:
    """Fail unless `call` raises `kind`. Belongs beside a valid call: else a stub that always raises would pass.

    kind: a class, or the name of one, such as "StackEmpty" which the student's code defines. Not Exception, which any
    slip is. text: a part of what the error says, or a regular expression that is found in it.
    What is not written yet, and what ends the far side, is no answer: those errors pass through.
    """
    __tracebackhide__ = True
    wanted = _wanted(kind)
    try:
        value = call()
    except MisusedObject:
        raise
    except Exception as error:
        if not (isinstance(error, StudentError) or _is_of(error, kind)) or _is_no_answer(error, kind):
            raise
        if not _is_of(error, kind):
            raise CheckFailed(f"{what}: expected {wanted}, got {_raised(error)}", hint) from error
        if text is not None and not _says(error, text):
            said = on_one_line(_words(error), MAX_SAID) or "nothing"
            message = f"{what}: {wanted} is raised, and its text should say {text!r}; it says: {said}"
            raise CheckFailed(message, hint) from error
        return error
    raise CheckFailed(f"{what}: expected {wanted}, but it returned {_kind(value)}", hint)


def _wanted(kind: type[Exception] | str) -> str:
    """Raises TypeError for what no test should expect."""
    name = kind if isinstance(kind, str) else kind.__name__
    if name in ("Exception", "BaseException", "StudentError"):
        raise TypeError(f"assert_raises({name}, …) would take any slip for right: name the class, such as ValueError")
    return f"a {name}" if name[:1] not in "AEIOU" else f"an {name}"


def _is_of(error: Exception, kind: type[Exception] | str) -> bool:
    if not isinstance(kind, str):
        return isinstance(error, kind)
    if (known := ERRORS.get(kind)) is not None:
        return isinstance(error, known)
    return isinstance(error, StudentError) and kind in error.classes


def _is_no_answer(error: Exception, kind: type[Exception] | str) -> bool:
    """Whether something is not written yet, or what a test did to a module before was wrong."""
    if getattr(error, "preparing", False) or isinstance(error, StudentMissing):
        return True
    name = kind if isinstance(kind, str) else kind.__name__
    if isinstance(error, NotImplementedError):
        return name != "NotImplementedError"
    return isinstance(error, NameError) and not _is_of(error, kind)


def _raised(error: Exception) -> str:
    said = error.report() if isinstance(error, StudentError) else f"{type(error).__name__}: {error}"
    too_wide = isinstance(error, StudentError) and error.shown == "Exception"
    return f"{said} (Exception is the class of all errors: raise the one that is meant)" if too_wide else said


def _words(error: Exception) -> str:
    return error.text if isinstance(error, StudentError) else str(error)


def _says(error: Exception, text: str) -> bool:
    words = _words(error)
    if text in words:
        return True
    try:
        return re.search(text, words) is not None
    except re.error:
        return False


def _another_kind(said: str, value: Any, hint: str | None) -> CheckFailed:
    if value is None:
        hint = "does every way through your function end in a return?"
    return CheckFailed(f"{said}, got {_kind(value)}", hint)


def _fits(actual: torch.dtype, wanted: torch.dtype | str) -> bool:
    if wanted == "floating":
        return actual.is_floating_point
    if wanted == "integer":
        return not (actual.is_floating_point or actual.is_complex or tensors.short(actual) == "bool")
    return actual == wanted


def _kind(value: Any) -> str:
    if tensors.is_tensor(value):
        return f"a tensor of shape {tuple(value.shape)}, {tensors.short(value.dtype)}"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, Object):
        return kind_shown(value)
    name = type(value).__name__
    return "None" if value is None else f"{'an' if name[:1] in 'aeiou' else 'a'} {name}"


def _number(value: Tensor) -> str:
    number = value.item()
    if not isinstance(number, float):
        return str(number)
    return f"{number:.4f}" if 1e-3 <= abs(number) < 1e5 else f"{number:.4g}"
