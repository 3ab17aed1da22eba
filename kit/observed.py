"""What a call does besides what it returns: text it prints, lines it reads, warnings, its arguments, files, figures.

The far side notes it during each call and keeps it until the next one; a test that asks for a part of it fetches that
part. Like every result it is the student's evidence, not a verdict: the near side checks its form, and a test compares
it. Text that is printed in a notebook is shown there as ever, once, and noted as well.
"""

from __future__ import annotations

import builtins
import io
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, TextIO

from kit import figure_facts, scratch
from kit.found import Found, FoundByName
from kit.grading_rules import NO_INPUT
from kit.wire import WireError, encode

MAX_PRINTED = 50_000  # characters of what one call prints
CUT = f"\n… (cut: more than {MAX_PRINTED:,} characters)"
MAX_WARNINGS = 100  # of one call
MAX_WARNING = 500  # characters of its text
MAX_PROMPTS = 1_000
MAX_PROMPT = 500
MAX_NAME = 80


class Printed(io.TextIOBase):
    """Stands for sys.stdout or sys.stderr while a student's code runs, and notes what is written during a call.

    One for each stream and process: code may keep it, as handlers of `logging` do.
    """

    def __init__(self, name: str) -> None:
        self.stream = name
        self.below: TextIO | None = None
        self.is_noting = False
        self.parts: list[str] = []
        self.room = MAX_PRINTED

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        if self.is_noting and self.room >= 0:
            self.parts.append(text[: self.room])
            self.room -= len(text)
        if self.below is not None:
            self.below.write(text)
        return len(text)

    def flush(self) -> None:
        if self.below is not None:
            self.below.flush()

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self.below.fileno() if self.below is not None else super().fileno()

    def isatty(self) -> bool:
        return self.below is not None and self.below.isatty()

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    @property
    def errors(self) -> str:  # type: ignore[override]
        return "replace"

    @property
    def buffer(self) -> io.BufferedIOBase:
        return _Bytes(self)

    def close(self) -> None:
        """Nobody closes what is the whole process's."""

    def start(self) -> None:
        if self.parts or self.room != MAX_PRINTED:
            self.parts, self.room = [], MAX_PRINTED
        self.is_noting = True

    def stop(self) -> None:
        self.is_noting = False

    @property
    def text(self) -> str:
        return "".join(self.parts) + (CUT if self.room < 0 else "") if self.parts else ""


class _Bytes(io.BufferedIOBase):
    """`sys.stdout.buffer`: bytes are noted as the text that they are."""

    def __init__(self, stream: Printed) -> None:
        self.stream = stream

    def write(self, data: Any) -> int:
        self.stream.write(bytes(data).decode("utf-8", "replace"))
        return len(data)

    def writable(self) -> bool:
        return True


OUT, ERR = Printed("stdout"), Printed("stderr")


class Answers(io.TextIOBase):
    """sys.stdin during a call: the lines that the test laid out, and no more."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.given: int | None = None  # how many lines there were; None where the test gave none
        self.prompts: list[str] = []

    def lay(self, lines: Sequence[str] | None) -> None:
        self.lines = list(lines or ())
        self.given = None if lines is None else len(self.lines)

    def input(self, prompt: object = "", /) -> str:
        """In place of the builtin. Raises EOFError where no line is left."""
        shown = str(prompt)
        if len(self.prompts) < MAX_PROMPTS:
            self.prompts.append(shown[:MAX_PROMPT])
        if not self.lines:
            raise EOFError(NO_INPUT if self.given is None else _no_more(self.given))
        line = self.lines.pop(0)
        if OUT.below is not None:
            OUT.below.write(f"{shown}{line}\n")
        return line

    def readline(self, size: int | None = -1, /) -> str:  # type: ignore[override]
        if not self.lines:
            return ""
        line = self.lines.pop(0) + "\n"
        if size is None or not 0 <= size < len(line):
            return line
        self.lines.insert(0, line[size:-1])
        return line[:size]

    def read(self, size: int | None = -1, /) -> str:
        whole = "".join(f"{line}\n" for line in self.lines)
        if size is None or size < 0 or size >= len(whole):
            self.lines = []
            return whole
        rest = whole[size:]
        self.lines = rest[:-1].split("\n")
        return whole[:size]

    def readable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    def close(self) -> None:
        """The next call may read on."""


def _no_more(given: int) -> str:
    lines = "line was" if given == 1 else "lines were"
    return f"EOF when reading a line: {given} {lines} there, and this asks for one more"


class Observed:
    """Notes what the calls of one far side do, each until the next."""

    def __init__(self) -> None:
        self.is_live = True  # until cells are loaded here: those of a notebook ran before, and may keep streams
        self.answers = Answers()
        self.files: scratch.Scratch | None = None
        self.forget()

    def begin(self) -> None:
        """Before a test."""
        self.answers.lay(None)
        if self.files is not None:
            self.files.close()
        self.files = None
        self.forget()

    def forget(self) -> None:
        self.args: tuple[Any, ...] = ()
        self.kwargs: dict[str, Any] = {}
        self.warned: list[tuple[str, str]] = []
        self.figures: list[Any] = []
        self.answers.prompts = []
        self.printed = self.printed_errors = ""

    def lay(self, given: dict[str, Any]) -> None:
        """What a test lays out for the calls to come: lines to read, files."""
        if "answers" in given:
            self.answers.lay(given["answers"])
        if "files" in given:
            if self.files is not None:
                self.files.close()
            self.files = scratch.Scratch(scratch.unpacked(given["files"]))

    def call(self, args: Sequence[Any], kwargs: dict[str, Any]) -> _Call:
        """A block in which the student's code is called with these."""
        self.forget()
        self.args, self.kwargs = tuple(args), kwargs
        return _Call(self)

    def part(self, name: str) -> Any:
        """What a test asks for afterwards."""
        if name == "arguments":
            return [[place, value] for place, value in self._arguments() if _crosses(value)]
        if name == "written":
            return scratch.packed(self.files.content() if self.files is not None else {})
        if name == "figures":
            return figure_facts.sent(self.figures)
        parts = {"printed": self.printed, "printed_errors": self.printed_errors, "prompts": self.answers.prompts}
        return parts[name] if name in parts else [list(row) for row in self.warned]

    def _arguments(self) -> Iterator[tuple[int | str, Any]]:
        yield from enumerate(self.args)
        yield from self.kwargs.items()


def _crosses(value: Any) -> bool:
    try:
        encode({"value": [[0, value]]})
    except TypeError:
        return False
    return True


class _Call:
    """The block of one call. Every call of every test pays for it: nothing is made that need not be."""

    def __init__(self, observed: Observed) -> None:
        self.observed = observed

    def __enter__(self) -> None:
        seen = self.observed
        self.before = sys.stdout, sys.stderr, sys.stdin, builtins.input, warnings.filters, warnings.showwarning
        _put_streams(sys.stdout, sys.stderr)
        OUT.start()
        ERR.start()
        sys.stdin, builtins.input = seen.answers, seen.answers.input
        self.loggers = _redirected_handlers(self.before[0], self.before[1]) if seen.is_live else ()
        warnings.filters = _all_noted(warnings.filters)
        warnings.simplefilter("always", append=True)  # which also lets each call give a warning again
        warnings.showwarning = self._warn  # type: ignore[assignment]
        self.pyplot = figure_facts.set_aside(seen.figures)
        self.patches = seen.files.enter() if seen.files is not None else None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        seen = self.observed
        if self.patches is not None and seen.files is not None:
            seen.files.leave(self.patches)
        figure_facts.put_back(self.pyplot)
        sys.stdout, sys.stderr, sys.stdin, builtins.input, warnings.filters, warnings.showwarning = self.before
        for handler, stream in self.loggers:
            handler.stream = stream
        OUT.stop()
        ERR.stop()
        seen.printed, seen.printed_errors = OUT.text, ERR.text
        if isinstance(error, Warning):  # which the student's filters made an error of
            self._note(error, type(error))

    def _warn(self, message: Any, category: type[Warning], filename: str, lineno: int, *rest: Any) -> None:
        self._note(message, category)
        if not _is_silenced(category, self.before[4]):
            ERR.is_noting = False  # it is among the warnings
            self.before[5](message, category, filename, lineno, *rest)
            ERR.is_noting = True

    def _note(self, message: Any, category: type[Warning]) -> None:
        warned = self.observed.warned
        if len(warned) < MAX_WARNINGS:
            warned.append((category.__name__[:MAX_NAME], str(message)[:MAX_WARNING]))


_QUIET = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)  # of others, by default
_Filters = Sequence[Any]
_noted: tuple[_Filters, list[Any]] = ((), [])


def _all_noted(filters: _Filters) -> list[Any]:
    """The filters without those that hide, or tell once, what the student's code warns of. Errors stay errors."""
    global _noted
    if _noted[0] != filters:
        _noted = (list(filters), [one if _stays(one) else ("always", *one[1:]) for one in filters])
    return _noted[1].copy()


def _stays(one: Any) -> bool:
    return one[0] == "error" or (one[0] == "ignore" and one[2] in _QUIET)


def _is_silenced(category: type[Warning], filters: _Filters) -> bool:
    """Whether a warning would not be shown: filters for one message or module are left aside."""
    general = (one[0] for one in filters if one[1] is None and one[3] is None and issubclass(category, one[2]))
    return next(general, "default") == "ignore"


def _put_streams(out: Any, err: Any) -> None:
    for stream, below in ((OUT, out), (ERR, err)):
        if type(below) is not Printed:
            stream.below = below
    sys.stdout, sys.stderr = OUT, ERR


@contextmanager
def streams() -> Iterator[None]:
    """While cells run: what they keep of sys.stdout and sys.stderr is what notes the text of later calls."""
    before = sys.stdout, sys.stderr
    _put_streams(*before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def _redirected_handlers(out: Any, err: Any) -> list[tuple[Any, Any]]:
    """Let handlers of `logging` that write to these streams be noted; returns each with its stream."""
    logging = sys.modules.get("logging")
    found = []
    for reference in logging._handlerList if logging is not None else ():
        handler = reference()
        stream = vars(handler).get("stream") if handler is not None else None
        if stream is not None and (stream is out or stream is err):
            found.append((handler, stream))
            handler.stream = OUT if stream is out else ERR
    return found


# --- the near side ----------------------------------------------------------------------------------------------------


def received(part: str, value: Any) -> Any:
    """A part as a test gets it. Raises WireError for anything of another form or size."""
    return _READERS[part](value)


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_PRINTED + len(CUT):
        raise WireError("printed text that is no text, or too long")
    return value


def _prompts(value: Any) -> Found:
    return Found(_texts(value, MAX_PROMPTS, MAX_PROMPT), "prompts of input")


def _texts(value: Any, most: int, longest: int) -> list[str]:
    if not isinstance(value, list) or len(value) > most:
        raise WireError("texts that are no list, or too many")
    if not all(isinstance(text, str) and len(text) <= longest for text in value):
        raise WireError("a text that is none, or too long")
    return value


def _warnings(value: Any) -> Found:
    if not isinstance(value, list) or len(value) > MAX_WARNINGS or not all(isinstance(row, list) for row in value):
        raise WireError("warnings that are no list, or too many")
    rows = [(_texts(row, 2, MAX_WARNING)[0], row[1]) for row in value if _is_pair(row)]
    return Found(rows, "warnings")


def _is_pair(row: Any) -> bool:
    if not isinstance(row, list) or len(row) != 2:
        raise WireError("a part of an observation that is no pair")
    return True


def _arguments(value: Any) -> FoundByName:
    if not isinstance(value, list) or not all(_is_pair(row) for row in value):
        raise WireError("arguments that are no list")
    if not all(type(place) in (int, str) for place, _ in value) or len({place for place, _ in value}) != len(value):
        raise WireError("arguments without places")
    return FoundByName(value, "arguments")


_READERS: dict[str, Callable[[Any], Any]] = {
    "printed": _text,
    "printed_errors": _text,
    "prompts": _prompts,
    "warnings": _warnings,
    "arguments": _arguments,
    "written": scratch.received,
    "figures": figure_facts.received,
}
