"""Where two of numpy's arrays differ: shape, dtype, how far off and at which index, how many values."""

from __future__ import annotations

from typing import Any

import numpy as np

from kit.differences import Tolerance, ValueDifference, off_by, pair

KINDS = "biufcUS"  # bool, integers, floats, complex, texts and bytes
_WHOLE = "iu"


def array_difference(mine: Any, theirs: Any, path: str, tolerance: Tolerance, any_kind: bool) -> ValueDifference | None:
    """The value that is farthest off; of what is no float the first that differs. None where nothing does."""
    if mine.shape != theirs.shape:
        return ValueDifference(path, f"expected shape {theirs.shape}, got {mine.shape}")
    if not _fits(mine.dtype, theirs.dtype, any_kind):
        return ValueDifference(path, f"expected an array of {theirs.dtype}, got {mine.dtype}")
    whole = mine.dtype.kind in _WHOLE and theirs.dtype.kind in _WHOLE
    if mine.size == 0 or theirs.dtype.kind not in "iufc" or (whole and tolerance.is_open):
        return _first(mine, theirs, path)
    return _farthest(mine, theirs, path, tolerance.of("int" if whole else str(theirs.dtype)))


def _fits(mine: Any, theirs: Any, any_kind: bool) -> bool:
    if mine.kind == theirs.kind and mine.kind in "US":
        return True
    numbers = mine.kind in "iufc" and theirs.kind in "iufc"
    return bool(mine.newbyteorder("=") == theirs.newbyteorder("=")) or (any_kind and numbers)


def _first(mine: Any, theirs: Any, path: str) -> ValueDifference | None:
    wrong = mine != theirs
    if not wrong.any():
        return None
    at = tuple(int(place[0]) for place in wrong.nonzero()) if wrong.ndim else ()
    yours, expected = mine[at].item(), theirs[at].item()
    whole = type(yours) is int and type(expected) is int
    return _said(off_by(abs(yours - expected)) if whole else "another value", mine, theirs, at, path, wrong)


def _farthest(mine: Any, theirs: Any, path: str, tolerance: tuple[float, float]) -> ValueDifference | None:
    atol, rtol = tolerance
    wide = np.complex128 if "c" in (mine.dtype.kind, theirs.dtype.kind) else np.float64
    a, b = mine.astype(wide), theirs.astype(wide)
    lost = ~np.isfinite(a) & np.isfinite(b)
    if lost.any():
        return ValueDifference(path, f"{int(lost.sum())} of {a.size} values are NaN or infinite")
    with np.errstate(all="ignore"):
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        gap = np.where(same, 0.0, np.nan_to_num(np.abs(a - b), nan=np.inf))
        excess = gap - (atol + rtol * np.where(np.isfinite(b), np.abs(b), 0.0))
    if (excess <= 0).all():
        return None
    at = tuple(int(n) for n in np.unravel_index(int(excess.argmax()), a.shape))
    return _said(off_by(float(gap[at])), mine, theirs, at, path, excess > 0)


def _said(said: str, mine: Any, theirs: Any, at: tuple[int, ...], path: str, wrong: Any) -> ValueDifference:
    place = f"{path}[{', '.join(map(str, at))}]" if at else path
    share = f"{int(wrong.sum())} of {wrong.size} values differ" if wrong.size > 1 else ""
    return ValueDifference(place, said, pair(mine[at].item(), theirs[at].item())).with_share(share)
