"""`check` in a live notebook, its block, the gates for training and figure cells, and `pytest` in the release."""

import json
import os
import random
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import kit
from autograder.tests import released, tiny
from kit import versions
from kit.check import ChecksFailed
from kit.check_output import MAX_LINES, WIDTH, outcomes_block
from kit.exercises import Mark
from kit.libraries import LARGE
from kit.manifest import Exercise
from kit.outcomes import OutcomeStatus
from kit.runner import Outcome, Raised

GO_ON = "to go on without, change this cell's ready(…) into ready(…, force=True)"
STUB = 'def scale(values, factor):\n    raise NotImplementedError("tiny-scale: write this function")'
WRONG = "def scale(values, factor):\n    return values + factor"
MILD = "def scale(values, factor):\n    return values + factor - 1"
SETUP = "import torch\nfrom torch import Tensor, nn\nfrom kit import check, passed, ready, written\n"
BASE = """\
class ScalerBase(nn.Module):
    def __init__(self, start=2.0):
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(start))
"""


class Live:
    """A namespace in which cells are run, as in a kernel."""

    def __init__(self, release: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.release = release
        self.capsys = capsys
        self.namespace: dict[str, Any] = {"__name__": "__main__"}
        self.run(SETUP + BASE)

    def run(self, source: str) -> str:
        """Run a cell; returns what it printed."""
        exec(source, self.namespace)
        return self.capsys.readouterr().out

    def fails(self, source: str) -> tuple[str, str]:
        """Run a cell that ends in ChecksFailed; returns what it printed and the error's line."""
        with pytest.raises(ChecksFailed) as caught:
            exec(source, self.namespace)
        return self.capsys.readouterr().out, str(caught.value)


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Live:
    release = released.write(tmp_path)
    monkeypatch.chdir(release)
    monkeypatch.setattr(sys.modules["kit.check"], "_passed", {})
    return Live(release, capsys)


# --- the outcomes ---------------------------------------------------------------------------------------------------


def test_an_unwritten_stub_gives_one_line_and_no_error(live: Live) -> None:
    live.run(STUB)
    assert live.run('check("tiny-scale")') == "tiny-scale is not written yet\n"


def test_a_right_answer_shows_what_was_checked_and_how_much_follows(live: Live) -> None:
    live.run(released.SCALE)
    lines = live.run('check("tiny-scale")').splitlines()
    assert lines[0].startswith("tiny-scale: 2 public checks passed; 2 hidden checks run at grading.")
    assert lines[1].split("  ok  ")[1].strip() == "multiplies every entry" and "refuses a negative factor" in lines[1]


def test_a_wrong_answer_fails_the_cell_and_explains_one_failure_only(live: Live) -> None:
    live.run(WRONG)
    printed, error = live.fails('check("tiny-scale")')
    assert error == "tiny-scale: 2 of 2 public checks did not pass, see above"
    lines = [line.strip() for line in printed.splitlines()]
    assert lines[0].startswith("tiny-scale: 0 of 2 public checks passed")
    assert lines[1] == "FAILED      multiplies every entry"
    assert "off by 1 at index (0, 0): yours 3.0000, expected 2.0000" in " ".join(lines[2:4])
    assert "Think about: Which entries should change?" in lines
    assert "FAILED      refuses a negative factor" in lines and "below zero" not in printed
    assert lines[-1] == "2 hidden checks run at grading."


def test_an_exception_names_the_line_of_the_cell(live: Live) -> None:
    live.run("def scale(values, factor):\n    x = 1\n    return values / nothing")
    printed, _ = live.fails('check("tiny-scale")')
    assert "NameError in your cell, line 3: name 'nothing' is not defined" in printed
    assert "Think about" not in printed  # a slip in the code is no misconception


def test_an_answer_without_a_return_is_told_so(live: Live) -> None:
    live.run("def scale(values, factor):\n    values * factor")
    printed, _ = live.fails('check("tiny-scale")')
    assert "got None" in printed and "Think about: does every way through your function end in a return?" in printed


CALLS_THROUGH_A_HELPER = """
def once(values):
    return [scale(part, 1.0) for part in [values]][0]

class Scaler(ScalerBase):
    def forward(self, values):
        return once(values) * self.factor
"""
ALONE = released.SCALER.replace("scale(values, 1.0)", "values")


@pytest.mark.parametrize("wrong", [WRONG, "def scale(values, factor):\n    raise ValueError('no')", "scale = None"])
@pytest.mark.parametrize("scaler", [released.SCALER, CALLS_THROUGH_A_HELPER])
def test_a_check_that_fails_for_an_earlier_exercise_says_what_has_to_pass_first(
    live: Live, wrong: str, scaler: str
) -> None:
    live.run(f"{wrong}\n{scaler}")
    printed, error = live.fails('check("tiny-scaler")')
    assert error == "tiny-scaler: make tiny-scale pass first: tiny-scaler calls it"
    lines = printed.splitlines()
    assert lines[0].startswith("tiny-scaler: 0 of 1 public checks passed")
    assert lines[1] == "  make tiny-scale pass first: tiny-scaler calls it"


@pytest.mark.parametrize(
    ("scale", "scaler"),
    [(WRONG, ALONE.replace("* self.factor", "")), (released.SCALE, released.SCALER.replace("* self.factor", ""))],
    ids=["which it does not call", "which is right"],
)
def test_a_check_blames_no_earlier_exercise(live: Live, scale: str, scaler: str) -> None:
    live.run(f"{scale}\n{scaler}")
    printed, error = live.fails('check("tiny-scaler")')
    assert "pass first" not in printed and "see above" in error


def test_a_check_that_passes_beside_a_wrong_earlier_exercise_says_nothing_of_it(live: Live) -> None:
    live.run(f"{WRONG}\n{ALONE}")
    assert "pass first" not in live.run('check("tiny-scaler")')


def test_what_could_not_be_graded_fails_here_too(live: Live) -> None:
    live.run("def scale(values, factor):\n    return object()")
    assert "cannot be graded" in live.fails('check("tiny-scale")')[0]


def test_a_check_runs_against_the_newest_definition_every_time(live: Live) -> None:
    for source in (WRONG, released.SCALE, WRONG):
        live.run(source)
        if source is WRONG:
            live.fails('check("tiny-scale")')
        else:
            assert "2 public checks passed" in live.run('check("tiny-scale")')


def test_an_edited_test_file_is_read_again(live: Live) -> None:
    live.run(released.SCALE)
    live.run('check("tiny-scale")')
    tests = live.release / "tests" / tiny.PROBLEM / "test_public.py"
    tests.write_text(
        tests.read_text(encoding="utf-8").replace("multiplies every entry", "scales it all"), encoding="utf-8"
    )
    assert "scales it all" in live.run('check("tiny-scale")')


def test_edited_helpers_are_read_again(live: Live) -> None:
    live.run(released.SCALE)
    live.run(released.SCALER)
    assert "1 public check passed" in live.run('check("tiny-scaler")')
    helpers = live.release / "tests" / tiny.PROBLEM / "test_helpers.py"
    helpers.write_text(
        helpers.read_text(encoding="utf-8").replace("float(value)", "float(value) + 1"), encoding="utf-8"
    )
    assert live.fails('check("tiny-scaler")')


def test_an_exercise_that_needs_an_unwritten_one_says_which(live: Live) -> None:
    live.run(STUB)
    live.run(released.SCALER)
    assert live.run('check("tiny-scaler")') == "tiny-scaler waits for tiny-scale: write that first\n"


def test_a_class_with_unwritten_methods_is_checked_as_far_as_it_goes(live: Live) -> None:
    live.run(released.SCALE)
    half = released.SCALER.replace(
        "return values / self.factor", 'raise NotImplementedError("tiny-scaler: write this function")'
    )
    live.run(half)
    assert "tiny-scaler: 1 public check passed" in live.run('check("tiny-scaler")')
    live.run(
        half.replace(
            "return scale(values, 1.0) * self.factor", 'raise NotImplementedError("tiny-scaler: write this function")'
        )
    )
    assert live.run('check("tiny-scaler")') == "tiny-scaler is not written yet\n"


def test_a_name_that_no_cell_defined_asks_to_run_the_cell(live: Live) -> None:
    printed, error = live.fails('check("tiny-scale")')
    assert printed.strip() == error == "tiny-scale: scale is not defined here: run the cell of tiny-scale first"


def test_an_unknown_exercise_names_the_known_ones(live: Live) -> None:
    assert "there are: tiny-scale, tiny-scaler" in live.fails('check("tiny-scail")')[1]


def test_without_a_release_the_error_says_where_to_open_the_notebook(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    assert "open the notebook inside the folder" in live.fails('check("tiny-scale")')[1]


def test_a_check_stopped_by_hand_says_so(live: Live) -> None:
    live.run("def scale(values, factor):\n    raise KeyboardInterrupt")
    assert live.fails('check("tiny-scale")')[1] == "tiny-scale: the check was stopped by hand"


def test_a_broken_test_file_is_not_blamed_on_the_student(live: Live) -> None:
    live.run(released.SCALE)
    tests = live.release / "tests" / tiny.PROBLEM / "test_public.py"
    tests.write_text("import nothing_of_this_name\n", encoding="utf-8")
    assert "tiny-scale: the checks could not run" in live.fails('check("tiny-scale")')[1]


def test_a_failed_check_shows_one_line_instead_of_a_traceback() -> None:
    assert ChecksFailed("one line")._render_traceback_() == ["one line"]


def test_a_check_left_in_a_solution_cell_does_nothing_while_that_cell_is_graded(live: Live) -> None:
    exec(compile('check("tiny-scale")', "<cell tiny-scale>", "exec"), live.namespace)
    assert live.capsys.readouterr().out == ""


# --- leave no trace ---------------------------------------------------------------------------------------------------

MESSY = """\
import os, random, numpy
def scale(values, factor):
    import matplotlib.pyplot as plt
    plt.figure()
    torch.set_default_dtype(torch.float64)
    torch.set_grad_enabled(False)
    torch.set_num_threads(1)
    os.chdir(os.sep)
    torch.rand(3), random.random(), numpy.random.rand()
    if factor < 0:
        raise ValueError
    return values * factor
"""


def test_a_check_changes_nothing_for_the_rest_of_the_notebook(live: Live) -> None:
    import matplotlib.pyplot as plt

    plt.figure(7)
    live.run(MESSY)
    torch.manual_seed(5)
    np.random.seed(5)
    random.seed(5)
    had = {name: getattr(sys, name, None) for name in ("last_value", "last_traceback")}
    threads = torch.get_num_threads()
    modules, folder, environment = set(sys.modules), os.getcwd(), dict(os.environ)
    environment.pop("PYTEST_CURRENT_TEST")  # of the session outside
    expected = (torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate())  # type: ignore[index]
    live.run('check("tiny-scale")')
    assert torch.equal(torch.get_rng_state(), expected[0])
    assert np.random.get_state()[1].tolist() == expected[1] and random.getstate() == expected[2]  # type: ignore[index]
    assert torch.get_default_dtype() == torch.float32 and torch.is_grad_enabled()
    assert os.getcwd() == folder and dict(os.environ) == environment
    assert plt.get_fignums() == [7] and torch.get_num_threads() == threads
    plt.close(7)
    live.run(WRONG)
    live.fails('check("tiny-scale")')
    assert {name: getattr(sys, name, None) for name in had} == had
    assert not [name for name in set(sys.modules) - modules if tiny.PROBLEM in name or "test_" in name]


# --- gates for training and figure cells ------------------------------------------------------------------------------


def test_a_training_cell_waits_until_its_exercises_passed(live: Live) -> None:
    live.run(released.SCALE)
    said = live.run('go = ready("tiny-scale")')
    assert said == f"run the checks of tiny-scale first; {GO_ON}\n"
    assert live.namespace["go"] is False
    live.run('check("tiny-scale")')
    assert live.run('go = ready("tiny-scale") and passed("tiny-scale")') == "" and live.namespace["go"] is True


def test_a_training_cell_tells_in_one_line_what_is_not_written_and_in_another_what_to_check(live: Live) -> None:
    live.run(STUB)
    both = 'assert not ready("tiny-scale", "tiny-scaler")'
    assert live.run(both) == "not written yet: tiny-scale, tiny-scaler\n"
    live.run(released.SCALER)
    run_first = f"run the checks of tiny-scaler first; {GO_ON}\n"
    assert live.run(both) == "not written yet: tiny-scale\n" + run_first
    live.run(released.SCALE)
    assert live.run(both) == f"run the checks of tiny-scale, tiny-scaler first; {GO_ON}\n"


def test_a_function_changed_after_its_check_is_not_ready_and_one_only_run_again_is(live: Live) -> None:
    live.run(released.SCALE)
    live.run('check("tiny-scale")')
    live.run(released.SCALE)
    assert live.run('assert ready("tiny-scale")') == ""
    live.run(WRONG)
    assert "run the checks of tiny-scale (changed) first" in live.run('assert not ready("tiny-scale")')


def test_a_changed_method_is_not_ready(live: Live) -> None:
    live.run(released.SCALE)
    live.run(released.SCALER)
    live.run('check("tiny-scaler")\nassert passed("tiny-scaler")')
    live.run(released.SCALER.replace("values / self", "values * self"))
    live.run('assert not passed("tiny-scaler")')


def test_force_overrides_and_a_failed_check_takes_readiness_away(live: Live) -> None:
    live.run(released.SCALE)
    live.run('check("tiny-scale")')
    live.run(WRONG)
    live.fails('check("tiny-scale")')
    live.run(released.SCALE)
    assert "run the checks of tiny-scale first" in live.run('assert not ready("tiny-scale")')
    assert live.run('assert ready("tiny-scale", force=True)') == ""


def test_a_figure_cell_says_what_it_needs(live: Live) -> None:
    assert "tiny-scale is not written yet" in live.run('assert not written("tiny-scale")')
    live.run(STUB)
    assert "tiny-scale is not written yet" in live.run('assert not written("tiny-scale", "tiny-scaler")')
    live.run(WRONG)
    assert live.run('assert written("tiny-scale")') == ""


# --- the block --------------------------------------------------------------------------------------------------------


def exercise(public: int, hidden: int = 5) -> Exercise:
    return Exercise("ex-a", "p", 1, (), ("f",), public, hidden, 5)


def outcome(
    status: str, title: str, text: str = "", hint: str = "", *, broad: bool = False, raised: Raised | None = None
) -> Outcome:
    mark = Mark("ex-a", 1, title, hint, broad)
    return Outcome(f"p/test_public.py::{title}", mark, OutcomeStatus(status), 0.1, text, hint, raised=raised)


@pytest.mark.parametrize("good", [0, 1, 3, 30])
@pytest.mark.parametrize("bad", [0, 1, 2, 30])
@pytest.mark.parametrize(
    "title", ["short", "a title that is far too long to stand beside another one on one line " * 1]
)
@pytest.mark.parametrize("first", [(), ("ex-b", "ex-c"), tuple(f"a-long-name-of-an-exercise-{n}" for n in range(9))])
def test_the_block_stays_under_twelve_lines_and_within_its_width(
    good: int, bad: int, title: str, first: tuple[str, ...]
) -> None:
    outcomes = [outcome("passed", f"{title} {n}") for n in range(good)]
    outcomes += [outcome("failed", f"{title} {n}", "words " * 200, "more words " * 100) for n in range(bad)]
    block = outcomes_block(exercise(good + bad), outcomes, 0.2, first)
    lines = block.text().splitlines()
    assert len(lines) <= MAX_LINES and all(len(line) <= WIDTH for line in lines)
    if bad:
        assert block.failure and not block.passed and lines[-1] == "5 hidden checks run at grading."
        assert sum("Think about" in line for line in lines) == 1


def test_the_block_says_how_many_it_does_not_list() -> None:
    outcomes = [outcome("passed", f"good {n}") for n in range(30)] + [outcome("failed", f"bad {n}") for n in range(30)]
    text = outcomes_block(exercise(60), outcomes, 0.2).text()
    listed = text.count("FAILED")
    assert f"and {30 - listed} more" in text and "ok  30 checks" in text


FAILURES = [
    outcome("failed", "every number", "off by 1", "Which order?", broad=True),
    outcome("passed", "sizes"),
    outcome("failed", "keeps int64", "expected int64", "Which dtype?"),
    outcome("failed", "third", "off by 2", "Why?"),
]


def test_the_failure_that_is_not_broad_is_explained_and_stands_first() -> None:
    lines = outcomes_block(exercise(4), FAILURES, 0.2).text().splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["ok", "FAILED", "expected", "Think", "FAILED", "FAILED", "5"]
    assert lines[2].split(maxsplit=1)[1] == "keeps int64"


def test_where_all_failures_are_broad_the_first_is_explained() -> None:
    broad = [outcome("failed", f"broad {n}", f"off by {n}", broad=True) for n in (1, 2)]
    lines = outcomes_block(exercise(2), broad, 0.2).text().splitlines()
    assert lines[2].strip() == "off by 1" and "off by 2" not in " ".join(lines)


def test_html_folds_what_the_other_failures_say_under_them() -> None:
    html = outcomes_block(exercise(4), FAILURES, 0.2).html()
    shown, *folded = html.split("<details>")
    assert "expected int64" in shown and "Which dtype?" in shown and "off by" not in shown
    assert [part.split("</details>")[0] for part in folded] == [
        "<summary>every number</summary>off by 1<br>Think about: Which order?",
        "<summary>third</summary>off by 2<br>Think about: Why?",
    ]


def test_one_exception_in_many_checks_is_one_failure_with_the_titles_folded() -> None:
    here, there = Raised("AssertionError", None, 3), Raised("AssertionError", None, 4)
    outcomes = [outcome("failed", f"title {n}", f"AssertionError in your cell: {n}", raised=here) for n in range(7)]
    block = outcomes_block(exercise(8), [*outcomes, outcome("failed", "odd", "other line", raised=there)], 0.2)
    assert [row.title for row in block.rows] == ["7 checks: stopped with AssertionError in line 3", "odd"]
    assert "title 6" not in block.text() and "AssertionError in your cell: 0" in block.text()
    assert all(f"title {n}" in block.html() for n in range(7)) and "AssertionError in your cell: 1" not in block.html()
    assert block.failure == "ex-a: 8 of 8 public checks did not pass, see above"


def test_an_index_is_not_broken_over_two_lines() -> None:
    index = "(10, 0, 12, 3)"
    for padding in range(60, 90):
        text = outcomes_block(exercise(1), [outcome("failed", "odd", f"{'x' * padding} at {index}")], 0.2).text()
        assert index in text


def test_a_test_that_breaks_points_to_the_course_staff() -> None:
    text = outcomes_block(exercise(1), [outcome("error", "odd", "KeyError: 3", "hint")], 0.2).text()
    assert "BROKEN" in text and "tell the course staff" in text and "Think about" not in text


def test_html_says_the_same_and_holds_no_markup_of_the_students() -> None:
    block = outcomes_block(exercise(1), [outcome("failed", "<b>odd</b>", "<script>alert(1)</script>")], 0.2)
    seen: list[str] = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attrs: seen.append(tag)  # type: ignore[method-assign]
    parser.feed(block.html())
    assert "script" not in seen and "&lt;script&gt;" in block.html() and "1 public" in block.html()


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it, of #rrggbb."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_colour_stands_beside_words_never_in_them() -> None:
    outcomes = [[outcome("failed", "odd", "off by 1"), outcome("passed", "even")], [outcome("passed", "even")]]
    html = "".join(outcomes_block(exercise(len(some)), some, 0.2).html() for some in [*outcomes, []])
    styles = [part.split(":") for style in re.findall('style="([^"]*)"', html) for part in style.split(";")]
    assert {value for name, value in styles if name in ("color", "opacity")} == {"inherit"}
    borders = {value.split()[-1] for name, value in styles if name == "border-left"}
    assert len(borders) == 3
    for page in ("#ffffff", "#f5f5f5", "#111111", "#1e1e1e"):
        assert min(contrast(border, page) for border in borders) > 3


@pytest.mark.parametrize("status", [OutcomeStatus.PASSED, OutcomeStatus.FAILED])
def test_a_check_slower_than_grading_allows_is_said(status: OutcomeStatus) -> None:
    slow = Outcome("p/test_public.py::slow", Mark("ex-a", 1, "slow", "hint"), status, 7.2)
    text = outcomes_block(exercise(1), [slow], 7.2).text()
    assert "The slowest took 7 s; at grading a call has 5 s." in text
    assert "slowest" not in outcomes_block(exercise(1), [outcome(status, "quick")], 0.1).text()


def test_no_hidden_checks_and_no_public_ones_are_said() -> None:
    assert "no hidden checks follow" in outcomes_block(exercise(1, 0), [outcome("passed", "good")], 0.1).text()
    assert "has no public checks" in outcomes_block(exercise(0), [], 0.1).text()
    assert "1 hidden check runs" in outcomes_block(exercise(1, 1), [outcome("passed", "good")], 0.1).text()


# --- versions ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "refused"),
    [("1.13.1", True), ("2.1.0+cu118", True), ("2.2.0a0+git", False), ("2.13.0+cpu", False), ("3.0", False)],
)
def test_an_old_torch_is_refused_with_what_is_needed(
    found: str, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "__version__", found)
    if refused:
        with pytest.raises(ImportError, match="needs torch 2.2 or newer; here is"):
            versions.require(LARGE)
    else:
        versions.require(LARGE)


def test_a_torch_newer_than_tested_is_only_remarked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "__version__", "99.0")
    assert any("newer than" in line for line in versions.remarks(LARGE))


def test_a_missing_torch_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "version_of", lambda package: None)
    with pytest.raises(ImportError, match="torch, which .*python.* does not have"):
        versions.require(LARGE)


# --- real kernels and processes ---------------------------------------------------------------------------------------


def process(release: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(command, cwd=release, env=environment, capture_output=True, text=True, timeout=120)


def test_run_all_survives_stubs_and_stops_with_one_line_at_a_wrong_answer(tmp_path: Path) -> None:
    release = released.write(tmp_path)
    path = release / tiny.NOTEBOOK
    untouched = [
        cell for cell in released.load(path) if cell["id"] != "setup" and "width(" not in "".join(cell["source"])
    ]
    edits = [WRONG, 'check("tiny-scale")', released.SCALE, 'check("tiny-scale")\nassert 1 + 1 == 2']
    released.save(path, untouched + [released.code(source) for source in edits])
    command = (
        "jupyter",
        "nbconvert",
        "--to",
        "notebook",
        "--execute",
        "--allow-errors",
        "--output",
        "out.ipynb",
        path.name,
    )
    done = process(release, *command)
    assert done.returncode == 0, done.stderr
    cells = [
        cell for cell in json.loads((release / "out.ipynb").read_text(encoding="utf-8"))["cells"] if "outputs" in cell
    ]
    for cell in cells[:-4]:
        assert not [output for output in cell["outputs"] if output["output_type"] == "error"], cell
    block, error = cells[-3]["outputs"]
    assert error["traceback"] == ["tiny-scale: 2 of 2 public checks did not pass, see above"]
    assert {"text/plain", "text/html"} <= set(block["data"]) and "FAILED" in "".join(block["data"]["text/plain"])
    (block,) = cells[-1]["outputs"]
    assert "2 public checks passed" in "".join(block["data"]["text/plain"])


def test_a_script_in_plain_python_prints_the_block_and_fails(tmp_path: Path) -> None:
    release = released.write(tmp_path)
    (release / "mine.py").write_text(f'{SETUP}{WRONG}\ncheck("tiny-scale")\n', encoding="utf-8")
    done = process(release, sys.executable, "mine.py")
    assert done.returncode == 1 and "tiny-scale: 0 of 2 public checks passed" in done.stdout
    assert done.stderr.count("File ") == 2


def test_pytest_on_an_untouched_release_asks_to_write_each_function(tmp_path: Path) -> None:
    done = process(released.write(tmp_path), "pytest", "-q")
    assert done.returncode == 1 and "3 failed" in done.stdout, done.stdout + done.stderr
    for name in ("tiny-scale", "tiny-scaler"):
        assert f"{name}: write this function, in {tiny.NOTEBOOK}" in done.stdout


def test_pytest_reads_the_saved_notebook_whatever_its_name_and_whatever_lies_above(tmp_path: Path) -> None:
    release = released.write(tmp_path)
    released.fill(release / tiny.NOTEBOOK, tiny_scale=MILD, tiny_scaler=released.SCALER)
    (release / tiny.NOTEBOOK).rename(release / "mine.ipynb")
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = --no-such-option\n", encoding="utf-8")
    (tmp_path / "conftest.py").write_text("raise RuntimeError('not for us')\n", encoding="utf-8")
    done = process(release, "pytest", "-q")
    assert done.returncode == 1 and "2 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert "Think about: Which entries should change?" in done.stdout and "assert_same(" not in done.stdout
    assert 'refuses a negative factor: failed; see "multiplies every entry" first' in done.stdout
    assert "below zero" not in done.stdout and "below zero" in process(release, "pytest", "-v").stdout


def test_pytest_says_of_a_test_that_stops_like_the_explained_one_just_that(tmp_path: Path) -> None:
    release = released.write(tmp_path)
    released.fill(release / tiny.NOTEBOOK, tiny_scale="def scale(values, factor):\n    return values / nothing")
    done = process(release, "pytest", "-q")
    assert "NameError in cell tiny-scale, line 2" in done.stdout
    assert "failed; stopped with NameError in line 2 of cell tiny-scale too" in done.stdout


def test_pytest_says_what_has_to_pass_first(tmp_path: Path) -> None:
    release = released.write(tmp_path)
    released.fill(release / tiny.NOTEBOOK, tiny_scale=WRONG, tiny_scaler=released.SCALER)
    done = process(release, "pytest", "-q", "-k", "scaler")
    assert done.returncode == 1 and "1 failed" in done.stdout, done.stdout + done.stderr
    assert "make tiny-scale pass first: tiny-scaler calls it\nuses its factor: failed" in done.stdout


def test_pytest_names_a_notebook_that_cannot_be_read(tmp_path: Path) -> None:
    release = released.write(tmp_path)
    (release / tiny.NOTEBOOK).write_text("{", encoding="utf-8")
    done = process(release, "pytest", "-q")
    assert done.returncode == 4 and f"{tiny.NOTEBOOK}: not a notebook" in done.stderr


def test_the_kit_offers_what_notebooks_import() -> None:
    for name in ("check", "passed", "ready", "written", "preview", "pack"):
        assert callable(getattr(kit, name))
