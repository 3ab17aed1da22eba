"""Turns a whole test cell: what it prepares, what it claims, and what is left to a person, with the reason."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field

from autograder.starting.nbgrader_notebook import HIDDEN, NbgraderCell
from autograder.starting.solution_cells import names_used, parsed
from autograder.starting.student_calls import TestScope, UnsafeToTurn, stored
from autograder.starting.turned_asserts import RAISES, ClaimTurner, known_call

_CAPTURES = ("contextlib.redirect_stdout",)
_AUTOTEST = re.compile(r"\s*###\s*(HASHED\s+)?AUTOTEST\b")


@dataclass(frozen=True)
class TurnedStep:
    """Lines of a test. claims: they can fail it. keeps: what comes later may depend on that they ran."""

    lines: tuple[str, ...]
    binds: frozenset[str]
    uses: frozenset[str]
    claims: bool
    keeps: bool
    hidden: bool
    hint: str = ""


@dataclass(frozen=True)
class LeftStep:
    """What a person must turn."""

    cell: NbgraderCell
    line: int
    why: str
    text: str
    hidden: bool

    @property
    def place(self) -> str:
        return f"{self.cell.spoken} line {self.line}"


@dataclass
class TurnedCell:
    """A test cell in the kit's words."""

    cell: NbgraderCell
    title: str = ""
    steps: list[TurnedStep] = field(default_factory=list)
    left: list[LeftStep] = field(default_factory=list)
    imports: dict[str, str] = field(default_factory=dict)  # the name here, and the statement

    @property
    def claims(self) -> list[TurnedStep]:
        return [step for step in self.steps if step.claims]

    @property
    def divides(self) -> bool:
        """Whether one claim can be asked without those before it."""
        return not any(step.keeps for step in self.steps)

    def needed(self, chosen: list[TurnedStep]) -> list[TurnedStep]:
        """These claims with all that they need, in order."""
        last = max(index for index, step in enumerate(self.steps) if any(step is one for one in chosen))
        if not self.divides:
            return self.steps[: last + 1]
        found: list[TurnedStep] = []
        names: set[str] = set()
        for step in reversed(self.steps[: last + 1]):
            if any(step is one for one in chosen) or (step.binds & names and not step.claims):
                found.insert(0, step)
                names |= step.uses
        return found


def turn_cell(cell: NbgraderCell, scope: TestScope) -> TurnedCell:
    """Turn what can be turned safely; `scope` is as the cell finds it."""
    return _CellTurner(cell, scope).turned()


class _CellTurner:
    def __init__(self, cell: NbgraderCell, scope: TestScope) -> None:
        self.scope, self.claim = scope, ClaimTurner(scope)
        self.result = TurnedCell(cell)
        self.hidden_lines: set[int] = set()
        self.hint = ""

    def turned(self) -> TurnedCell:
        cell = self.result.cell
        inside = False
        for number, line in enumerate(cell.source.split("\n"), 1):
            inside = (inside or HIDDEN[0] in line) and HIDDEN[1] not in line
            if inside:
                self.hidden_lines.add(number)
            if _AUTOTEST.match(line):
                self._leave(number, "nbgrader makes its expected value from the reference: write the value", line)
        tree = parsed(cell.source)
        if tree is None:
            self._leave(1, "is not Python alone", cell.source)
            return self.result
        self.result.title = ast.get_docstring(tree) or ""
        for node in _inlined(tree):
            try:
                self._statement(node)
            except UnsafeToTurn as why:
                names = set(stored(node))
                self.scope.left |= names
                self.scope.local -= names
                self._leave(node.lineno, str(why), ast.get_source_segment(cell.source, node) or ast.unparse(node))
        return self.result

    def _leave(self, line: int, why: str, text: str) -> None:
        self.result.left.append(LeftStep(self.result.cell, line, why, text, line in self.hidden_lines))

    def _add(self, node: ast.stmt, lines: list[str], claims: bool, keeps: bool = False) -> None:
        written = [inner for line in lines for inner in line.split("\n")]
        uses = names_used("\n".join(written))
        hidden = any(number in self.hidden_lines for number in range(node.lineno, (node.end_lineno or 0) + 1))
        step = TurnedStep(tuple(written), frozenset(stored(node)), uses, claims, keeps, hidden, self.hint)
        self.result.steps.append(step)
        self.scope.local |= step.binds

    def _statement(self, node: ast.stmt) -> None:
        self.hint = ""
        if isinstance(node, ast.Import | ast.ImportFrom):
            self._import(node)
        elif isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            return
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and _path(node.value) == "print":
            return
        else:
            lines, claims, keeps = self._written(node)
            self._add(node, lines, claims, keeps)

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            module = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            name = alias.asname or alias.name.split(".")[0]
            whole = alias.name if alias.asname or module else name
            self.scope.imported[name] = f"{module}{whole}"
            self.result.imports[name] = import_line(node, alias)

    def _written(self, node: ast.stmt) -> tuple[list[str], bool, bool]:
        """The lines, whether they claim something, and whether what follows depends on that they ran."""
        if isinstance(node, ast.Assert):
            message = node.msg.value if isinstance(node.msg, ast.Constant) else None
            self.hint = self.hint or (message if isinstance(message, str) else "")
            return self.claim.turned(node.test, message if isinstance(message, str) else None), True, False
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            return self._call(node.value)
        if isinstance(node, ast.Assign):
            return self._assign(node)
        if isinstance(node, ast.For) and not node.orelse:
            return self._loop(node)
        if isinstance(node, ast.Try):
            return self._try(node), True, False
        if isinstance(node, ast.With):
            captured = self._captured(node)
            return captured or self._with(node), not captured, bool(captured)
        if self.scope.theirs(node) or isinstance(node, ast.ClassDef | ast.Raise | ast.Delete):
            raise UnsafeToTurn(f"{_kind(node)} with what the student's code made")
        self.scope.local |= set(stored(node))
        self.scope.check(node)
        if isinstance(node, ast.FunctionDef):
            self.scope.local_functions.add(node.name)
        return [self._as_it_is(node)], False, isinstance(node, ast.AugAssign)

    def _call(self, node: ast.Call) -> tuple[list[str], bool, bool]:
        if (lines := self.claim.call(node)) is not None:
            return lines, True, False
        if self.scope.theirs(node):
            asked = ast.unparse(self.scope.evidence(node))
            given = enumerate(node.args) if isinstance(node.func, ast.Name) else ()
            self.scope.changed = {arg.id: place for place, arg in given
                                  if isinstance(arg, ast.Name) and arg.id in self.scope.local}  # fmt: skip
            return [asked], False, True
        self.scope.check(node)
        return [ast.unparse(node)], False, True

    def _assign(self, node: ast.Assign) -> tuple[list[str], bool, bool]:
        target = node.targets[0]
        if taken := set(stored(node)) & self.scope.student.all:
            raise UnsafeToTurn(f"puts something else in the place of the student's `{min(taken)}`")
        if not self.scope.theirs(node):
            self.scope.check(node.value)
            if isinstance(node.value, ast.Lambda):
                self.scope.local_functions |= set(stored(node))
            for name in stored(node):
                self.scope.received.discard(name)
                self.scope.objects.discard(name)
            return [self._as_it_is(node)], False, False
        if len(node.targets) != 1 or not isinstance(target, ast.Name | ast.Attribute):
            raise UnsafeToTurn(f"takes apart what the student's code made: {ast.unparse(node)}")
        if isinstance(target, ast.Attribute):
            if not (isinstance(target.value, ast.Name) and target.value.id in self.scope.objects):
                raise UnsafeToTurn(f"changes what the student's code made: {ast.unparse(node)}")
            return [f"{ast.unparse(target)} = {ast.unparse(self.scope.free(node.value))}"], False, True
        if self.scope.makes_object(node.value):
            made = ast.unparse(self.scope.made(node.value))
            self.scope.objects.add(target.id)
            return [f"{target.id} = {made}"], False, True
        asked = ast.unparse(self.scope.evidence(node.value))
        self.scope.received.add(target.id)
        return [f"{target.id} = {asked}"], False, False

    def _loop(self, node: ast.For) -> tuple[list[str], bool, bool]:
        head = f"for {ast.unparse(node.target)} in {ast.unparse(self.scope.free(node.iter))}:"
        self.scope.local |= set(stored(node.target))
        lines, claims, keeps = [head], False, False
        for inner in node.body:
            if isinstance(inner, ast.Import | ast.ImportFrom | ast.Break | ast.Continue):
                raise UnsafeToTurn(f"{_kind(inner)} in a loop")
            if isinstance(inner, ast.Expr) and isinstance(inner.value, ast.Call) and _path(inner.value) == "print":
                continue
            written, claim, keep = self._written(inner)
            self.scope.local |= set(stored(inner))
            lines += [f"    {line}" for text in written for line in text.split("\n")]
            claims, keeps = claims or claim, keeps or keep
        return lines, claims, keeps

    def _try(self, node: ast.Try) -> list[str]:
        """try: call; except Kind: pass; else: raise. Also with the raise below the call."""
        if node.finalbody or len(node.handlers) != 1 or node.handlers[0].type is None:
            raise UnsafeToTurn("try … except that is more than a demand for one exception")
        handler, calls = node.handlers[0], list(node.body)
        if not node.orelse and len(calls) == 2 and _gives_up(calls[1]):
            calls.pop()
        elif not (len(node.orelse) == 1 and _gives_up(node.orelse[0])):
            raise UnsafeToTurn("try … except that passes also where nothing is raised")
        if not all(isinstance(inner, ast.Pass) or _is_print(inner) for inner in handler.body):
            raise UnsafeToTurn("looks at the exception: say in assert_raises what its text must hold")
        assert handler.type is not None
        return [self.claim.raises(handler.type, _only_call(calls))]

    def _with(self, node: ast.With) -> list[str]:
        context = node.items[0].context_expr
        path = known_call(self.scope, context.func) if isinstance(context, ast.Call) else ""
        if len(node.items) != 1 or path not in RAISES:
            raise UnsafeToTurn(f"`with {ast.unparse(node.items[0])}` has no counterpart")
        assert isinstance(context, ast.Call)
        text = [item.value for item in context.keywords if item.arg == "match" and path == "pytest.raises"]
        if len(context.args) != 1 or len(text) != len(context.keywords) or node.items[0].optional_vars is not None:
            raise UnsafeToTurn("looks at the exception itself: say in assert_raises what its text must hold")
        return [self.claim.raises(context.args[0], _only_call(node.body), *text)]

    def _captured(self, node: ast.With) -> list[str]:
        """A call whose output goes into a buffer: the last call's output is student.printed."""
        context = node.items[0].context_expr
        if _path_of(node, self.scope) not in _CAPTURES or len(node.items) != 1:
            return []
        buffer = context.args[0] if isinstance(context, ast.Call) and context.args else None
        call = _only_call(node.body)
        if not isinstance(buffer, ast.Name) or not isinstance(node.body[0], ast.Expr):
            raise UnsafeToTurn("captures output in a way that has no counterpart: ask for student.printed after a call")
        asked = ast.unparse(self.scope.evidence(call))
        self.scope.printing = buffer.id
        self.result.steps = [step for step in self.result.steps if step.binds != {buffer.id}]  # nothing reads it now
        return [asked]

    def _as_it_is(self, node: ast.stmt) -> str:
        text = ast.get_source_segment(self.result.cell.source, node) if node.col_offset == 0 else None
        return text or ast.unparse(node)


def _path_of(node: ast.With, scope: TestScope) -> str:
    context = node.items[0].context_expr
    return known_call(scope, context.func) if isinstance(context, ast.Call) else ""


def import_line(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> str:
    """The statement for one name of an import."""
    return ast.unparse(
        ast.ImportFrom(node.module, [alias], node.level) if isinstance(node, ast.ImportFrom) else ast.Import([alias])
    )


def _inlined(tree: ast.Module) -> list[ast.stmt]:
    """The statements, with the body of a function without arguments where it is called."""
    functions = {
        node.name: node
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and not node.decorator_list
        and ast.unparse(node.args) == ""
        and not any(isinstance(inner, ast.Return | ast.Yield) for inner in ast.walk(node))
    }
    called = {node.value.func.id for node in tree.body if _is_bare_call(node)}  # type: ignore[attr-defined]
    found: list[ast.stmt] = []
    for node in tree.body:
        if _is_bare_call(node) and node.value.func.id in functions:  # type: ignore[attr-defined]
            found += functions[node.value.func.id].body  # type: ignore[attr-defined]
        elif not (isinstance(node, ast.FunctionDef) and node.name in functions and node.name in called):
            found.append(node)
    return found


def _is_bare_call(node: ast.stmt) -> bool:
    call = node.value if isinstance(node, ast.Expr) else None
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and not call.args and not call.keywords


def _only_call(body: list[ast.stmt]) -> ast.expr:
    if len(body) != 1 or not isinstance(body[0], ast.Expr | ast.Assign):
        raise UnsafeToTurn("does more than one thing where an exception is expected")
    return body[0].value


def _gives_up(node: ast.stmt) -> bool:
    """raise AssertionError(…), assert False."""
    if isinstance(node, ast.Assert):
        return isinstance(node.test, ast.Constant) and not node.test.value
    return isinstance(node, ast.Raise)


def _is_print(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and _path(node.value) == "print"


def _path(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _kind(node: ast.stmt) -> str:
    return type(node).__name__.lower()
