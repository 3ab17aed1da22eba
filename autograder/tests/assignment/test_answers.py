"""Reading staff's answers: whole cells, and mistakes as patches of the reference."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograder.assignment.answers import SampleAnswer, read_cell, read_patches, right_answers, wrong_answers
from autograder.assignment.load import load_assignment
from autograder.assignment.model import Problem
from autograder.errors import CourseError
from autograder.tests import tiny

PATCH = """\
[adds]
about = "Adds."
put = {"values * factor" = "values + factor"}
must_fail = ["test_x"]
"""
CELL = '"""About."""\nEXERCISE = "tiny-scale"\nMUST_FAIL = ["test_x"]\n'


@pytest.fixture
def problem(tmp_path: Path) -> Problem:
    tiny.write(tmp_path)
    return load_assignment(tiny.NAME, tmp_path).problem(tiny.PROBLEM)


def patches(problem: Problem, text: str, exercise: str = "tiny-scale") -> list[SampleAnswer]:
    path = problem.folder / "wrong" / f"{exercise}.toml"
    path.write_text(text, encoding="utf-8")
    return read_patches(problem, path)


def test_wrong_answers_come_exercise_by_exercise_as_they_are_written(problem: Problem) -> None:
    assert [(answer.exercise, answer.name) for answer in wrong_answers(problem)] == [
        ("tiny-scale", "adds"),
        ("tiny-scale", "accepts-negative"),
        ("tiny-scaler", "inverse-multiplies"),
        ("tiny-scaler", "forgets-factor"),
    ]
    assert [answer.name for answer in right_answers(problem)] == ["einsum", "scaler-alone"]


def test_a_patched_answer_is_the_reference_but_for_its_one_passage(problem: Problem) -> None:
    (answer,) = patches(problem, PATCH)
    reference = problem.references["tiny-scale"]
    assert answer.code == reference.replace("values * factor", "values + factor") != reference
    assert (answer.about, answer.must_fail) == ("Adds.", ("test_x",))


def test_passages_may_stand_in_a_table_of_their_own_and_are_replaced_all_at_once(problem: Problem) -> None:
    put = "[adds.put]\n'factor < 0' = 'values * factor > 0'\n'values * factor' = '''\nvalues  # one\n    + factor'''\n"
    (answer,) = patches(problem, PATCH.replace('put = {"values * factor" = "values + factor"}\n', "") + put)
    assert "if values * factor > 0:" in answer.code
    assert "scaled_by_the_reference = values  # one\n    + factor\n" in answer.code


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('"values * factor"', '"values / factor"', "'values / factor' should be in the reference of tiny-scale once, "
                                                    "but is found 0 times"),
        ('"values * factor"', '"values"', r"'values' .* is found \d times"),
        ('"values + factor"', '"values +"', "the patched cell is not Python"),
        ('"values + factor"', '"values * factor  # again"', "does the same as the reference"),
        ('{"values * factor" =', '{"= values *" = "= factor", "values * factor" =', "overlaps"),
        ('{"values * factor" = "values + factor"}', "{}", "should be a table of texts"),
        ('{"values * factor" = "values + factor"}', "{values = 3}", "should be a table of texts"),
        ('about = "Adds."\n', "", "about is missing"),
        ('"Adds."', '" "', "about = ' '"),
        ('["test_x"]', "[]", "at least one"),
        ('must_fail = ["test_x"]', "", "must_fail is missing"),
        ('["test_x"]', '["test_x"]\nweight = 2', "unknown setting 'weight'"),
        ('["test_x"]', '["test_x"]\ncrashes = "yes"', "crashes = 'yes' should be true or false"),
        ('["test_x"]', '["test_x"]\ncosts_all = true', "costs_all = True should be a string"),
        ("[adds]", "[Adds_it]", "Adds_it: write .NAME. tables"),
        ("[adds]", 'stray = "text"\n[adds]', "stray: write .NAME. tables"),
        ("[adds]", "[adds", "not TOML"),
    ],
)  # fmt: skip
def test_a_patch_that_does_not_fit_the_reference_is_named_with_file_and_table(
    problem: Problem, old: str, new: str, complaint: str
) -> None:
    assert patches(problem, PATCH)
    with pytest.raises(CourseError, match=complaint) as caught:
        patches(problem, PATCH.replace(old, new, 1))
    assert "wrong/tiny-scale.toml" in str(caught.value)


def test_what_a_wrong_answer_says_of_itself_is_read_from_both_forms(problem: Problem, tmp_path: Path) -> None:
    (plain,) = patches(problem, PATCH)
    (said,) = patches(problem, f"{PATCH}crashes = true\ncosts_all = 'All is wrong.'\n")
    assert (plain.crashes, plain.costs_all, said.crashes, said.costs_all) == (False, "", True, "All is wrong.")
    path = problem.folder / "wrong" / "whole.py"
    path.write_text(f"{CELL}CRASHES = True\nCOSTS_ALL = 'All is wrong.'\nscale = None\n")
    cell = read_cell(problem, path)
    assert (cell.crashes, cell.costs_all, cell.code.strip()) == (True, "All is wrong.", "scale = None")
    path.write_text(f"{CELL}CRASHES = 1\nscale = None\n")
    with pytest.raises(CourseError, match="write CRASHES = True"):
        read_cell(problem, path)


def test_every_patch_that_has_drifted_is_named_at_once(problem: Problem) -> None:
    drifted = PATCH.replace("values * factor", "values ** factor")
    with pytest.raises(CourseError) as caught:
        patches(problem, drifted + drifted.replace("[adds]", "[adds-again]"))
    lines = str(caught.value).splitlines()
    assert len(lines) == 2 and "[adds] " in lines[0] and "[adds-again] " in lines[1]


def test_a_file_of_patches_is_named_after_an_exercise(problem: Problem) -> None:
    with pytest.raises(CourseError, match="name it after an exercise; scaling has tiny-scale, tiny-scaler"):
        patches(problem, PATCH, exercise="tiny-snail")


def test_two_wrong_answers_to_an_exercise_may_not_share_a_name(problem: Problem) -> None:
    (problem.folder / "wrong" / "adds.py").write_text(CELL + "def scale(values, factor): return 0\n")
    with pytest.raises(CourseError, match="2 wrong answers to tiny-scale are named adds"):
        wrong_answers(problem)


def test_a_whole_cell_is_its_file_without_the_headers_line_for_line(problem: Problem) -> None:
    path = problem.folder / "wrong" / "forgets_factor.py"
    answer, text = read_cell(problem, path), path.read_text(encoding="utf-8")
    assert "EXERCISE" not in answer.code and "MUST_FAIL" not in answer.code and answer.about not in answer.code
    line = "    def inverse(self, values: Tensor) -> Tensor:"
    assert answer.code.split("\n").index(line) == text.split("\n").index(line)


@pytest.mark.parametrize(
    ("kind", "text", "complaint"),
    [
        ("wrong", CELL + "def scale(:\n", "invalid syntax"),
        ("wrong", CELL.removeprefix('"""About."""\n'), "begin with a docstring"),
        ("wrong", CELL.replace("tiny-scale", "tiny-snail"), "EXERCISE is 'tiny-snail'; scaling has tiny-scale,"),
        ("wrong", CELL.replace('"tiny-scale"', "[1]"), r"EXERCISE is \[1\]"),
        ("wrong", CELL.replace('"tiny-scale"', "some()"), "malformed"),
        ("wrong", '"""About."""\nEXERCISE = "tiny-scale"\n', "a wrong answer names in MUST_FAIL"),
        ("wrong", CELL.replace('["test_x"]', '"test_x"'), "write a list of tests' names"),
        ("wrong", CELL.replace('["test_x"]', "5"), "write a list of tests' names"),
        ("right", CELL, "a right one has none"),
        ("wrong", "\udcff", "answer.py"),
    ],
)  # fmt: skip
def test_a_malformed_cell_is_named_with_what_is_wrong(problem: Problem, kind: str, text: str, complaint: str) -> None:
    path = problem.folder / kind / "answer.py"
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(CourseError, match=complaint) as caught:
        read_cell(problem, path)
    assert str(path) in str(caught.value)
