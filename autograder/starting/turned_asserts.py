"""Turns one claim of a test cell (an assert, or a call of numpy's, unittest's or nose's) into one of the kit's."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable

from autograder.starting.student_calls import TestScope, UnsafeToTurn

EQUAL = {"numpy.testing.assert_equal", "numpy.testing.assert_array_equal", "numpy.testing.assert_string_equal",
         "nose.tools.assert_equal", "nose.tools.assert_equals", "nose.tools.eq_", "assertEqual", "assertEquals",
         "assertListEqual", "assertTupleEqual", "assertDictEqual", "assertSetEqual", "assertSequenceEqual",
         "assertMultiLineEqual", "assertCountEqual"}  # fmt: skip
CLOSE = {"numpy.allclose": (1e-5, 1e-8), "numpy.isclose": (1e-5, 1e-8), "math.isclose": (1e-9, 0.0),
         "numpy.testing.assert_allclose": (1e-7, 0.0)}  # fmt: skip
PLACES = {"numpy.testing.assert_almost_equal": (7, 1.5), "numpy.testing.assert_array_almost_equal": (6, 1.5),
          "nose.tools.assert_almost_equal": (7, 0.5), "nose.tools.assert_almost_equals": (7, 0.5),
          "assertAlmostEqual": (7, 0.5)}  # fmt: skip
RAISES = {"pytest.raises", "numpy.testing.assert_raises", "nose.tools.assert_raises", "assertRaises"}
TRUE = {"nose.tools.assert_true", "nose.tools.ok_", "assertTrue", "numpy.testing.assert_"}
FALSE = {"nose.tools.assert_false", "assertFalse"}
_SIZED = "(list, tuple, set, frozenset, dict, range)"
_PREDICATE = ("is_", "has_", "contains", "can_", "all_", "any_")


def known_call(scope: TestScope, function: ast.expr) -> str:
    """The name by which the tables know a function: unittest's methods without what they hang on."""
    last = function.attr if isinstance(function, ast.Attribute) else ""
    return last if last.startswith("assert") and last[6:7].isupper() else scope.path(function)


class ClaimTurner:
    """Writes the kit's lines for a claim of a test cell. Every method raises UnsafeToTurn."""

    def __init__(self, scope: TestScope) -> None:
        self.scope = scope

    def turned(self, claim: ast.expr, hint: str | None) -> list[str]:
        """The lines for `assert claim, hint`."""
        if isinstance(claim, ast.BoolOp) and isinstance(claim.op, ast.And):
            return [line for part in claim.values for line in self.turned(part, hint)]
        if isinstance(claim, ast.UnaryOp) and isinstance(claim.op, ast.Not):
            return [self._truth(claim.operand, False, hint)]
        if isinstance(claim, ast.Compare):
            return [self._comparison(claim, hint)]
        if isinstance(claim, ast.Call):
            return [self._called(claim, hint)]
        return [self._truth(claim, True, hint)]

    def call(self, node: ast.Call) -> list[str] | None:
        """The lines for a call that is a claim of itself; None where it is none."""
        path = known_call(self.scope, node.func)
        if path in EQUAL and len(node.args) >= 2:
            return [self._equal(node.args[0], node.args[1], None, any_order=path == "assertCountEqual")]
        if path in CLOSE or path in PLACES:
            return [self._called(node, None)]
        if path in TRUE and node.args:
            return self.turned(node.args[0], None)
        if path in FALSE and node.args:
            return [self._truth(node.args[0], False, None)]
        if path in RAISES and len(node.args) >= 2:
            return [self.raises(node.args[0], ast.Call(node.args[1], node.args[2:], node.keywords))]
        rewritten: dict[str, Callable[[list[ast.expr]], ast.expr]] = {
            "assertIn": lambda args: ast.Compare(args[0], [ast.In()], [args[1]]),
            "assertIsNone": lambda args: ast.Compare(args[0], [ast.Is()], [ast.Constant(None)]),
            "assertIsInstance": lambda args: ast.Call(ast.Name("isinstance", ast.Load()), args[:2], []),
        }
        return self.turned(rewritten[path](node.args), None) if path in rewritten else None

    def raises(self, kind: ast.expr, call: ast.expr, text: ast.expr | None = None) -> str:
        """The line for a call that must raise. Known on both sides are Python's own, and the student's by name."""
        name = ast.unparse(kind)
        said = f", text={ast.unparse(self.scope.free(text))}" if text is not None else ""
        if name in self.scope.student.classes:
            return f'assert_raises("{name}", lambda: {self._asked(call)}, what={_what(call)}{said})'
        if not isinstance(kind, ast.Name) or not isinstance(getattr(builtins, name, None), type):
            raise UnsafeToTurn(f"expects {name}, which is no exception of Python's own")
        if name in ("Exception", "BaseException", "NameError", "NotImplementedError"):
            raise UnsafeToTurn(f"expects {name}, which an answer that is not written raises too")
        return f"assert_raises({name}, lambda: {self._asked(call)}, what={_what(call)}{said})"

    # -- one claim

    def _called(self, claim: ast.Call, hint: str | None) -> str:
        path = known_call(self.scope, claim.func)
        options = {item.arg: item.value for item in claim.keywords if item.arg}
        if path in CLOSE and len(claim.args) >= 2:
            rtol, atol = CLOSE[path]
            names = ("rel_tol", "abs_tol") if path == "math.isclose" else ("rtol", "atol")
            extra = {"rtol": options.get(names[0]), "atol": options.get(names[1])}
            for name, value in zip(("rtol", "atol"), claim.args[2:], strict=False):
                extra[name] = value
            return self._close(claim.args[0], claim.args[1], hint, extra, {"rtol": rtol, "atol": atol})
        if path in PLACES and len(claim.args) >= 2:
            places, factor = PLACES[path]
            given = options.get("decimal", options.get("places", claim.args[2] if len(claim.args) > 2 else None))
            if given is not None and not (isinstance(given, ast.Constant) and isinstance(given.value, int)):
                raise UnsafeToTurn(f"its places are no number: {ast.unparse(claim)}")
            count = given.value if isinstance(given, ast.Constant) and isinstance(given.value, int) else places
            atol = float(f"{factor}e-{count}")
            return self._close(claim.args[0], claim.args[1], hint, {}, {"rtol": 0.0, "atol": atol})
        if path in ("numpy.array_equal", "numpy.array_equiv") and len(claim.args) == 2:
            return self._equal(claim.args[0], claim.args[1], hint)
        if path in ("torch.equal", "torch.allclose") and len(claim.args) >= 2:
            return self._tensor(claim, options, exact=path == "torch.equal")
        if path in ("numpy.all", "all") and len(claim.args) == 1 and isinstance(claim.args[0], ast.Compare):
            return self._comparison(claim.args[0], hint)
        if isinstance(claim.func, ast.Attribute) and claim.func.attr == "all" and not claim.args:
            inner = claim.func.value
            if isinstance(inner, ast.Compare):
                return self._comparison(inner, hint)
            if isinstance(inner, ast.Call) and self.scope.path(inner.func) in CLOSE:
                return self._called(inner, hint)
        if path in ("numpy.all", "all") and len(claim.args) == 1 and isinstance(claim.args[0], ast.Call):
            if self.scope.path(claim.args[0].func) in CLOSE:
                return self._called(claim.args[0], hint)
        if path == "isinstance" and len(claim.args) == 2 and not self.scope.makes_object(claim.args[0]):
            kind = self.scope.free(claim.args[1])
            asked = f"isinstance({self._asked(claim.args[0])}, {ast.unparse(kind)})"
            return _equal_line(asked, "True", _what(claim), hint)
        return self._truth(claim, True, hint)

    def _comparison(self, claim: ast.Compare, hint: str | None) -> str:
        if len(claim.ops) != 1:
            raise UnsafeToTurn(f"compares several things at once: {ast.unparse(claim)}")
        left, operator, right = claim.left, claim.ops[0], claim.comparators[0]
        if isinstance(operator, ast.Eq):
            if not self.scope.theirs(left) or self._is_approx(left):
                left, right = right, left
            return self._approx(left, right, hint) if self._is_approx(right) else self._equal(left, right, hint)
        if isinstance(operator, ast.Is) and isinstance(right, ast.Constant):
            return _equal_line(self._asked(left), ast.unparse(right), _what(left), hint)
        if isinstance(operator, ast.In | ast.NotIn):
            return self._contains(left, right, claim, hint, wanted=isinstance(operator, ast.In))
        if isinstance(operator, ast.Lt | ast.LtE) and (distance := self._distance(left)) is not None:
            bound = self.scope.free(right)
            return self._close(*distance, hint, {"atol": bound}, {"rtol": 0.0})
        raise UnsafeToTurn(f"says what it is not, or how large: {ast.unparse(claim)}; demand the right value")

    def _equal(self, left: ast.expr, right: ast.expr, hint: str | None, any_order: bool = False) -> str:
        if not self.scope.theirs(left):
            left, right = right, left
        expected = self._expected(right)
        items = self._listed(left)
        any_kind = items is not None or _holds_numbers(right)
        extra = ", any_order=True" if any_order else ", any_kind=True" if any_kind else ""
        return _equal_line(self._asked(items or left), ast.unparse(expected), _what(left), hint, extra)

    def _listed(self, node: ast.expr) -> ast.expr | None:
        """The answer in list(answer): any kind of sequence may arrive, and a generator arrives with its items."""
        if not isinstance(node, ast.Call) or self.scope.path(node.func) not in ("list", "tuple"):
            return None
        (inner,) = node.args if len(node.args) == 1 else (None,)
        is_answer = isinstance(inner, ast.Call) and self.scope.theirs(inner) and not self.scope.makes_object(inner)
        return inner if is_answer else None

    def _close(
        self, left: ast.expr, right: ast.expr, hint: str | None, given: dict[str, ast.expr | None],
        usual: dict[str, float],
    ) -> str:  # fmt: skip
        if not self.scope.theirs(left):
            left, right = right, left
        expected = ast.unparse(self._expected(right))
        bounds = {
            name: ast.unparse(self.scope.free(value)) if (value := given.get(name)) is not None else repr(usual[name])
            for name in ("atol", "rtol")
            if given.get(name) is not None or name in usual
        }
        extra = "".join(f", {name}={value}" for name, value in bounds.items()) + ", any_kind=True"
        return _equal_line(self._asked(left), expected, _what(left), hint, extra)

    def _tensor(self, claim: ast.Call, options: dict[str, ast.expr], exact: bool) -> str:
        left, right = claim.args[0], claim.args[1]
        if not self.scope.theirs(left):
            left, right = right, left
        usual = {"atol": "0.0", "rtol": "0.0"} if exact else {"atol": "1e-08", "rtol": "1e-05"}
        bounds = usual | {name: ast.unparse(self.scope.free(value)) for name, value in options.items() if name in usual}
        extra = "".join(f", {name}={value}" for name, value in bounds.items())
        return f"assert_same({self._asked(left)}, {ast.unparse(self._expected(right))}, what={_what(left)}{extra})"

    def _is_approx(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Call) and self.scope.path(node.func) == "pytest.approx" and bool(node.args)

    def _approx(self, left: ast.expr, approx: ast.expr, hint: str | None) -> str:
        assert isinstance(approx, ast.Call)
        options = {item.arg: item.value for item in approx.keywords}
        given = {"rtol": options.get("rel"), "atol": options.get("abs")}
        for name, value in zip(("rtol", "atol"), approx.args[1:], strict=False):
            given[name] = value
        alone = given["atol"] is not None and given["rtol"] is None
        return self._close(left, approx.args[0], hint, given, {"rtol": 0.0 if alone else 1e-6, "atol": 1e-12})

    def _distance(self, node: ast.expr) -> tuple[ast.expr, ast.expr] | None:
        """The two of abs(a - b)."""
        if isinstance(node, ast.Call) and self.scope.path(node.func) in ("abs", "numpy.abs", "math.fabs"):
            if len(node.args) == 1 and isinstance(node.args[0], ast.BinOp) and isinstance(node.args[0].op, ast.Sub):
                return node.args[0].left, node.args[0].right
        return None

    def _contains(self, item: ast.expr, container: ast.expr, claim: ast.expr, hint: str | None, wanted: bool) -> str:
        if self.scope.theirs(item):
            raise UnsafeToTurn(f"allows several values: {ast.unparse(claim)}; demand the right one")
        text = ast.unparse(self.scope.free(item))
        kinds = "str" if isinstance(item, ast.Constant) and isinstance(item.value, str) else ""
        kinds = f"({kinds}, {_SIZED[1:]}" if kinds else _SIZED
        asked = f"isinstance(value := {self._asked(container)}, {kinds}) and {text} in value"
        if not wanted:
            raise UnsafeToTurn(f"says what it is not: {ast.unparse(claim)}; demand the right value")
        return _equal_line(asked, "True", _what(claim), hint)

    def _truth(self, claim: ast.expr, wanted: bool, hint: str | None) -> str:
        name = ast.unparse(claim.func).rpartition(".")[2] if isinstance(claim, ast.Call) else ""
        if isinstance(claim, ast.Compare) and not wanted:
            raise UnsafeToTurn(f"says what it is not: not {ast.unparse(claim)}; demand the right value")
        if not name.startswith(_PREDICATE) and not (name.startswith("is") and name[2:3].isalpha()):
            raise UnsafeToTurn(f"asks only whether {ast.unparse(claim)} counts as {wanted}: demand the value")
        return _equal_line(self._asked(claim), str(wanted), _what(claim), hint)

    def _asked(self, node: ast.expr) -> str:
        if not self.scope.theirs(node):
            raise UnsafeToTurn(f"{ast.unparse(node)} has nothing that the student wrote")
        return ast.unparse(self.scope.evidence(node))

    def _expected(self, node: ast.expr) -> ast.expr:
        if self.scope.theirs(node):
            raise UnsafeToTurn(f"takes the expected value from the student's own code: {ast.unparse(node)}")
        return self.scope.free(node)


def _holds_numbers(expected: ast.expr) -> bool:
    """Whether == took 2.0 for 2 there, which assert_equal does on demand alone."""
    inner = list(ast.walk(expected))
    if not all(isinstance(node, ast.Constant | ast.List | ast.Tuple | ast.Dict | ast.Set | ast.Load) for node in inner):
        return True
    return any(isinstance(node, ast.Constant) and type(node.value) is int for node in inner)


def _equal_line(asked: str, expected: str, what: str, hint: str | None, extra: str = "") -> str:
    told = f", hint={hint!r}" if hint else ""
    return f"assert_equal({asked}, {expected}, what={what}{extra}{told})"


def _what(node: ast.expr) -> str:
    text = ast.unparse(node)
    text = text if len(text) <= 80 else text[:77] + "..."
    return '"' + text.replace("\\", "\\\\").replace('"', "'") + '"'
