"""Python's version: the one that a notebook was made with, and what another one cannot read of a cell."""

from __future__ import annotations

import ast
import io
import sys
import tokenize
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from kit.cells import one_line

Version = tuple[int, int]
FREE_F_STRINGS = (3, 12)  # from here on an f-string may hold its own quotes, backslashes and comments (PEP 701)
# Of Python's own library, what people import by name and earlier versions lack ("What's new in Python 3.12" to 3.14).
NEWER_NAMES: Mapping[str, Version] = {
    "typing.override": (3, 12),
    "typing.TypeAliasType": (3, 12),
    "collections.abc.Buffer": (3, 12),
    "itertools.batched": (3, 12),
    "math.sumprod": (3, 12),
    "random.binomialvariate": (3, 12),
    "copy.replace": (3, 13),
    "math.fma": (3, 13),
    "typing.NoDefault": (3, 13),
    "typing.ReadOnly": (3, 13),
    "typing.TypeIs": (3, 13),
    "typing.get_protocol_members": (3, 13),
    "typing.is_protocol": (3, 13),
    "warnings.deprecated": (3, 13),
    "annotationlib.get_annotations": (3, 14),
    "functools.Placeholder": (3, 14),
}
RUNNING: Version = (sys.version_info[0], sys.version_info[1])


def numbers(text: str) -> Version:
    """(3, 11) of "3.11.7"; ValueError where it is no version."""
    major, minor = text.split(".")[:2]
    return int(major), int(minor)


def made_with(notebook: Mapping[str, Any] | None) -> Version | None:
    """The Python that ran a notebook, by what its file says (parsed JSON); None where it says nothing usable."""
    info: Any = notebook
    for key in ("metadata", "language_info"):
        info = info.get(key) if isinstance(info, Mapping) else None
    version = info.get("version") if isinstance(info, Mapping) else None
    try:
        return numbers(version[:20]) if isinstance(version, str) else None
    except ValueError:
        return None


def is_newer(version: Version | None) -> bool:
    """Whether a notebook was made with a newer Python than this one."""
    return version is not None and version > RUNNING


def unreadable(source: str, version: Version) -> str:
    """Why Python of that version, not newer than this one, cannot read the text, with the line; empty where it can."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source, feature_version=version)
        if version < FREE_F_STRINGS <= RUNNING and (why := next(_free_f_strings(source), "")):
            return why
        return next(_newer_names(tree, version), "")
    except SyntaxError as error:
        return f"line {error.lineno or 1}: {one_line(str(error.msg))}"
    except (ValueError, OverflowError, RecursionError, MemoryError, tokenize.TokenError) as error:
        return one_line(str(error)) or type(error).__name__


def _newer_names(tree: ast.AST, version: Version) -> Iterator[str]:
    """What is imported of Python's own library that it has only since a later version."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module is not None and not node.level:
            for name in (f"{node.module}.{alias.name}" for alias in node.names):
                if (since := NEWER_NAMES.get(name, version)) > version:
                    yield f"line {node.lineno}: {name} is new in Python {since[0]}.{since[1]}"


def _free_f_strings(source: str) -> Iterator[str]:
    """What PEP 701 allows inside f-strings and no Python before it: the parser's feature_version looks past it."""
    open_quotes: list[str] = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        kind = tokenize.tok_name[token.type]
        if kind in ("FSTRING_START", "TSTRING_START"):
            if why := _too_free(token, open_quotes):
                yield why
            open_quotes.append(_quote(token.string))
        elif kind in ("FSTRING_END", "TSTRING_END"):
            open_quotes.pop()
        elif not kind.endswith("STRING_MIDDLE") and (why := _too_free(token, open_quotes)):
            yield why


def _too_free(token: tokenize.TokenInfo, open_quotes: list[str]) -> str:
    """Why this token may not stand in a replacement field before PEP 701; empty where it may."""
    line = f"line {token.start[0]}: in an f-string"
    if not open_quotes:
        return ""
    if token.type == tokenize.COMMENT:
        return f"{line}, a comment in braces needs Python 3.12"
    if "\\" in token.string:
        return f"{line}, a backslash in braces needs Python 3.12"
    if token.type == tokenize.NL and all(len(quote) == 1 for quote in open_quotes):
        return f"{line}, a line break in braces needs Python 3.12"
    text = token.string.lstrip("rRbBuUfFtT")
    if text[:1] in ("'", '"') and any(quote[0] == text[0] and len(quote) <= len(_quote(text)) for quote in open_quotes):
        return f"{line}, the same quotes inside need Python 3.12"
    return ""


def _quote(start: str) -> str:
    """The quotes that a string begins with: one or three."""
    text = start.lstrip("rRbBuUfFtT")
    return text[:3] if text[:3] in ("'''", '"""') else text[:1]
