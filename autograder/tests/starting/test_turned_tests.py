"""What becomes of an nbgrader test cell: tests that pass the reference and catch a wrong answer, or a line by hand."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from autograder.assignment.unfinished import TODO
from autograder.tests.made_notebooks import code, failures, file, graded, imported, solution

SQUARE = "def f(x):\n    ### BEGIN SOLUTION\n    return x * x\n    ### END SOLUTION"
CUBE = SQUARE.replace("x * x", "x * x * x")
STACK = """\
class Stack:
    def __init__(self):
        ### BEGIN SOLUTION
        self.items = []
        ### END SOLUTION
    def push(self, item):
        ### BEGIN SOLUTION
        self.items.append(item)
        ### END SOLUTION
    def pop(self):
        ### BEGIN SOLUTION
        return self.items.pop()
        ### END SOLUTION
    def __len__(self):
        ### BEGIN SOLUTION
        return len(self.items)
        ### END SOLUTION"""
QUEUE = STACK.replace("items.pop()", "items.pop(0)")
STRICT = """\
def f(x):
    ### BEGIN SOLUTION
    if x < 0:
        raise ValueError("negative")
    return x
    ### END SOLUTION"""
LAX = STRICT.replace("x < 0", "False")
OWN = "class TooSmall(Exception):\n    pass\n" + STRICT.replace("ValueError", "TooSmall")
SHOUT = "def f(x):\n    ### BEGIN SOLUTION\n    print(x.upper())\n    ### END SOLUTION"
GROW = "def f(x):\n    ### BEGIN SOLUTION\n    x.append(0)\n    ### END SOLUTION"
TEXT = "def f(x):\n    ### BEGIN SOLUTION\n    return ['a', x]\n    ### END SOLUTION"
HIGHER = "def f(g, x):\n    ### BEGIN SOLUTION\n    return [g(one) for one in x]\n    ### END SOLUTION"
MAKER = "def f(g):\n    ### BEGIN SOLUTION\n    return lambda x: [g(one) for one in x]\n    ### END SOLUTION"
TWICE = "def f(x):\n    ### BEGIN SOLUTION\n    return (one * 2 for one in x)\n    ### END SOLUTION"
ITEMS = """\
class Bag:
    def __init__(self, items):
        ### BEGIN SOLUTION
        self.items = list(items)
        ### END SOLUTION

    def __iter__(self):
        ### BEGIN SOLUTION
        return iter(self.items)
        ### END SOLUTION"""
EVEN = "def is_even(x):\n    ### BEGIN SOLUTION\n    return x % 2 == 0\n    ### END SOLUTION"
BUILD = "def build(x):\n    ### BEGIN SOLUTION\n    return x + 1\n    ### END SOLUTION"
VALUE = f"{SQUARE}\nlimit = 7"

TURNED = {
    "equal": (SQUARE, CUBE, "assert f(3) == 9\nassert f(4) == 16, 'four'"),
    "the other way round": (SQUARE, CUBE, "assert 9 == f(3)"),
    "both": (SQUARE, CUBE, "assert f(3) == 9 and f(5) == 25"),
    "a local value": (SQUARE, CUBE, "n = 3\nexpected = n ** 2\nassert f(n) == expected"),
    "a result in between": (SQUARE, CUBE, "result = f(3)\nassert result == 9"),
    "cases in a loop": (SQUARE, CUBE, "for x, y in [(2, 4), (3, 9)]:\n    assert f(x) == y"),
    "a helper of its own": (SQUARE, CUBE, "def by_hand(n):\n    return n * n\nassert f(3) == by_hand(3)"),
    "a function that is called": (SQUARE, CUBE, "def test_it():\n    assert f(3) == 9\ntest_it()"),
    "nested": (SQUARE, CUBE, "assert f(f(2)) == 16"),
    "isclose": (SQUARE, CUBE, "import math\nassert math.isclose(f(1.5), 2.25, rel_tol=1e-6)"),
    "a distance": (SQUARE, CUBE, "assert abs(f(1.5) - 2.25) < 1e-6"),
    "approx": (SQUARE, CUBE, "import pytest\nassert f(1.5) == pytest.approx(2.25)"),
    "nose": (SQUARE, CUBE, "from nose.tools import assert_equal, eq_\nassert_equal(f(3), 9)\neq_(f(2), 4)"),
    "nose's almost": (SQUARE, CUBE, "from nose.tools import assert_almost_equal\nassert_almost_equal(f(1.5), 2.25, 3)"),
    "unittest": (SQUARE, CUBE, "import unittest\ntc = unittest.TestCase()\ntc.assertEqual(f(3), 9)"),
    "try and except": (
        STRICT,
        LAX,
        "try:\n    f(-1)\nexcept ValueError:\n    pass\nelse:\n    raise AssertionError('no')",
    ),
    "try, raise inside": (STRICT, LAX, "try:\n    f(-1)\n    assert False\nexcept ValueError:\n    pass"),
    "raises": (STRICT, LAX, "import pytest\nwith pytest.raises(ValueError):\n    f(-1)"),
    "assertRaises": (STRICT, LAX, "import unittest\nunittest.TestCase().assertRaises(ValueError, f, -1)"),
    "numpy's raises": (STRICT, LAX, "import numpy as np\nnp.testing.assert_raises(ValueError, f, -1)"),
    "an exception of the student's": (OWN, LAX, "try:\n    f(-1)\n    assert False\nexcept TooSmall:\n    pass"),
    "raises with a text": (STRICT, LAX, "import pytest\nwith pytest.raises(ValueError, match='neg'):\n    f(-1)"),
    "printed": (
        SHOUT,
        SHOUT.replace("upper", "lower"),
        "import io, contextlib\nb = io.StringIO()\nwith contextlib.redirect_stdout(b):\n    f('a')\n"
        "assert b.getvalue().strip() == 'A'",
    ),
    "changed in place": (GROW, GROW.replace("0", "1"), "v = [1]\nf(v)\nassert v == [1, 0]"),
    "a kind": (TEXT, SQUARE, "assert isinstance(f(1), list)"),
    "a member": (TEXT, SQUARE, "assert 'a' in f(1)"),
    "objects": (STACK, QUEUE, "s = Stack()\ns.push(1)\ns.push(2)\nassert len(s) == 2\nassert s.pop() == 2"),
    "a callback of Python's": (HIGHER, TEXT.replace("(x)", "(g, x)"), "import math\nassert f(abs, [-1, 2]) == [1, 2]"),
    "a function that is returned": (MAKER, SQUARE, "import operator\nassert f(operator.neg)([1, 2]) == [-1, -2]"),
    "a list of what comes back": (TWICE, SQUARE, "assert list(f([1, 2])) == [2, 4]\nassert list(f('a')) == ['aa']"),
    "a list of an object": (ITEMS, ITEMS.replace("self.items)", "[])"), "s = Bag([1])\nassert list(s) == [1]"),
    "yes and no": (EVEN, EVEN.replace("== 0", "== 1"), "assert is_even(2)\nassert not is_even(3)"),
    "a name of the fixture's": (BUILD, BUILD.replace("+ 1", "- 1"), "assert build(1) == 2"),
    "a value": (VALUE, VALUE.replace("7", "8").replace("x * x", "x"), "assert limit == 7\nassert f(2) == 4"),
}


@pytest.mark.parametrize("kind", TURNED)
def test_what_is_turned_passes_the_reference_and_catches_a_wrong_answer(kind: str, tmp_path: Path) -> None:
    right, wrong, tests = TURNED[kind]
    problem = imported(tmp_path, solution(right), graded(tests))
    assert [line for line in problem.to_do if "its one hidden test" not in line] == []
    for name in ("test_public.py", "test_hidden.py"):
        assert failures(problem, right, name) == []
    assert failures(problem, wrong) != []


# numpy's arrays: how the claim reads then.
ARRAYS = {
    "allclose": ("assert np.allclose(f([1, 2]), [1, 4])",
                 'assert_equal(student.f([1, 2]), [1, 4], what="f([1, 2])", atol=1e-08, rtol=1e-05, any_kind=True)'),
    "allclose with a bound": ("assert np.allclose(f(2), 4, atol=0.1)",
                              'assert_equal(student.f(2), 4, what="f(2)", atol=0.1, rtol=1e-05, any_kind=True)'),
    "assert_allclose": ("np.testing.assert_allclose(f(np.arange(3)), [0, 1, 4])",
                        'assert_equal(student.f(np.arange(3)), [0, 1, 4], what="f(np.arange(3))", atol=0.0, '
                        "rtol=1e-07, any_kind=True)"),
    "almost equal": ("np.testing.assert_almost_equal(f(2), 4.0, decimal=3)",
                     'assert_equal(student.f(2), 4.0, what="f(2)", atol=0.0015, rtol=0.0, any_kind=True)'),
    "all of them": ("assert (f(np.ones(2)) == np.ones(2)).all()",
                    'assert_equal(student.f(np.ones(2)), np.ones(2), what="f(np.ones(2))", any_kind=True)'),
    "array_equal": ("assert np.array_equal(f(np.ones(2)), [1, 1])",
                    'assert_equal(student.f(np.ones(2)), [1, 1], what="f(np.ones(2))", any_kind=True)'),
    "a seeded draw": ("v = np.random.default_rng(3).normal(size=4)\nassert np.allclose(f(v), v ** 2, 0.1)",
                      'assert_equal(student.f(v), v ** 2, what="f(v)", atol=1e-08, rtol=0.1, any_kind=True)'),
    "tensors": ("import torch\nassert torch.equal(f(torch.ones(2)), torch.ones(2))",
                'assert_same(student.f(torch.ones(2)), torch.ones(2), what="f(torch.ones(2))", atol=0.0, rtol=0.0)'),
}  # fmt: skip


@pytest.mark.parametrize("kind", ARRAYS)
def test_claims_about_arrays_keep_their_tolerances(kind: str, tmp_path: Path) -> None:
    tests, line = ARRAYS[kind]
    problem = imported(tmp_path, code("import numpy as np"), solution(SQUARE), graded(tests))
    written = re.sub(r"\(\s+", "(", re.sub(r",\n\s+(?=\w)", ", ", file(problem, "test_hidden.py")))
    assert f"    {line}\n" in written.replace(",\n    )", ")")


LEFT = {
    "takes a function away": ("del f", "delete with"),
    "takes another in its place": ("f = lambda x: 9\nassert f(3) == 9", "in the place of the student's `f`"),
    "looks into the code": ("import inspect\nassert 'for' not in inspect.getsource(f)", "looks"),
    "mocks": ("from unittest import mock\nwith mock.patch('builtins.print') as p:\n    f(3)", "no counterpart"),
    "draws without a seed": ("import random\nx = random.random()\nassert f(x) == x * x", "without a seed"),
    "numpy draws without a seed": (
        "import numpy as np\nv = np.random.rand(3)\nassert f(v).sum() > 0",
        "without a seed",
    ),
    "computes with an answer": ("assert f(3) + 1 == 10", "computes with"),
    "expects what students wrote": ("assert f(3) == f(-3)", "from the student's own code"),
    "a bound": ("assert f(3) > 8", "how large"),
    "what it is not": ("assert f(3) != 8", "what it is not"),
    "truth alone": ("assert f(3)", "counts as True"),
    "nothing of the student's": ("assert 1 == 1", "nothing that the student wrote"),
    "the function itself": ("assert callable(f)", "callable(f) counts as True"),
    "a lambda": ("assert f(lambda: 3) == 9", "no name"),
    "an exception that any stub raises": (
        "try:\n    f(1)\nexcept Exception:\n    pass\nelse:\n    raise ValueError",
        "not written",
    ),
    "an exception kept": ("import pytest\nwith pytest.raises(ValueError) as e:\n    f(3)", "text"),
    "a try that always passes": ("try:\n    f(1)\nexcept ValueError:\n    pass", "passes also"),
    "AUTOTEST": ("### AUTOTEST f(3)", "expected value from the reference"),
    "a magic": ("%timeit f(3)\nassert f(3) == 9", "not Python alone"),
    "a given function": ("assert f(3) == slow(3)", "`slow` of a cell that is given"),
}


@pytest.mark.parametrize("kind", LEFT)
def test_what_is_not_safe_is_listed_with_its_text_and_never_runs(kind: str, tmp_path: Path) -> None:
    tests, why = LEFT[kind]
    given = code("def slow(x):\n    return x * x")
    problem = imported(tmp_path, given, solution(SQUARE), graded("assert f(2) == 4\nassert f(5) == 25", 1, "a"),
                       graded(tests, 1, "b"))  # fmt: skip
    assert [why in line and line.startswith("cell 4 (b) line ") for line in problem.to_do][0], problem.to_do
    hidden = file(problem, "test_hidden.py")
    assert f"# {TODO}: cell 4 (b)" in hidden and all(f"#     {line}" in hidden for line in tests.split("\n")[-1:])
    assert [node.name for node in ast.parse(hidden).body if isinstance(node, ast.FunctionDef)] == ["test_a_hidden"]
    assert "[exercise.work]\npoints = 2\n" in file(problem, "problem.toml")


def test_a_buffer_that_nothing_reads_any_more_is_not_made(tmp_path: Path) -> None:
    tests = TURNED["printed"][2]
    problem = imported(tmp_path, solution(SHOUT), graded(tests))
    assert "StringIO" not in file(problem, "test_public.py") + file(problem, "test_hidden.py")


def test_what_needs_something_left_is_left_as_well(tmp_path: Path) -> None:
    tests = "import time\nstart = time.time()\nassert f(2) == 4\nassert f(start) == start ** 2"
    problem = imported(tmp_path, solution(SQUARE), graded(tests))
    assert any("needs `start`" in line for line in problem.to_do)


def test_hidden_claims_stay_hidden_and_get_what_they_need_of_the_public_ones(tmp_path: Path) -> None:
    tests = "n = 3\nassert f(2) == 4\n### BEGIN HIDDEN TESTS\nassert f(n) == 9\n### END HIDDEN TESTS"
    problem = imported(tmp_path, solution(SQUARE), graded(tests))
    public, hidden = file(problem, "test_public.py"), file(problem, "test_hidden.py")
    assert "student.f(2)" in public and "student.f(n)" not in public and "n = 3" not in public
    assert "student.f(n)" in hidden and "n = 3" in hidden and "student.f(2)" not in hidden


def test_the_hint_is_the_message_of_the_assert_or_the_section(tmp_path: Path) -> None:
    cells = (solution(SQUARE), graded("assert f(3) == 9, 'is it squared?'\nassert f(-2) == 4, 'and below 0?'"))
    assert 'hint="is it squared?"' in file(imported(tmp_path, *cells), "test_hidden.py") + file(
        imported(tmp_path, *cells), "test_public.py"
    )


def test_a_test_of_exceptions_alone_demands_a_right_value_as_well(tmp_path: Path) -> None:
    refusal = "try:\n    f(-1)\nexcept ValueError:\n    pass\nelse:\n    raise AssertionError"
    problem = imported(tmp_path, solution(STRICT), graded("assert f(2) == 2\nassert f(3) == 3", 1, "a"),
                       graded(refusal, 1, "b"))  # fmt: skip
    always = STRICT.replace("x < 0", "True")
    assert failures(problem, STRICT) == [] and len(failures(problem, always)) == 2
