"""What a student wrote outside the cells of the written answers, and which question it stands nearest to.

People add a cell beside the question, type into the question's own text, answer in a comment or a string of code, split
an answer or merge it into another cell. All of that is the student's text; a marker gets it with the answer.
"""

from __future__ import annotations

import ast
import difflib
import io
import re
import tokenize
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from kit.cells import read_python
from kit.manifest import Cell, CellKind
from kit.notebooks import MAX_TOTAL, SubmittedCell, is_written
from kit.reading import Reading

TEXT_COMMANDS = ("%%markdown", "%%md", "%%html", "%%latex", "%%text", "%%script")
FEW_WORDS = 3  # in a string of code, below which it is a name or a label
MAX_LINES = 2_000  # of a cell, beyond which lines are compared one by one
LONG = 20  # characters, below which a line may be the student's though the course's text holds it
_WORD = re.compile(r"\w")
_CODE = (
    ast.Call, ast.Assign, ast.AugAssign, ast.Import, ast.ImportFrom, ast.Attribute, ast.Subscript, ast.FunctionDef,
    ast.ClassDef, ast.For, ast.While, ast.If, ast.With, ast.Return, ast.Raise, ast.Assert,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outside:
    """Text of the student's own outside the answers' cells.

    text: what of the cell is the student's text; empty for code that stands directly beside an answer. how: where it
    stands, for people. whole: the cell holds nothing else. beside: no other exercise or answer stands between.
    """

    cell: SubmittedCell
    text: str
    how: str
    whole: bool
    beside: bool


def outside(reading: Reading) -> dict[str, tuple[Outside, ...]]:
    """Answer id to the student's text that stands outside its cell and nearest to it, in the notebook's order.

    Text goes to the question that it follows, once that question's own text has begun; before the first, to the first.
    To a question that would be left without any goes what was written to another and names it.
    """
    where = _Places(reading)
    found: dict[str, list[Outside]] = {name: [] for name in where.answers}
    if found:
        for cell, text, how, whole in _texts(reading, where):
            answer = copy if (copy := _copied_answer(cell)) else where.nearest(cell.position)
            found[answer].append(Outside(cell, text, how, whole, where.is_beside(cell.position, answer)))
        for answer, items in found.items():
            own = reading.answers.get(answer)
            if not items and not (own is not None and is_written(own)):
                items += _answered_together(answer, reading, where, found)
    return {name: tuple(texts) for name, texts in found.items()}


def is_answered(answer: str, reading: Reading, texts: Mapping[str, Iterable[Outside]]) -> bool:
    """Whether the student wrote anything in answer to a question, in its cell or near it."""
    cell = reading.answers.get(answer)
    return any(texts.get(answer, ())) or (cell is not None and is_written(cell))


def prose(source: str) -> tuple[str, bool]:
    """The text in a code cell, and whether it holds nothing else: comments, strings, or what is no Python at all."""
    stripped = source.strip()
    if stripped.startswith(TEXT_COMMANDS):
        return stripped.partition("\n")[2], True
    python = read_python(source)
    if python.tree is None:
        return stripped, True
    if all(_holds_text_alone(statement) for statement in python.tree.body):
        remarks = [line.lstrip("#") for line in _comments(python.source)]
        strings = [statement for statement in python.tree.body if not isinstance(statement, ast.Pass)]
        is_text = bool(strings) or any(_is_text(remark) for remark in remarks)
        return (stripped, True) if is_text and _WORD.search(stripped) else ("", False)
    remarks = [line for line in _comments(python.source) if _is_text(line.lstrip("#"))]
    return "\n".join([*remarks, *_strings(python.tree)]), False


def added(source: str, released: str, course: set[str]) -> str:
    """The lines that are not the released cell's, nor any other of the course's."""
    lines, known = source.split("\n"), released.split("\n")
    if len(lines) > MAX_LINES:
        return _tidy(line for line in lines if line.strip() not in course)
    matcher = difflib.SequenceMatcher(None, [line.strip() for line in known], [line.strip() for line in lines], False)
    new = [line for tag, _, _, start, end in matcher.get_opcodes() if tag != "equal" for line in lines[start:end]]
    return _tidy(line for line in new if not _is_of_the_course(line.strip(), released, course))


def _is_of_the_course(line: str, released: str, course: set[str]) -> bool:
    """Whether it is a line of the course's, or what was left of one that was cut short. No text: no line's."""
    return bool(_WORD.search(line)) and (line in course or (len(line) >= LONG and line in released))


# --- where ----------------------------------------------------------------------------------------------------------


class _Places:
    """Where in a submitted notebook the answers stand, the questions' texts, and the other cells of the course."""

    def __init__(self, reading: Reading) -> None:
        at = {cell.released.id: cell.position for cell in reversed(reading.cells) if cell.released is not None}
        self.answers: dict[str, float] = {}  # of one that is gone: just behind what stood before it
        self.questions: dict[str, int] = {}  # the course's text directly before an answer, where it is there
        behind, before = 0.0, None
        for released in reading.notebook.cells:
            if released.kind.is_answer:
                cell = reading.answers.get(released.id)
                self.answers[released.id] = cell.position if cell is not None else behind + 0.5
                if before is not None and before.kind is CellKind.TEXT and before.id in at:
                    self.questions[released.id] = at[before.id]
            behind, before = at.get(released.id, behind), released
        known = [cell for cell in reading.cells if cell.released is not None]
        self.work = [cell.position for cell in known if cell.released and cell.released.kind.is_solution]
        questions = set(self.questions.values())
        self.course = [cell.position for cell in known if cell.position not in questions]

    def nearest(self, position: int) -> str:
        """Of the questions on both sides the one whose part holds this cell; else the nearer, or the one before."""
        begun = {name: min(place, self.questions.get(name, place)) for name, place in self.answers.items()}
        before = [name for name in begun if begun[name] <= position]
        after = [name for name in begun if begun[name] > position]
        if not before:
            return min(after, key=lambda name: begun[name])
        last = max(before, key=lambda name: begun[name])
        if not after:
            return last
        following = min(after, key=lambda name: begun[name])
        is_nearer = self.answers[following] - position < position - self.answers[last]
        return following if is_nearer and following not in self.questions else last

    def is_beside(self, position: int, answer: str) -> bool:
        """Whether no exercise and no other answer stands between."""
        return not _any_between(self.work, position, self.answers[answer])

    def is_next_to_one(self, position: int) -> bool:
        """Whether only the student's own cells and the question's text stand between the cell and an answer."""
        return not _any_between(self.course, position, self.answers[self.nearest(position)])


def _any_between(places: list[int], one: float, other: float) -> bool:
    low, high = min(one, other), max(one, other)
    return bisect_left(places, high) > bisect_right(places, low)


# --- what -----------------------------------------------------------------------------------------------------------


_Found = tuple[SubmittedCell, str, str, bool]


def _texts(reading: Reading, where: _Places) -> Iterator[_Found]:
    """Each cell with text of the student's own: the text, where it stands, and whether the cell holds nothing else."""
    course = {line.strip() for cell in reading.notebook.cells for line in cell.source.split("\n")}
    some_gone = len(reading.answers) < len(where.answers)
    chosen = {cell.position for cell in reading.solutions.values()}
    answers = {cell.position for cell in reading.answers.values()}
    length = 0
    for cell in reading.cells:
        length += len(cell.source)
        if not cell.source.strip() or cell.is_older or cell.position in answers:
            continue
        if cell.position in chosen and not (some_gone and cell.is_code):
            continue
        if length > MAX_TOTAL:
            yield from _unread(cell)
        elif cell.released is None:
            yield from _own(cell, where)
        elif _copied_answer(cell):
            if is_written(cell):
                yield cell, cell.source, f"another cell with the id of {cell.released.id}", True
        elif cell.position in chosen or cell.released.kind is not CellKind.EXERCISE or not cell.is_code:
            yield from _typed_in(cell, cell.released, course)


def _unread(cell: SubmittedCell) -> Iterator[_Found]:
    """What is so far down a very long notebook that it is not compared with the course's text."""
    if cell.released is None or cell.source.strip() != cell.released.source.strip():
        yield cell, "" if cell.is_code else cell.source, "far down in a long notebook", not cell.is_code


def _own(cell: SubmittedCell, where: _Places) -> Iterator[_Found]:
    if not cell.is_code:
        if _WORD.search(cell.source):
            yield cell, cell.source, "a cell of the student's own", True
        return
    text, whole = prose(cell.source)
    if text:
        yield cell, text, "a code cell of the student's own" if whole else "remarks in the student's own code", whole
    elif where.is_next_to_one(cell.position):
        yield cell, "", "code of the student's own", False


def _typed_in(cell: SubmittedCell, released: Cell, course: set[str]) -> Iterator[_Found]:
    """Text added to a cell of the course's, of which the text is known."""
    if not released.source.strip():
        return
    text = added(cell.source, released.source, course)
    if cell.is_code and text:
        text = _without(prose(text)[0], released.source)
    if released.kind is CellKind.GUESS:
        text = "\n".join(line for line in text.split("\n") if line.startswith("#"))
    if _WORD.search(text):
        what = "the course's text" if released.kind is CellKind.TEXT else f"the cell {cell.label}"
        yield cell, text, f"typed into {what}", False


def _copied_answer(cell: SubmittedCell) -> str:
    """The answer whose id the cell carries; empty for every other cell."""
    return cell.released.id if cell.released is not None and cell.released.kind.is_answer else ""


def _without(text: str, released: str) -> str:
    return _tidy(line for line in text.split("\n") if line.strip() not in released or not line.strip())


def _tidy(lines: Iterable[str]) -> str:
    """Lines without blank ones at both ends."""
    return re.sub(r"\A(?:[ \t]*\n)+|\s+\Z", "", "\n".join(lines))


# --- several answers in one -------------------------------------------------------------------------------------------


def _answered_together(
    answer: str, reading: Reading, where: _Places, found: Mapping[str, list[Outside]]
) -> Iterator[Outside]:
    """What was written to other questions and may answer this one too: it names it, or took its cell in."""
    names = _names(answer, reading, where)
    for other, cell in reading.answers.items():
        if cell.released is not None and cell.released.kind.is_code:
            continue
        took_in = answer not in reading.answers and where.is_beside(cell.position, answer)
        if other != answer and is_written(cell) and (took_in or names.search(cell.source)):
            yield Outside(cell, cell.source, f"the answer to {other}", False, where.is_beside(cell.position, answer))
    texts = (item for other, items in found.items() if other != answer for item in items)
    yield from (item for item in texts if item.text and names.search(item.text))


def _names(answer: str, reading: Reading, where: _Places) -> re.Pattern[str]:
    """How a line begins that speaks of a question: "(b)", "b.", "Question 2:", "2)", or as the question itself does."""
    number = list(where.answers).index(answer) + 1
    letter = chr(ord("a") + number - 1) if number <= 26 else str(number)
    first = _question(answer, reading).strip().partition("\n")[0].strip()
    whole = f"|{re.escape(first)}" if len(first) >= LONG else ""
    words = r"(?:q|question|answer|part|problem|exercise|no\.?|nr\.?)?"
    return re.compile(rf"(?im)^[\s>*_#-]*(?:{words}[\s*_]*\(?(?:{letter}|{number})[*_]*[).:\]]{whole})")


def _question(answer: str, reading: Reading) -> str:
    """The course's text directly before an answer."""
    cells = reading.notebook.cells
    before = next((one for one, next_ in zip(cells, cells[1:], strict=False) if next_.id == answer), None)
    return before.source if before is not None and before.kind is CellKind.TEXT else ""


# --- text in code ---------------------------------------------------------------------------------------------------


def _holds_text_alone(statement: ast.stmt) -> bool:
    """Whether a statement is a string, names one, or prints or shows one."""
    if isinstance(statement, ast.Pass):
        return True
    if isinstance(statement, ast.Assign | ast.AnnAssign | ast.Expr) and statement.value is not None:
        value = statement.value
        while isinstance(value, ast.Call) and len(value.args) == 1 and not value.keywords:
            value = value.args[0]
        alone = isinstance(statement, ast.Expr) and value is statement.value
        return _is_string(value) and (alone or len(_string(value).split()) >= FEW_WORDS)
    return False


def _is_string(node: ast.expr) -> bool:
    return (isinstance(node, ast.Constant) and isinstance(node.value, str)) or isinstance(node, ast.JoinedStr)


def _string(node: ast.AST) -> str:
    parts = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
    return "".join(part for part in parts if isinstance(part, str))


def _strings(tree: ast.Module) -> Iterator[str]:
    """Strings of several words outside functions and classes."""
    for statement in tree.body:
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            texts = (node.value for node in ast.walk(statement) if isinstance(node, ast.Constant))
            yield from (text for text in texts if isinstance(text, str) and len(text.split()) >= FEW_WORDS)


def _comments(source: str) -> list[str]:
    """Comments that stand at the left margin, each as written."""
    if "#" not in source:
        return []
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):
        return [line for line in source.split("\n") if line.startswith("#")]
    return [token.string for token in tokens if token.type == tokenize.COMMENT and token.start[1] == 0]


def _is_text(remark: str) -> bool:
    """Whether a comment says something, and is no code that was put out of use."""
    remark = remark.strip().removeprefix("%%").strip()
    if not _WORD.search(remark):
        return False
    tree = read_python(remark).tree
    return tree is None or not any(isinstance(node, _CODE) for node in ast.walk(tree))
