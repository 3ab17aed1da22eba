"""Two sets in one course, with the same students, problems and ids: nothing of one touches the other."""

import dataclasses
import json
import shutil
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from autograder.assignment.kept_versions import KeptVersion
from autograder.assignment.library import import_library
from autograder.assignment.load import load_assignment
from autograder.assignment.model import Assignment
from autograder.build import copies
from autograder.cli.main import commands
from autograder.errors import BadInput
from autograder.exports.gradescope.package import autograder_zip
from autograder.grading.class_folder import submissions
from autograder.grading.seed import course_seed, own_seed
from autograder.marks import feedback_pages, gradebook
from autograder.marks.gradebook_reader import read_gradebook
from autograder.names import assignment_name
from autograder.publish import release
from autograder.result_layout import result_folder
from autograder.results import ResultFolder
from autograder.tests import marking, tiny
from autograder.tests.marks.test_gradebook import opened
from autograder.verify import demo
from autograder.verify.proof_record import ProofRecord

SETS = ("ps1", "ps2")


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny set twice under other names, released; its gradebook knows neither."""
    marking.assignment(tmp_path)
    with opened(load_assignment(tiny.NAME, tmp_path)) as book:
        book.remove_assignment(tiny.NAME)
    for name in SETS:
        for place in ("assignments", "release"):
            shutil.copytree(tmp_path / place / tiny.NAME, tmp_path / place / name)
        made = load_assignment(name, tmp_path)
        copies.refresh(made)
        (made.release / "tests/manifest.json").write_text(made.manifest.to_json(), encoding="utf-8")
    for place in ("assignments", "release"):
        shutil.rmtree(tmp_path / place / tiny.NAME)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def results_of(made: Assignment, out: str = "results") -> ResultFolder:
    return result_folder(made.root / out, made.name, made.course)


def graded(made: Assignment, scale: float, out: str = "results") -> ResultFolder:
    """Ada's result, stored."""
    results = results_of(made, out)
    notebook = json.loads((made.release / tiny.NOTEBOOK).read_text(encoding="utf-8"))
    notebook["cells"][-1]["source"] = f"Because of {made.name}."
    results.write(marking.report("ada", scale=scale, assignment=made.name), [], {tiny.NOTEBOOK: notebook})
    return results


def the_whole_term(made: Assignment, scale: float) -> None:
    results = graded(made, scale)
    graded(made, scale - 1, "results2")
    submitted = made.course.submitted / "ada" / made.name
    submitted.mkdir(parents=True)
    shutil.copy(made.release / tiny.NOTEBOOK, submitted)
    gradebook.write(made, results)
    feedback_pages.write(made, results)
    course_seed(made)
    record = ProofRecord(made)
    record.begin(["tiny-scale"])
    record.add(3, {"tiny-scale": {}})
    for command in ("similar", "report", "export nbgrader"):
        done = CliRunner().invoke(commands, [*command.split(), made.name], catch_exceptions=False)
        assert done.exit_code == 0, done.output


def files(root: Path, name: str) -> dict[str, bytes]:
    """Every file that belongs to a set by its path."""
    paths = (path for path in root.rglob("*") if path.is_file() and name in path.relative_to(root).as_posix())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in paths}


def test_a_term_with_the_second_set_leaves_everything_of_the_first_as_it_was(course: Path) -> None:
    first, second = (load_assignment(name, course) for name in SETS)
    the_whole_term(first, 3.0)
    with opened(first) as book:
        book.find_grade("tiny-why", "1_scaling", "ps1", "ada").manual_score = 0.5
        book.db.commit()
    before, seed = files(course, "ps1"), course_seed(first)
    marks = read_gradebook(first.course.gradebook, "ps1")
    the_whole_term(second, 1.0)
    assert files(course, "ps1") == before
    assert {path.replace("ps1", "ps2") for path in before} == set(files(course, "ps2"))
    assert read_gradebook(first.course.gradebook, "ps1") == marks
    assert read_gradebook(first.course.gradebook, "ps2")["ada"]["tiny-why"].manual is None
    assert course_seed(first) == seed != course_seed(second)
    assert ProofRecord(first).find("tiny-scale", 3) is not None
    scores = {name: results_of(made).read("ada") for name, made in zip(SETS, (first, second), strict=True)}
    assert {name: report and report.auto_score for name, report in scores.items()} == {"ps1": 5.0, "ps2": 3.0}


def test_a_set_is_graded_on_its_own_folders_alone(course: Path) -> None:
    for student, name in (("ada", "ps1"), ("bob", "ps2")):
        (course / "submitted" / student / name).mkdir(parents=True)
    made = load_assignment("ps1", course)
    found = submissions(made.course.submitted, "ps1", made.course)
    assert (list(found.folders), found.left) == (["ada"], {})


def test_the_same_submission_draws_other_inputs_in_each_set(course: Path) -> None:
    assert own_seed(load_assignment("ps1", course), "sha256:1") != own_seed(load_assignment("ps2", course), "sha256:1")


def test_a_library_of_the_same_name_is_each_sets_own(course: Path) -> None:
    for name in (*SETS, *SETS):
        (course / "release" / name / tiny.LIBRARY / "__init__.py").write_text(f"WHOSE = {name!r}")
    for name in (*SETS, *SETS):
        assert import_library(course / "release" / name, tiny.LIBRARY).WHOSE == name


def test_gradescopes_zip_of_one_holds_nothing_of_the_other(course: Path, tmp_path: Path) -> None:
    zipped = tmp_path / "ps1.zip"
    zipped.write_bytes(autograder_zip(load_assignment("ps1", course), 10))
    with zipfile.ZipFile(zipped) as packed:
        assert not [name for name in packed.namelist() if "ps2" in name]


@pytest.mark.parametrize(
    ("engine", "arguments", "into"),
    [
        ("autograder.verify.solve.solve", ["solve", "NAME"], "out/NAME"),
        ("autograder.verify.solve.solve", ["solve", "NAME", "--out", "pages"], "pages/NAME"),
        ("autograder.verify.figures.draw_sheets", ["verify", "NAME", "--figures", "sheets"], "sheets/NAME"),
        ("autograder.verify.demo.prepare", ["demo", "NAME"], "demo/NAME"),
    ],
)
def test_what_a_command_writes_lies_in_a_folder_of_the_set(
    course: Path, monkeypatch: pytest.MonkeyPatch, engine: str, arguments: list[str], into: str
) -> None:
    asked: list[object] = []

    def noted(*given: object, **_: object) -> list[Path]:
        asked.extend(given)
        raise BadInput("far enough")

    monkeypatch.setattr(engine, noted)
    for name in SETS:
        CliRunner().invoke(commands, [word.replace("NAME", name) for word in arguments])
        assert Path(into.replace("NAME", name)) in asked


@pytest.mark.parametrize("into", ["ps1", ".", "demos", "link"])
def test_a_demo_empties_nothing_but_an_earlier_demo(course: Path, into: str) -> None:
    (course / "demos").mkdir()
    (course / "demos/mine.txt").write_text("dear")
    (course / "ps1").mkdir()
    (course / "ps1/gradebook.db").write_text("dear")
    (course / "link").symlink_to(course / "demos")
    before = files(course, "")
    with pytest.raises(BadInput, match="is no earlier demo of this course: give a new folder"):
        demo.prepare(course, "ps1", Path(into))
    assert files(course, "") == before


def test_a_release_does_not_overwrite_the_zip_of_a_set_whose_name_and_version_join_to_the_same(course: Path) -> None:
    out = course / "out"
    out.mkdir()
    with zipfile.ZipFile(out / "ps1-2-1.0.zip", "w") as packed:
        packed.writestr("ps1-2/tests/versions.json", "{}")
    made = dataclasses.replace(load_assignment("ps1", course), version="2-1.0")
    kept = KeptVersion(made.manifest, "", {}, {}, {}, "")
    prepared = release.Prepared(made, kept, b"ours", "", again=True)
    with pytest.raises(BadInput, match="another set's release: move it"):
        release.write(prepared, out)


@pytest.mark.parametrize("name", ["ps1.html", "ps1.build.json", "ps1-1.0.zip", "PS1.CSV"])
def test_a_set_is_not_called_like_a_file_that_a_command_writes(name: str) -> None:
    with pytest.raises(BadInput, match="rename it"):
        assignment_name(name)


@pytest.mark.parametrize("other", ["PS1", "ps1-leaderboard"])
def test_two_sets_whose_files_would_meet_are_refused(course: Path, other: str) -> None:
    (course / "assignments/ps2").rename(course / "assignments" / other)
    for name in ("ps1", other):
        with pytest.raises(BadInput, match="rename"):
            load_assignment(name, course)
