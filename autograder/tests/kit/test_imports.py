"""What code imports, what of it the grader lacks, and what a missing module does: nothing until it is used."""

import ast
import inspect

import pytest
import torch

from kit.far_side import Service
from kit.imports import Import, Placeholder, are_all_there, imports, missing_at_grading, with_harmless_imports
from kit.libraries import LARGE
from kit.student import STUDENT_ERRORS, LocalTransport, Student, StudentError

MISSING = "no_such_package"
PACKAGES = ("einops", "tqdm")


def found(source: str) -> list[tuple[int, str]]:
    return [(one.line, one.module) for one in imports(ast.parse(source))]


@pytest.mark.parametrize(
    ("source", "modules"),
    [
        ("import pandas", ["pandas"]),
        ("import pandas.io as p, scipy", ["pandas.io", "scipy"]),
        ("from pandas.io import sql", ["pandas.io"]),
        ("def f():\n    from scipy import stats", ["scipy"]),
        ("class A:\n    import scipy", ["scipy"]),
        ("try:\n    import scipy\nexcept ImportError:\n    import pandas", ["scipy", "pandas"]),
        ("if x:\n    import scipy", ["scipy"]),
        ("with x:\n    import scipy", ["scipy"]),
        ("import importlib\nimportlib.import_module('scipy.stats')", ["scipy.stats"]),
        ("from importlib import import_module\nimport_module('scipy')", ["scipy"]),
        ("__import__('scipy')", ["scipy"]),
        ("f = lambda: __import__('scipy')", ["scipy"]),
        ("from .helpers import f", ["helpers"]),
        ("from . import helpers", ["helpers"]),
        ("async def f():\n    import scipy", ["scipy"]),
        ("from scipy import *", ["scipy"]),
    ],
)
def test_an_import_that_the_grader_lacks_is_found_wherever_it_stands(source: str, modules: list[str]) -> None:
    outside = missing_at_grading(imports(ast.parse(source)), "ps3", PACKAGES)
    assert [one.module for one in outside] == modules


@pytest.mark.parametrize(
    "module",
    ["os.path", "torch.nn.functional", "numpy", "matplotlib.pyplot", "ps3.data", "kit", "einops.layers", "tqdm.auto",
     "PIL.Image", "IPython.display", "typing_extensions", "__future__", "tomllib", "mpl_toolkits.mplot3d"],
)  # fmt: skip
def test_what_the_grader_has_is_not_missing(module: str) -> None:
    assert missing_at_grading([Import(1, module)], "ps3", (*LARGE, *PACKAGES)) == []


@pytest.mark.parametrize(
    ("source", "there"),
    [
        ("x = 1", True),
        ("import torch\nfrom torch import Tensor, nn", True),
        ("import torch.nn.functional as F, sys\ndef f():\n    from torch import nn as layers", True),
        (f"import {MISSING}", False),
        (f"import torch, {MISSING}", False),
        ("from torch import no_such_name", False),
        (f"import torch; import {MISSING}", False),
        (f"from torch import (\n  nn)\nx = '{MISSING}'", False),
        (f"if x: import {MISSING}", False),
        (f"__import__('{MISSING}')", False),
        (f"import torch \\\n  , {MISSING}", False),
        (f"\timport {MISSING}", False),
        ("from torch import *", False),
    ],
)
def test_what_is_loaded_already_is_known_by_its_lines_and_doubts_are_no(source: str, there: bool) -> None:
    assert are_all_there(source) is there


def test_lines_are_those_of_the_cell_and_each_import_is_named_once() -> None:
    assert found("x = 1\n\nimport os, sys\ndef f():\n    import os") == [(3, "os"), (3, "sys"), (5, "os")]


@pytest.fixture
def student() -> Student:
    return Student(LocalTransport(Service({"__name__": "__main__"}, "torch")))


def load(student: Student, source: str) -> Student:
    (error,) = student.load_cells([("demo", f"import torch\n{source}")], packages=PACKAGES)
    assert error is None
    return student


DEFINITION = "\ndef double(x):\n    return 2 * x"


@pytest.mark.filterwarnings("ignore:can't resolve package")
@pytest.mark.parametrize(
    "line",
    [
        f"import {MISSING}",
        f"import {MISSING}.part as p",
        f"import os, {MISSING}.part, sys",
        f"from {MISSING} import a, b as c",
        f"from {MISSING}.part.of import a",
        f"from {MISSING} import *",
        "from torch import nothing_of_this_name, nn",
        "import torch.no_such_part",
        "from .helpers import f",
        f"class A:\n    import {MISSING}\n    from {MISSING} import a",
        f"from {MISSING} import Float\ndef g(x: Float[torch.Tensor, 'b n'] | None) -> Float['n']: ...",
        f"import {MISSING}\nsaved = {MISSING}.part.function",
        f"if True:\n    import {MISSING}",
    ],
)
def test_an_import_of_what_is_missing_does_no_harm_to_what_does_not_use_it(student: Student, line: str) -> None:
    assert load(student, line + DEFINITION).double(torch.ones(1)).tolist() == [2]


@pytest.mark.parametrize(
    ("use", "said"),
    [
        (f"from {MISSING} import f\ndef go(x): return f(x)", f"{MISSING}.f"),
        (f"def go(x):\n    from {MISSING} import f\n    return f(x)", f"{MISSING}.f"),
        (f"import {MISSING} as m\ndef go(x): return m.part.f(x)", f"{MISSING}.part.f"),
        (f"import {MISSING}.part as m\ndef go(x): return m.f(x)", f"{MISSING}.part.f"),
        (f"from {MISSING} import f\ndef go(x): return [y for y in f]", f"{MISSING}.f"),
        (f"from {MISSING} import f\ndef go(x): return x + f", f"{MISSING}.f"),
        (f"from {MISSING} import f\ndef go(x): return f @ x", f"{MISSING}.f"),
        (f"from {MISSING} import f\ndef go(x):\n  with f: pass", f"{MISSING}.f"),
        (f"from {MISSING} import f\ndef go(x): return len(f)", f"{MISSING}.f"),
        (f"from {MISSING} import f\ndef go(x): return 1 if f else 2", f"{MISSING}.f"),
        (f"from {MISSING} import f\ndef go(x): return isinstance(x, f)", f"{MISSING}.f"),
        (f"from {MISSING} import F\ndef go(x):\n  class A(F): pass", f"{MISSING}.F"),
        (f"from {MISSING} import f\ndef go(x):\n  @f\n  def g(): pass", f"{MISSING}.f"),
        (f"import {MISSING}\ndef go(x): return {MISSING}.__version__", MISSING),
    ],
)
def test_using_what_is_missing_names_the_module_and_what_there_is(student: Student, use: str, said: str) -> None:
    with pytest.raises(STUDENT_ERRORS["ModuleNotFoundError"]) as caught:
        load(student, use).go(torch.ones(1))
    assert isinstance(caught.value, StudentError)
    assert caught.value.text.startswith(f"{said}: there is no {MISSING} at grading: the grader has torch, numpy")
    assert "einops, tqdm" in caught.value.text and caught.value.cell == "demo"


def test_a_name_that_a_module_lacks_is_an_import_error_where_it_is_used(student: Student) -> None:
    with pytest.raises(STUDENT_ERRORS["ImportError"], match="cannot import name 'no_such_name'") as caught:
        load(student, "from torch import no_such_name\ndef go(x): return no_such_name(x)").go(torch.ones(1))
    assert "__init__.py" not in str(caught.value)  # the file is one of the grader's


@pytest.mark.parametrize(
    "source",
    [
        f"try:\n    import {MISSING}\nexcept ImportError:\n    out = True",
        f"try:\n    from {MISSING} import f\nexcept ModuleNotFoundError:\n    out = True",
        f"try:\n    from {MISSING} import f\nexcept (ValueError, ImportError):\n    out = True",
        f"try:\n    import {MISSING}\nexcept Exception as error:\n    out = True",
        f"try:\n    import {MISSING}\nexcept:\n    out = True",
        f"try:\n    import {MISSING}\nexcept ValueError:\n    pass\nexcept ImportError:\n    out = True",
        f"import builtins\ntry:\n    import {MISSING}\nexcept builtins.ImportError:\n    out = True",
        f"try:\n    import {MISSING}\n    out = False\nexcept* ImportError:\n    out = True",
        f"import contextlib\nout = True\nwith contextlib.suppress(ImportError):\n    import {MISSING}\n    out = False",
        f"try:\n    import {MISSING}\nexcept ImportError:\n    import {MISSING}2\n    out = True",
        f"import importlib.util\nout = importlib.util.find_spec('{MISSING}') is None",
    ],
)
def test_a_way_out_of_the_students_own_still_runs(student: Student, source: str) -> None:
    load(student, f"{source}\ndef go(x): return x + out")
    assert student.go(torch.ones(1)).tolist() == [2]


def test_an_import_keeps_its_line_in_tracebacks_and_code_its_own(student: Student) -> None:
    with pytest.raises(StudentError) as caught:
        load(student, f"import os, {MISSING}\ndef go(x):\n    import os\n    return x.nothing").go(torch.ones(1))
    assert (caught.value.cell, caught.value.line) == ("demo", 5)


def test_at_home_what_only_this_machine_has_is_missing_as_it_is_at_grading() -> None:
    student = Student(LocalTransport(Service({"__name__": "__main__"}, "torch", strict=True)))
    load(student, "import nbformat\nfrom nbformat import v4\nimport json\ndef go(x): return v4.new_notebook()")
    with pytest.raises(STUDENT_ERRORS["ModuleNotFoundError"], match="there is no nbformat at grading"):
        student.go(torch.ones(1))


def test_a_package_of_the_grader_that_is_not_installed_here_is_said_to_be_so() -> None:
    namespace: dict[str, object] = {}
    tree = with_harmless_imports(ast.parse(f"import {MISSING}"), [MISSING])
    exec(compile(tree, "<cell>", "exec"), namespace)
    with pytest.raises(ModuleNotFoundError, match=f"{MISSING} is not installed here"):
        namespace[MISSING]()  # type: ignore[operator]


def test_a_placeholder_can_be_looked_at_without_being_used() -> None:
    placeholder = Placeholder("x", ModuleNotFoundError, "missing")
    assert "Placeholder" in repr(placeholder) and placeholder is not None
    assert inspect.unwrap(placeholder) is placeholder and not hasattr(placeholder, "__wrapped__")
