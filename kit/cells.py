"""A notebook cell's text as Python: notebook commands blanked out, line numbers kept, nothing executed."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

COMMAND = "notebook commands (%…, !…, …?) do not run at grading"
NOT_PYTHON = "a cell that begins with %{} is not Python: nothing in it runs at grading"
MAX_SOURCE = 100_000

# Cell commands whose body is ordinary Python.
_PYTHON_BODY = {"time", "timeit", "capture", "prun", "python", "python3", "py", "snakeviz", "memit"}
_BARE_COMMANDS = {
    "pip",
    "conda",
    "mamba",
    "uv",
    "apt",
    "cd",
    "ls",
    "ll",
    "pwd",
    "mkdir",
    "rmdir",
    "cp",
    "mv",
    "rm",
    "cat",
}
_BARE_COMMANDS |= {"time", "timeit", "who", "whos", "reset", "matplotlib", "autoreload", "load_ext", "env", "history"}
_ASSIGNED = re.compile(r"[A-Za-z_][\w.,\[\]'\" ]*=\s*[!%]")
_HELP = re.compile(r"\?{1,2}[\w.%*]+|[^#]*\S\?{1,2};?")
_PROMPT = re.compile(r"^(>>>|\.\.\.)( |$)")


@dataclass(frozen=True, slots=True)
class Blanked:
    """A line that was blanked out: its number from 1, its text, and why."""

    line: int
    text: str
    why: str


@dataclass(frozen=True, slots=True)
class Python:
    """A cell as Python. ``tree`` is None where Python cannot read it; ``error`` then says why, at ``line``."""

    source: str
    blanked: tuple[Blanked, ...]
    tree: ast.Module | None
    error: str = ""
    line: int = 1


def normalise(source: str) -> str:
    """The text with newlines as \\n, and what no Python file may hold (NUL, lone surrogates) spelled as escapes."""
    text = source.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff").replace("\0", "\\x00")
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def read_python(source: str) -> Python:
    """Read a cell as IPython would, without its commands. Never raises, whatever the text is."""
    source = normalise(source)
    if len(source) > MAX_SOURCE:
        return Python("", (), None, f"it is longer than {MAX_SOURCE:,} characters")
    first = _parse(source, ())
    if first.tree is not None:
        return first
    lines = _without_prompts(source.split("\n"))
    blanked = tuple(_blank_commands(lines))
    second = _parse("\n".join(lines), blanked)
    if second.tree is None and (dedented := _dedent(lines)) is not None:
        third = _parse(dedented, blanked)
        return third if third.tree is not None else second
    return second


def defined_names(source: str) -> set[str]:
    """Names of the functions and classes that a text defines at its top level, read without Python's parser."""
    return set(re.findall(r"^(?:async\s+def|def|class)\s+(\w+)", source, re.MULTILINE))


def compile_error(source: str) -> str:
    """Why Python does not compile this text, and in which line; empty where it does. Nothing is executed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(source, "<cell>", "exec", dont_inherit=True)
    except SyntaxError as error:
        return f"line {error.lineno or 1}: {one_line(str(error.msg))}"
    except (ValueError, OverflowError, RecursionError, MemoryError) as error:
        return one_line(str(error)) or type(error).__name__
    return ""


def one_line(text: str, limit: int = 80) -> str:
    """The first line that is not blank, safe to print: no control characters, cut to `limit`."""
    line = next((line.strip() for line in text.split("\n") if line.strip()), "")
    shown = "".join(char if char.isprintable() else " " for char in line[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def _parse(source: str, blanked: tuple[Blanked, ...]) -> Python:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Python(source, blanked, ast.parse(source))
    except SyntaxError as error:
        return Python(source, blanked, None, f"{type(error).__name__}: {one_line(str(error.msg))}", error.lineno or 1)
    except (ValueError, OverflowError) as error:
        return Python(source, blanked, None, one_line(str(error)))
    except (RecursionError, MemoryError):
        return Python(source, blanked, None, "it is nested too deeply")


def _blank_commands(lines: list[str]) -> Iterator[Blanked]:
    """Blank every command in place, and yield what was there."""
    start = next((number for number, line in enumerate(lines) if line.strip()), 0)
    if lines[start].startswith("%%"):
        name = (lines[start][2:].split() or [""])[0]
        if name not in _PYTHON_BODY:
            yield Blanked(start + 1, lines[start], NOT_PYTHON.format("%" + name))
            lines[:] = [""] * len(lines)
            return
    inside = _Inside()
    number = 0
    while number < len(lines):
        if inside.statement_begins() and _is_command(lines[number].strip()):
            yield Blanked(number + 1, lines[number].strip(), COMMAND)
            last = number
            while lines[last].endswith("\\") and last + 1 < len(lines):
                last += 1
            margin = lines[number][: len(lines[number]) - len(lines[number].lstrip())]
            lines[number] = margin + "pass" if margin else ""
            lines[number + 1 : last + 1] = [""] * (last - number)
            number = last + 1
        else:
            inside.read(lines[number])
            number += 1


def _is_command(line: str) -> bool:
    """Whether IPython takes this line, at the beginning of a statement, for a command."""
    if line.startswith(("%", "!")) or _ASSIGNED.match(line):
        return True
    if _HELP.fullmatch(line):
        inside = _Inside()
        inside.read(line)
        return inside.statement_begins()
    word, _, rest = line.partition(" ")
    return word in _BARE_COMMANDS and bool(rest.strip()) and _parse(line, ()).tree is None


class _Inside:
    """Where a line of Python leaves off: in a string, in brackets, after a backslash."""

    _TOKEN = re.compile(r'"""|\'\'\'|["\']|[([{]|[)\]}]|#|\\.?', re.DOTALL)

    def __init__(self) -> None:
        self.quote = ""
        self.depth = 0
        self.continued = False

    def statement_begins(self) -> bool:
        return not self.quote and not self.depth and not self.continued

    def read(self, line: str) -> None:
        self.continued = False
        for match in self._TOKEN.finditer(line):
            token = match.group()
            if token.startswith("\\"):
                self.continued = token == "\\"
            elif self.quote:
                self._in_string(token)
            elif token == "#":
                break
            elif token in "([{":
                self.depth += 1
            elif token in ")]}":
                self.depth = max(0, self.depth - 1)
            else:
                self.quote = token
        if len(self.quote) == 1 and not self.continued:
            self.quote = ""

    def _in_string(self, token: str) -> None:
        if token == self.quote or (len(self.quote) == 1 and token == self.quote * 3):
            self.quote = ""


def _without_prompts(lines: list[str]) -> list[str]:
    """Code that was pasted from an interactive session loses its >>> and ... prompts."""
    first = next((line for line in lines if line.strip()), "")
    return [_PROMPT.sub("", line) for line in lines] if first.startswith(">>>") else lines


def _dedent(lines: list[str]) -> str | None:
    """The text without the indentation of its first line; None where there is none."""
    first = next((line for line in lines if line.strip()), "")
    margin = first[: len(first) - len(first.lstrip())]
    return "\n".join(line.removeprefix(margin) for line in lines) if margin else None
