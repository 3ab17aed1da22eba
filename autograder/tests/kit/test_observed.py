"""What a test can ask of a call besides its result: printed, read, warned, changed in place; exceptions with text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from autograder.sandbox.sandbox import Sandbox
from kit import observed
from kit.compare import CheckFailed, assert_raises
from kit.far_side import Service
from kit.student import LocalTransport, Student, StudentError
from kit.wire import WireError, encode

CODE = """
import logging
import sys
import warnings

print("at load")
kept = sys.stdout
log = logging.getLogger("student")
log.handlers = [logging.StreamHandler(sys.stdout)]

def say(*words, **how):
    print(*words, **how)

def shout():
    sys.stdout.write("out")
    print("err", file=sys.stderr)
    logging.getLogger("student.part").warning("logged")
    kept.write("kept")
    sys.stdout.buffer.write(b" bytes")

def many(count):
    for _ in range(count):
        print("x" * 999)

def fail():
    print("before")
    raise ValueError("after")

def leave_stdout():
    import io
    sys.stdout = io.StringIO()
    print("elsewhere")

def ask(count):
    return [input(f"{number}? ") for number in range(count)]

def ask_number():
    return int(input())

def read(how):
    if how == "lines":
        return [line.rstrip("\\n") for line in sys.stdin]
    return getattr(sys.stdin, how)()

def mixed():
    return [input(), sys.stdin.readline(), sys.stdin.read()]

def warn(text="careful", kind="UserWarning"):
    warnings.warn(text, {"UserWarning": UserWarning, "DeprecationWarning": DeprecationWarning, "Own": Own}[kind])

class Own(Warning):
    pass

def hide():
    warnings.simplefilter("ignore")

def insist():
    warnings.simplefilter("error")
    warn()

def divide():
    import numpy as np
    return float((np.ones(1) / np.zeros(1))[0])

def change(values, names, deep=None):
    values.sort()
    names["new"] = len(names)
    if deep:
        deep[0].append(values[0])

class StackError(ValueError):
    pass

class StackEmpty(StackError):
    pass

def pop(items):
    if not items:
        raise StackEmpty("the stack is empty: push something first")
    return items[-1]

def chained():
    try:
        {}["key"]
    except KeyError as error:
        raise RuntimeError("no such word") from error

def hidden_chain():
    try:
        1 / 0
    except ZeroDivisionError:
        raise RuntimeError("shown") from None

def plain():
    raise Exception("something")

def long_text():
    raise ValueError("y" * 10_000)

def slip():
    return nothing_of_this_name

def unwritten():
    raise NotImplementedError("tiny: write this function")

class Teller:
    def __init__(self, name):
        print("made", name)
        self.name = name
    def tell(self):
        print(self.name)
        return self
"""


def loaded(student: Student) -> Student:
    student.load_cell("demo", CODE)
    student.begin(1)
    return student


def local() -> Student:
    return loaded(Student(LocalTransport(Service({"__name__": "__main__"}, "tinylib", strict=True))))


def live() -> Student:
    """The cells ran before anybody looked, as in a notebook."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(CODE, "/tmp/ipykernel_1/2.py", "exec"), namespace)
    return Student(LocalTransport(Service(namespace, "tinylib")))


@pytest.fixture(params=["live", "saved", "worker"])
def student(request: pytest.FixtureRequest) -> Iterator[Student]:
    if request.param == "worker":
        sandbox: Sandbox = request.getfixturevalue("sandbox")
        with sandbox.worker() as worker:
            yield loaded(Student(worker, call_seconds=30))
    else:
        yield live() if request.param == "live" else local()


pytestmark = pytest.mark.filterwarnings("ignore")  # a student's code may warn


# --- printed ----------------------------------------------------------------------------------------------------------


def test_what_a_call_prints_is_its_own_and_no_other_calls(student: Student) -> None:
    assert student.printed == ""
    student.say("one", 2, sep="-", end="!\n")
    assert student.printed == "one-2!\n"
    student.say("ä→", "\x1b[31m", "two\nlines")
    assert student.printed == "ä→ \x1b[31m two\nlines\n"
    student.pop([1])
    assert student.printed == ""


def test_streams_buffers_and_logging_are_noted_apart(student: Student) -> None:
    student.shout()
    assert student.printed_errors == "err\n"
    assert {"out", "logged\n", " bytes"} <= {student.printed[:3], *student.printed[3:10].splitlines(True), " bytes"}
    assert student.printed.startswith("outlogged\n") and student.printed.endswith(" bytes")


def test_a_stream_that_a_cell_kept_is_noted_where_cells_are_loaded() -> None:
    student = local()
    student.shout()
    assert student.printed == "outlogged\nkept bytes"


def test_what_is_printed_is_bounded_and_says_where_it_was_cut(student: Student) -> None:
    student.many(100)
    assert student.printed.startswith("x" * 999 + "\n") and student.printed.endswith(observed.CUT)
    assert len(student.printed) == observed.MAX_PRINTED + len(observed.CUT)


def test_a_call_that_raises_has_printed_too(student: Student) -> None:
    with pytest.raises(ValueError, match="after"):
        student.fail()
    assert student.printed == "before\n"


def test_a_stream_that_is_left_replaced_is_put_back(student: Student) -> None:
    student.leave_stdout()
    assert student.printed == ""
    student.say("again")
    assert student.printed == "again\n"


def test_the_next_test_begins_with_nothing(student: Student) -> None:
    student.answers("left over")
    student.say("old")
    student.begin(2)
    assert (student.printed, list(student.warnings), dict(student.arguments)) == ("", [], {})
    with pytest.raises(EOFError):
        student.ask(1)


def test_in_a_notebook_printed_text_is_shown_once_and_noted(capsys: pytest.CaptureFixture[str]) -> None:
    student = live()
    capsys.readouterr()
    student.say("hello")
    assert (student.printed, capsys.readouterr().out) == ("hello\n", "hello\n")


def test_objects_and_their_methods_are_observed_as_functions_are(student: Student) -> None:
    teller = student.make("Teller", "Ann")
    assert student.printed == "made Ann\n"
    teller.tell()
    assert student.printed == "Ann\n"


# --- read -------------------------------------------------------------------------------------------------------------


def test_input_reads_the_lines_and_its_prompts_are_noted(student: Student) -> None:
    student.answers("3", "", "four words in one")
    assert student.ask(2) == ["3", ""]
    assert student.prompts == ["0? ", "1? "]
    assert student.printed == ""
    assert student.ask(1) == ["four words in one"]


@pytest.mark.parametrize(("lines", "said"), [([], "0 lines were"), (["1"], "1 line was"), (["1", "2"], "2 lines were")])
def test_too_few_lines_are_the_students_error_that_counts_them(student: Student, lines: list[str], said: str) -> None:
    student.answers(*lines)
    with pytest.raises(EOFError, match=f"{said} there, and this asks for one more") as caught:
        student.ask(len(lines) + 1)
    assert isinstance(caught.value, StudentError) and caught.value.line is not None


def test_without_lines_nobody_answers(student: Student) -> None:
    with pytest.raises(EOFError, match="EOF when reading a line"):
        student.ask(1)
    assert student.read("read") == "" and student.read("readline") == "" and student.read("lines") == []


@pytest.mark.parametrize(
    ("how", "expected"),
    [("lines", ["a", "b"]), ("readline", "a\n"), ("read", "a\nb\n"), ("readlines", ["a\n", "b\n"])],
)
def test_stdin_reads_the_same_lines(student: Student, how: str, expected: object) -> None:
    student.answers("a", "b")
    assert student.read(how) == expected


def test_input_and_stdin_share_the_lines(student: Student) -> None:
    student.answers("a", "b", "c", "d")
    assert student.mixed() == ["a", "b\n", "c\nd\n"]


def test_an_answer_that_the_code_cannot_use_is_its_own_error(student: Student) -> None:
    student.answers("three")
    assert_raises(ValueError, student.ask_number, what="an answer that is no number", text="invalid literal")


@pytest.mark.parametrize("line", ["two\nlines", 3, None])
def test_an_answer_is_one_line_of_text(line: Any) -> None:
    with pytest.raises(ValueError, match="one line of text"):
        local().answers(line)


# --- warnings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "text"), [("UserWarning", "careful"), ("DeprecationWarning", "old"), ("Own", "mine " * 200)]
)
def test_a_warning_is_noted_in_every_call_that_gives_it(student: Student, kind: str, text: str) -> None:
    for _ in range(2):
        student.warn(text, kind)
        assert student.warnings == [(kind, text[: observed.MAX_WARNING])]
    student.begin(2)
    student.warn(text, kind)
    assert len(student.warnings) == 1
    student.pop([1])
    assert student.warnings == []


def test_a_filter_that_hides_hides_nothing_from_the_test(student: Student) -> None:
    student.load_cell("more", "import warnings\nbefore = warnings.filters[:]\nwarnings.simplefilter('ignore')")
    try:
        student.warn()
        assert student.warnings == [("UserWarning", "careful")] and "careful" not in student.printed_errors
        student.hide()
        student.warn()
        assert student.warnings == [("UserWarning", "careful")]
    finally:
        student.load_cell("more", "warnings.filters[:] = before")


def test_a_filter_that_makes_an_error_of_it_still_does(student: Student) -> None:
    assert_raises("UserWarning", student.insist, what="a warning", text="careful")
    assert student.warnings == [("UserWarning", "careful")]
    student.load_cell("more", "import warnings\nbefore = warnings.filters[:]\nwarnings.simplefilter('error')")
    try:
        assert_raises("UserWarning", student.warn, what="a warning", text="careful")
    finally:
        student.load_cell("more", "warnings.filters[:] = before")


def test_numpys_warnings_are_noted(student: Student) -> None:
    assert student.divide() == float("inf")
    assert [kind for kind, _ in student.warnings] == ["RuntimeWarning"]


# --- arguments --------------------------------------------------------------------------------------------------------


def test_arguments_are_told_as_the_call_left_them(student: Student) -> None:
    values, deep = [3, 1, 2], [[0]]
    student.change(values, {"a": 1}, deep=deep)
    assert student.arguments == {0: [1, 2, 3], 1: {"a": 1, "new": 1}, "deep": [[0, 1]]}
    assert (values, deep) == ([3, 1, 2], [[0]])
    assert not student.unchanged_inputs


def test_an_argument_that_cannot_be_told_is_left_out(student: Student) -> None:
    student.say(student.pop, [1])
    assert student.arguments == {1: [1]}
    with pytest.raises(AssertionError, match="arguments: there is no 0, and the test looks at it"):
        student.arguments[0]


# --- exceptions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["StackEmpty", "StackError", "ValueError", ValueError])
@pytest.mark.parametrize("text", [None, "push something", r"^the \w+ is empty", "is empty: push"])
def test_an_error_of_the_students_own_is_expected_by_name_and_text(
    student: Student, kind: str | type[Exception], text: str | None
) -> None:
    error = assert_raises(kind, lambda: student.pop([]), what="pop of nothing", text=text)
    assert isinstance(error, StudentError) and error.shown == "StackEmpty"


@pytest.mark.parametrize(
    ("name", "kind", "text", "said"),
    [
        ("chained", "StackEmpty", None, "expected a StackEmpty, got RuntimeError in"),
        ("chained", IndexError, None, "expected an IndexError, got RuntimeError in"),
        ("chained", RuntimeError, "no such key", "its text should say 'no such key'; it says: no such word"),
        ("chained", RuntimeError, "a(bad [regex", "its text should say 'a(bad [regex'; it says: no such word"),
        ("plain", "StackEmpty", None, "Exception is the class of all errors: raise the one that is meant"),
        ("long_text", ValueError, "z", f"it says: {'y' * 200}… ("),
    ],
)
def test_another_error_or_text_fails_with_both_named(name: str, kind: Any, text: str | None, said: str) -> None:
    with pytest.raises(CheckFailed) as caught:
        assert_raises(kind, getattr(local(), name), what="the call", text=text)
    assert said in str(caught.value) and len(str(caught.value)) < 700


def test_no_error_at_all_is_told_with_what_came_back() -> None:
    with pytest.raises(CheckFailed, match="pop: expected a StackEmpty, but it returned an int"):
        assert_raises("StackEmpty", lambda: local().pop([1]), what="pop")


@pytest.mark.parametrize(
    ("name", "kind"), [("slip", "StackEmpty"), ("unwritten", "RuntimeError"), ("gone", "KeyError")]
)
def test_a_slip_a_stub_and_a_missing_name_are_no_answer(name: str, kind: str) -> None:
    with pytest.raises(StudentError):
        assert_raises(kind, getattr(local(), name), what="the call")


@pytest.mark.parametrize("kind", [Exception, "Exception", BaseException, StudentError])
def test_an_exception_that_any_slip_is_cannot_be_expected(kind: Any) -> None:
    with pytest.raises(TypeError, match="would take any slip for right: name the class"):
        assert_raises(kind, local().slip, what="the call")


def test_causes_are_told_unless_the_student_hides_them(student: Student) -> None:
    error = assert_raises(RuntimeError, student.chained, what="the call")
    assert isinstance(error, StudentError) and error.causes == (("KeyError", "'key'"),)
    hidden = assert_raises(RuntimeError, student.hidden_chain, what="the call")
    assert isinstance(hidden, StudentError) and hidden.causes == ()


def test_a_text_that_is_too_long_says_how_long_it_was(student: Student) -> None:
    error = assert_raises(ValueError, student.long_text, what="the call")
    assert isinstance(error, StudentError) and error.text.endswith("y … (cut: 10,000 characters)")


# --- what a hostile worker may say ------------------------------------------------------------------------------------


class Liar:
    def __init__(self, seen: object) -> None:
        self.reply = encode({"status": "ok", "seen": seen, "modes": []})

    def exchange(self, frame: bytes, seconds: float) -> bytes:
        return self.reply


FORGED: dict[str, list[object]] = {
    "printed": [None, 1, ["text"], "x" * (observed.MAX_PRINTED + 100)],
    "printed_errors": [None, {"a": "b"}, "x" * (observed.MAX_PRINTED + 100)],
    "prompts": [None, "text", [1], ["x" * 501], ["x"] * 1_001, [["x"]]],
    "warnings": [None, "text", ["UserWarning"], [["UserWarning"]], [["A", 1]], [["A", "x" * 501]], [["A", "b"]] * 101],
    "arguments": [None, {"0": 1}, [1], [[0]], [[None, 1]], [[0, 1], [0, 2]], [[[0], 1]], [[True, 1]]],
    "written": [None, [], {}, {"paths": ["a"], "sizes": [1], "data": "x"}, {"paths": "a", "sizes": [], "data": None}],
    "figures": [None, [], "[]", {"facts": "[]"}, {"facts": "{", "arrays": []}, {"facts": "[1]", "arrays": []}],
}


@pytest.mark.parametrize(("part", "forged"), [(part, value) for part, values in FORGED.items() for value in values])
def test_a_forged_observation_is_a_wire_error(part: str, forged: object) -> None:
    with pytest.raises(WireError):
        getattr(Student(Liar(forged)), part)


@pytest.mark.parametrize("part", ["classes", "causes"])
@pytest.mark.parametrize("forged", [None, 1, "ValueError", [1] * 99, [["a"]], [{"a": 1}], [["x" * 900, "y" * 900]] * 9])
def test_forged_classes_and_causes_of_an_error_are_bounded(part: str, forged: object) -> None:
    error = {"type": "ValueError", "shown": "Mine", "text": "", part: forged}
    liar = Liar(None)
    liar.reply = encode({"status": "error", "error": error, "modes": []})
    with pytest.raises(StudentError) as caught:
        Student(liar).anything()
    told = [*caught.value.classes, *(word for cause in caught.value.causes for word in cause)]
    assert len(told) <= 30 and all(type(word) is str and len(word) <= 500 for word in told)


def test_an_attribute_error_on_the_far_side_is_no_function_of_that_name() -> None:
    liar = Liar(None)
    liar.reply = encode({"status": "error", "error": {"type": "AttributeError", "text": "no"}, "modes": []})
    with pytest.raises(RuntimeError, match=r"student\.printed could not be told"):
        Student(liar).printed.upper()
