"""Which top-level statements of a student's own cell run at grading: definitions and simple assignments.

Training, plots and prints are left out: repeating them would cost minutes and prove nothing. Every statement stands
alone, so that one that fails at grading does not take the definitions after it along.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

CALLS = ("torch.tensor", "torch.device", "torch.cuda.is_available", "torch.backends.mps.is_available")
CALL_MODULES = ("math.",)
STATEMENT = "only imports, definitions and simple assignments run at grading"
CALLING = "it calls {}(), and assignments outside exercise cells may call only torch.tensor, torch.device and math.*"
EXPRESSION = "it is more than a simple assignment: only literals, names, operators and a few calls run at grading"
NESTED = "a definition inside `{}` is not read: put it at the top level of the cell"

_IMPORTS = (ast.Import, ast.ImportFrom)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_OWN_SCOPE = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_BLOCKS = {
    ast.If: "if", ast.Try: "try", ast.TryStar: "try", ast.With: "with", ast.AsyncWith: "with", ast.For: "for",
    ast.AsyncFor: "for", ast.While: "while", ast.Match: "match",
}  # fmt: skip
_PLAIN = (
    ast.Constant, ast.Name, ast.Tuple, ast.List, ast.Set, ast.Dict, ast.UnaryOp, ast.BinOp, ast.BoolOp, ast.Compare,
    ast.IfExp, ast.Subscript, ast.Slice, ast.Attribute, ast.Starred, ast.JoinedStr, ast.FormattedValue, ast.Lambda,
    ast.Call, ast.keyword, ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Piece:
    """One top-level statement. ``why`` says why it is left out; empty if it runs. Columns count UTF-8 bytes."""

    line: int
    column: int
    end_line: int
    end_column: int
    names: tuple[str, ...]
    why: str
    statement: ast.stmt

    def text(self, lines: Sequence[str]) -> str:
        """The statement's own text; `lines` are those of its cell."""
        own = list(lines[self.line - 1 : self.end_line])
        own[-1] = own[-1].encode()[: self.end_column].decode()
        own[0] = own[0].encode()[self.column :].decode()
        return "\n".join(own)


def joined(parts: Sequence[Piece], lines: Sequence[str]) -> str:
    """The text of some statements of a cell, each on its own line number."""
    source, line = "", 1
    for piece in parts:
        source += "\n" * (piece.line - line) if piece.line > line or not source else "; "
        source += piece.text(lines)
        line = piece.end_line
    return source


def pieces(tree: ast.Module) -> Iterator[Piece]:
    """The statements of a cell in order, without bare constants and `pass`."""
    after = 1
    for statement in tree.body:
        if isinstance(statement, ast.Pass) or (
            isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        ):
            continue
        line, column = statement.lineno, statement.col_offset
        if getattr(statement, "decorator_list", []):
            line, column = after, 0  # the statement's own position leaves its decorators out
        after = (statement.end_lineno or line) + 1
        names, why = tuple(bound_names(statement)), _why_not(statement)
        yield Piece(line, column, after - 1, statement.end_col_offset or 0, names, why, statement)


_PATTERNS = (ast.MatchAs, ast.MatchStar, ast.MatchMapping)  # of `match`: they bind names that are no ast.Name


def bound_names(statement: ast.stmt) -> Iterator[str]:
    """What a top-level statement binds in the module, without what its functions and comprehensions bind inside."""
    todo: list[ast.AST] = [statement]
    while todo:
        node = todo.pop()
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            yield node.name
        elif isinstance(node, _IMPORTS):
            yield from ((alias.asname or alias.name).split(".")[0] for alias in node.names if alias.name != "*")
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif not isinstance(node, _OWN_SCOPE):
            if isinstance(node, _PATTERNS):
                yield from filter(None, [node.rest if isinstance(node, ast.MatchMapping) else node.name])
            todo += reversed(list(ast.iter_child_nodes(node)))


def _why_not(statement: ast.stmt) -> str:
    if isinstance(statement, (*_IMPORTS, *FUNCTIONS, ast.ClassDef)) or _is_import_with_a_way_out(statement):
        return ""
    if isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign)):
        return _why_not_value(statement)
    word = _BLOCKS.get(type(statement))
    if word is not None and any(
        isinstance(node, (*_IMPORTS, *FUNCTIONS, ast.ClassDef)) for node in statements(statement)
    ):
        return NESTED.format(word)
    return STATEMENT


def _is_import_with_a_way_out(statement: ast.stmt) -> bool:
    """`try: import x` and what to do without it, as long as no part does more than may stand alone."""
    if not isinstance(statement, ast.Try):
        return False
    ways_out = [part for handler in statement.handlers for part in handler.body]
    parts = [*statement.body, *ways_out, *statement.orelse, *statement.finalbody]
    imports_first = any(isinstance(part, _IMPORTS) for part in statement.body)
    return imports_first and all(isinstance(part, ast.Pass) or not _why_not(part) for part in parts)


def _why_not_value(assignment: ast.stmt) -> str:
    todo: list[ast.AST] = list(ast.iter_child_nodes(assignment))
    while todo:
        node = todo.pop()
        if not isinstance(node, _PLAIN):
            return EXPRESSION
        if isinstance(node, ast.Call):
            name = _dotted(node.func)
            if name not in CALLS and not name.startswith(CALL_MODULES):
                return CALLING.format(name or "something")
        if isinstance(node, ast.Lambda):
            todo += [default for default in (*node.args.defaults, *node.args.kw_defaults) if default is not None]
        else:
            todo.extend(ast.iter_child_nodes(node))
    return ""


def _dotted(node: ast.expr) -> str:
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def statements(block: ast.stmt) -> Iterator[ast.stmt]:
    """Every statement inside a block, but not inside its functions and classes."""
    todo: list[ast.AST] = [block]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.stmt) and node is not block:
            yield node
            if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
                continue
        todo.extend(ast.iter_child_nodes(node))
