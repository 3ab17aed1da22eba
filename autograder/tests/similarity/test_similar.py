"""Similar answers: what makes no difference, what says nothing, whom it compares, and what the report shows."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from autograder.assignment.model import Assignment
from autograder.errors import BadInput
from autograder.similarity import compare, report
from autograder.similarity.alike import Alike, Answered, alike
from autograder.similarity.compare import Comparison, compared
from autograder.similarity.tokens import code_tokens, word_tokens
from autograder.tests import command_line, marking, released, tiny

ODD = """\
def scale(values: Tensor, factor: float) -> Tensor:
    if factor < 0:
        raise ValueError("below zero")
    rows, total = [], torch.zeros_like(values[0])
    for row in values.unbind(0):
        total = total.add(row.mul(factor).sub(total).mul(0.0))
        rows.append(row.unsqueeze(0).repeat_interleave(1, dim=0).mul(factor))
    return torch.cat(rows).add(total.mul(0.0)).reshape(values.shape)
"""
RENAMED = '''\
def scale(values: Tensor, factor: float) -> Tensor:
    """My own way."""
    if factor < 0:
        raise ValueError("no")

    parts, s = [], torch.zeros_like(values[0])  # collect
    for one in values.unbind(0):
        s = s.add(one.mul(factor).sub(s).mul(0.0))
        parts.append(one.unsqueeze(0).repeat_interleave(1, dim=0).mul(factor))
    return torch.cat(parts).add(s.mul(0.0)).reshape(values.shape)
'''
OTHER = """\
def scale(values: Tensor, factor: float) -> Tensor:
    if factor < 0:
        raise ValueError
    out = torch.empty_like(values)
    width = values.shape[1]
    for place in range(values.numel()):
        out[place // width, place % width] = float(values[place // width, place % width]) * factor
    return out
"""


# Tokens


@pytest.mark.parametrize(
    "same",
    [
        "def f(a):\n    b = a.sum()\n    return b",
        "def f(  a ):\n        b=a.sum( )  # a remark\n\n        return b",
        'def f(x):\n    """What it does."""\n    total = x.sum()\n    return total',
        "def f(x):\n\n    # first\n    total = \\\n        x.sum()\n    return total\n",
    ],
)
def test_names_comments_docstrings_and_spacing_make_no_difference(same: str) -> None:
    assert [token.text for token in code_tokens(same)] == "def n ( n ) : n = n . sum ( ) return n".split()


@pytest.mark.parametrize("other", ["b = a.mean()", "b = a.sum(1)", "b = sum(a)", "b = a.sum", "b += a.sum()"])
def test_what_is_done_makes_a_difference(other: str) -> None:
    texts = [[token.text for token in code_tokens(code)] for code in ("b = a.sum()", other)]
    assert texts[0] != texts[1]


def test_a_helper_under_another_name_is_the_same() -> None:
    one, other = "def go(x):\n    return x\ngo(1)", "def run(y):\n    return y\nrun(1)"
    assert [token.text for token in code_tokens(one)] == [token.text for token in code_tokens(other)]


@pytest.mark.parametrize("broken", ["def f(:\n  x = (1", "'''", "\tx\n  y", "x = 1\0", 'é¿½ = "', "(" * 3000])
def test_code_that_python_does_not_read_has_tokens_too(broken: str) -> None:
    assert code_tokens(broken) == code_tokens(broken)
    assert [token.text for token in code_tokens("def f(:\n  x = (1")] == "def n ( : n = ( 1".split()


def test_words_are_compared_without_case_and_signs() -> None:
    assert [(token.text, token.line) for token in word_tokens("It *Is*,\nso.")] == [("it", 1), ("is", 1), ("so", 2)]


# Pairs


def answers(**sources: str) -> list[Answered]:
    return [Answered(name, source, code_tokens(source)) for name, source in sources.items()]


def names(pairs: list[Alike]) -> list[tuple[str, str]]:
    return [(pair.answers[0].name, pair.answers[1].name) for pair in pairs]


def test_an_answer_with_other_names_is_found_and_another_one_is_not() -> None:
    pairs = alike("q", answers(ada=ODD, ben=OTHER, cy=RENAMED), [])
    assert names(pairs) == [("ada", "cy")]
    assert pairs[0].lines[1] >= {6, 7, 8, 9} and 5 not in pairs[0].lines[1] and 2 not in pairs[0].lines[1]
    assert pairs[0].amount[0] >= 5


def test_what_the_course_has_says_nothing() -> None:
    assert alike("q", answers(ada=ODD, cy=RENAMED), [code_tokens(ODD)]) == []


def test_what_many_have_says_nothing_and_what_few_have_is_found_beside_it() -> None:
    rest = {f"r{number}": "pass" for number in range(10)}
    many = {f"s{number}": OTHER for number in range(6)}
    assert names(alike("q", answers(**many, **rest, ada=ODD, cy=RENAMED), [])) == [("ada", "cy")]
    few = {f"s{number}": OTHER for number in range(5)}
    assert len(alike("q", answers(**few, **rest), [])) == 10


def test_what_more_than_half_of_a_small_class_has_says_nothing() -> None:
    assert alike("q", answers(ada=ODD, ben=ODD, cy=RENAMED, dee=OTHER), []) == []
    assert names(alike("q", answers(ada=ODD, cy=RENAMED), [])) == [("ada", "cy")]


def test_an_answer_that_was_put_into_another_order_is_found() -> None:
    head, *body = ODD.splitlines()
    moved = "\n".join([head, *body[2:5], *body[:2], *body[5:]])
    assert names(alike("q", answers(ada=ODD, cy=moved), [])) == [("ada", "cy")]


def test_too_little_in_common_is_no_pair() -> None:
    short = "x = values.unbind(0).mul(3)"
    assert alike("q", answers(ada=short, cy=short), []) == []


def test_a_group_and_earlier_years_among_themselves_are_not_compared() -> None:
    here = answers(ada=ODD, ben=ODD, cy=ODD, **{f"r{number}": "pass" for number in range(7)})
    before = [Answered(name, ODD, code_tokens(ODD), "2025") for name in ("ada", "old")]
    pairs = names(alike("q", [*here, *before], [], lambda one, other: {one, other} == {"ada", "ben"}))
    assert pairs == [("ada", "2025: old"), ("ada", "cy"), ("ben", "2025: ada"), ("ben", "2025: old"), ("ben", "cy"),
                     ("cy", "2025: ada"), ("cy", "2025: old")]  # fmt: skip


# A class


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Assignment:
    """Ada and Cy have the same odd answer, two others the reference's, and one hostile words."""
    monkeypatch.setattr(compare, "SHORT", 8)
    monkeypatch.chdir(tmp_path)
    made = marking.without_gradebook(tmp_path)
    for student, scale in {
        "ada": ODD,
        "ben": OTHER,
        "cy": RENAMED,
        "dee": released.SCALE,
        "eve": released.SCALE,
    }.items():
        submit(tmp_path / "submitted", student, scale)
    return made


def submit(folder: Path, student: str, scale: str) -> None:
    place = folder / student / tiny.NAME
    place.mkdir(parents=True)
    source = folder.parent / "release" / tiny.NAME / tiny.NOTEBOOK
    (place / tiny.NOTEBOOK).write_bytes(
        (source if source.exists() else Path("release", tiny.NAME, tiny.NOTEBOOK)).read_bytes()
    )
    released.fill(place / tiny.NOTEBOOK, tiny_scale=scale, tiny_scaler=released.SCALER)


def found(course: Assignment, *against: Path, workers: int = 1) -> Comparison:
    return compared(course, course.root / "submitted", against, workers=workers)


def test_a_class_is_compared_by_exercise_with_any_number_of_processes(course: Assignment) -> None:
    one = found(course)
    assert [(pair.question, *names([pair])[0]) for pair in one.alike] == [("tiny-scale", "ada", "cy")]
    submit(course.root / "submitted", "fay", OTHER + "\n# " + "x" * 9)
    for number in range(3):
        submit(course.root / "submitted", f"s{number}", released.SCALE)
    assert found(course, workers=2).alike == found(course, workers=1).alike != one.alike


def test_an_exercise_whose_answers_are_short_is_left_out_and_named(
    course: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compare, "SHORT", 1000)
    assert found(course).short == ("tiny-scale", "tiny-scaler") and found(course).alike == ()


def test_members_of_a_group_are_not_compared(course: Assignment) -> None:
    (course.root / "groups.csv").write_text("group,student\n1,ada\n1,cy\n")
    assert found(course).alike == ()


def test_an_earlier_class_is_compared_with_this_one(course: Assignment) -> None:
    submit(course.root / "2025" / "submitted", "old", OTHER)
    against = found(course, course.root / "2025" / "submitted")
    assert ("ben", "2025: old") in names(list(against.alike)) and against.earlier == 1


def test_written_answers_are_compared(course: Assignment) -> None:
    text = " ".join(f"word{number}" for number in range(40))
    for student in ("ada", "ben"):
        released.fill(course.root / "submitted" / student / tiny.NAME / tiny.NOTEBOOK, tiny_why=text)
    assert ("tiny-why", "ada", "ben") in [(pair.question, *names([pair])[0]) for pair in found(course).alike]


def test_the_page_shows_both_escaped_and_says_that_a_person_judges(course: Assignment) -> None:
    hostile = RENAMED.replace('"no"', '"<script>alert(1)</script>\u202e"')
    released.fill(course.root / "submitted" / "cy" / tiny.NAME / tiny.NOTEBOOK, tiny_scale=hostile)
    page = report.html(course, found(course))
    assert page.index("For a person to judge") < page.index("Pairs of students") < page.index('id="p1"')
    assert "<script>" not in page and "&lt;script&gt;" in page and "\u202e" not in page and r"\u202e" in page
    assert page.count('<li class="few">') >= 10 and "tiny-scale: ada and cy" in page
    assert "script" not in page.split("<style>")[0] and "default-src 'none'" in page
    for word in ("cheat", "plagiar", "suspic", "guilty", "copied from", "%) alike"):
        assert word not in page.casefold()


def test_the_table_has_every_pair_with_harmless_cells(course: Assignment) -> None:
    (course.root / "submitted" / "cy").rename(course.root / "submitted" / "=cy")
    page, table = report.write(course, found(course), course.root / "similar" / tiny.NAME)
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    assert [{row["one"], row["other"]} for row in rows] == [{"'=cy", "ada"}]
    assert rows[0]["question"] == "tiny-scale" and page.is_file()


def test_a_page_of_many_pairs_shows_the_first_and_leads_to_the_table(
    course: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "MAX_SHOWN", 1)
    for student in ("zoe", "yan"):
        submit(course.root / "submitted", student, ODD if student == "zoe" else OTHER)
    page = report.html(course, found(course))
    assert page.count("<section") == 1 and " more pairs stand in pairs.csv" in page


def test_the_command_writes_both_and_says_where(course: Assignment) -> None:
    done = command_line.run("similar", tiny.NAME, "--workers", "1")
    assert done.exit_code == 0, done.output
    assert "5 submissions; 1 pair of answers is alike, for a person to judge: similar/tinyset/index.html" in done.output
    assert (course.root / "similar" / tiny.NAME / "pairs.csv").is_file()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "no folder nowhere"),
        (["--against", "nowhere"], "no folder nowhere"),
        (["--against", "submitted"], "would be compared with itself"),
        (["release"], "holds no submissions"),
        (["empty"], "no submission empty/"),
    ],
)
def test_a_folder_that_cannot_be_compared_is_refused(
    course: Assignment,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (course.root / "empty").mkdir()
    assert command_line.exit_code(monkeypatch, "similar", tiny.NAME, *arguments) == BadInput.exit_code
    assert words in " ".join(capsys.readouterr().err.split())
    assert not (course.root / "similar").exists()
