"""An exercise with a file of trained weights: judged by a probe on features of the student's own class."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from autograder.assignment.load import load_assignment
from autograder.assignment.model import Assignment
from autograder.build.build import build, make
from autograder.errors import CourseError
from autograder.grading.fingerprint import fingerprint
from autograder.grading.grade_one import grade_submission
from autograder.grading.plan import Plan
from autograder.grading.rerun import run_one
from autograder.results import ExerciseResult, Report
from autograder.sandbox.sandbox import Sandbox
from autograder.submission.read import read_submission
from autograder.tests import released, tiny
from autograder.verify.cases import REFERENCE, Case
from autograder.verify.verify import try_case
from kit.outcomes import OutcomeStatus
from kit.pack import LIST, archive
from kit.preview import weights_lines
from kit.release import Release, read_all
from kit.weights import MAX_WEIGHTS, weights_file

FILE = "direction.safetensors"
EXERCISE = "tiny-long-run"
GOOD = {"layer.weight": torch.tensor([[0.0, 0.0, 1.0]]), "layer.bias": torch.zeros(1)}
HALF = {"layer.weight": torch.tensor([[0.0, 1.0, 1.0]]), "layer.bias": torch.zeros(1)}
NOTHING = {"layer.weight": torch.tensor([[1.0, 0.0, 0.0]]), "layer.bias": torch.zeros(1)}
NETWORK = """\
class Direction(nn.Module):
    def __init__(self, width: int = 1):
        super().__init__()
        self.layer = nn.Linear(3, width)

    def features(self, values):
        return self.layer(values)
"""
CELLS = f'''

# %% tags=["exercise:{EXERCISE}"]
class Direction(nn.Module):
    """Looks in one direction; train it long."""

    def __init__(self, width: int = 1):
        ### BEGIN SOLUTION
        super().__init__()
        self.layer = nn.Linear(3, width)
        ### END SOLUTION

    def features(self, values: Tensor) -> Tensor:
        """values (B, 3): (B, width)."""
        ### BEGIN SOLUTION
        return self.layer(values)
        ### END SOLUTION


# %% tags=["check:{EXERCISE}"]
check("{EXERCISE}")
'''
PUBLIC = f'''

trained = exercise("{EXERCISE}")


@trained("the file fits into the class", hint="Was it written from this class?")
def test_direction_takes_the_weights(student):
    weights = handed_in(student, "{FILE}")
    state = student.build("Direction").load(weights).state()
    assert_same(state.parameters["layer.weight"], weights["layer.weight"], what="the weights in the class")
'''
HIDDEN = f'''

trained = exercise("{EXERCISE}")


def labelled(rng, size):
    values = torch.randn(size, 3, generator=rng)
    return values, (values[:, 2] > 0).long()


def accuracy(student, rng):
    train, test = labelled(rng, 300), labelled(rng, 300)
    return probe_accuracy(student, "Direction", "{FILE}", method="features", train=train, test=test)


@trained("a linear probe names 65 % rightly", hint="Train longer.")
def test_probe_reaches_65_percent(student, rng):
    expect_at_least(accuracy(student, rng), 0.65)


@trained("a linear probe names 95 % rightly", hint="Train much longer.", weight=2)
def test_probe_reaches_95_percent(student, rng):
    expect_at_least(accuracy(student, rng), 0.95)
'''
FULL, SOME, FITS = 4.0, 2.0, 1.0  # points: all tests; the lower threshold; the public test alone


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Assignment:
    """The tiny set with one more exercise, built."""
    root = tmp_path_factory.mktemp("weights")
    folder = tiny.write(root)
    tiny.edit(folder, "scaling/problem.toml", "[answer.tiny-why]", _table(FILE) + "\n[answer.tiny-why]")
    for name, more in (("notebook.py", CELLS), ("test_public.py", PUBLIC), ("test_hidden.py", HIDDEN)):
        with open(folder / "scaling" / name, "a") as file:
            file.write(more)
    for name in ("test_public.py", "test_hidden.py"):
        names = "exercise, expect_at_least, handed_in, load_helpers, probe_accuracy"
        text = (folder / "scaling" / name).read_text()
        (folder / "scaling" / name).write_text(text.replace("exercise, load_helpers", names))
    build(tiny.NAME, root)
    return load_assignment(tiny.NAME, root)


def _table(file: str) -> str:
    return f'[exercise.{EXERCISE}]\npoints = 4\nweights = "{file}"\n'


@pytest.fixture(scope="module")
def plan(course: Assignment) -> Plan:
    return Plan.of(course, seed=5)


def hand_in(course: Assignment, folder: Path, network: str = NETWORK) -> Path:
    """A submission without its file of weights."""
    folder.mkdir()
    (folder / tiny.NOTEBOOK).write_bytes((course.release / tiny.NOTEBOOK).read_bytes())
    released.fill(folder / tiny.NOTEBOOK, tiny_scale=released.SCALE, tiny_scaler=released.SCALER, tiny_long_run=network)
    return folder


def grade(folder: Path, plan: Plan, sandbox: Sandbox) -> Report:
    submission = read_submission(folder, plan.assignment.manifest, student="ada")
    return grade_submission(submission, plan, sandbox).report


def result(report: Report) -> ExerciseResult:
    found = report.exercise(EXERCISE)
    assert found is not None and report.status == "graded"
    assert sum(one.score or 0 for one in report.exercises if one.id != EXERCISE) == 5.0  # it costs no other exercise
    return found


@pytest.mark.parametrize("state, score", [(GOOD, FULL), (HALF, SOME), (NOTHING, FITS)], ids=["good", "half", "none"])
def test_points_go_by_what_a_probe_on_the_features_reaches(
    course: Assignment, plan: Plan, sandbox: Sandbox, one_thread: None, tmp_path: Path,
    state: dict[str, torch.Tensor], score: float,
) -> None:  # fmt: skip
    folder = hand_in(course, tmp_path / "ada")
    (folder / FILE).write_bytes(weights_file(state))
    found = result(grade(folder, plan, sandbox))
    assert found.score == score and (found.accuracy is not None and found.accuracy > 0.95) is (score == FULL)


def test_one_that_was_not_handed_in_is_worth_nothing_and_says_so(
    course: Assignment, plan: Plan, sandbox: Sandbox, one_thread: None, tmp_path: Path
) -> None:
    found = result(grade(hand_in(course, tmp_path / "ada"), plan, sandbox))
    assert (found.score, found.reason) == (0.0, f"{FILE} was not handed in")


def link(folder: Path) -> None:
    (folder.parent / "elsewhere").write_bytes(weights_file(GOOD))
    (folder / FILE).symlink_to(folder.parent / "elsewhere")


def packed(content: bytes) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        with zipfile.ZipFile(folder / "pack.zip", "w", zipfile.ZIP_DEFLATED) as zipped:
            zipped.writestr(FILE, content)

    return write


def written(content: bytes) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / FILE).write_bytes(content)

    return write


HOSTILE: dict[str, tuple[Callable[[Path], None], str | None]] = {
    "link": (link, "it is a link"),
    "pipe": (lambda folder: os.mkfifo(folder / FILE), "it is not a regular file"),
    "pickle": (written(pickle.dumps(GOOD)), "it is no safetensors file"),
    "bomb of a size that is read": (packed(bytes(MAX_WEIGHTS)), "it grows more than a notebook can"),
    "too large": (written(bytes(MAX_WEIGHTS + 1)), "it is too large"),
    "bomb in a pack": (packed(bytes(200_000_000)), "it is too large"),
    "other names": (written(weights_file({"other": torch.ones(1)})), None),
    "other shape": (written(weights_file({**GOOD, "layer.bias": torch.zeros(2)})), None),
    "one name more": (written(weights_file({**GOOD, "hook": torch.zeros(1)})), None),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_costs_its_own_points_alone(
    course: Assignment, plan: Plan, sandbox: Sandbox, one_thread: None, tmp_path: Path, name: str
) -> None:
    folder = hand_in(course, tmp_path / "ada")
    write, why = HOSTILE[name]
    write(folder)
    found = result(grade(folder, plan, sandbox))
    assert found.score == 0.0
    assert why is None or str(found.reason).startswith(f"{FILE} cannot be used: {why}")


@pytest.mark.parametrize(
    "body",
    [
        "return values[:1]",
        "return torch.full((len(values), 1), float('nan'))",
        "return torch.ones(len(values), 5000)",
        "return [1.0] * len(values)",
        "return values[:, 0].long()[:, None]",
        "return torch.ones(len(values), 1)",
    ],
)
def test_features_that_are_none_reach_no_threshold(
    course: Assignment, plan: Plan, sandbox: Sandbox, one_thread: None, tmp_path: Path, body: str
) -> None:
    folder = hand_in(course, tmp_path / "ada", NETWORK.replace("return self.layer(values)", body))
    (folder / FILE).write_bytes(weights_file(GOOD))
    assert result(grade(folder, plan, sandbox)).score == FITS


def test_a_pack_holds_the_file_and_is_graded_like_the_folder(
    course: Assignment, plan: Plan, sandbox: Sandbox, one_thread: None, tmp_path: Path
) -> None:
    home = hand_in(course, tmp_path / "home")
    release = Release(home, course.manifest)
    assert weights_lines(release) == [f"{FILE}: not there (it is written beside the notebooks)"]
    (home / FILE).write_bytes(b"torch.save wrote this")
    assert "CANNOT BE USED: it is no safetensors file" in weights_lines(release)[0]
    (home / FILE).write_bytes(weights_file(GOOD))
    assert weights_lines(release) == [f"{FILE}: 2 tensors, 4 numbers"]
    data = archive(release, read_all(release).notebooks)
    assert FILE in json.loads(zipfile.ZipFile(io.BytesIO(data)).read(LIST))["weights"]
    (tmp_path / "ada").mkdir()
    (tmp_path / "ada" / "pack.zip").write_bytes(data)
    report = grade(tmp_path / "ada", plan, sandbox)
    assert result(report).score == FULL and not [note for note in report.notes if "not kept" in note]


def test_other_weights_are_another_submission_and_one_test_can_be_replayed(
    course: Assignment, plan: Plan, sandbox: Sandbox, one_thread: None, tmp_path: Path
) -> None:
    folder = hand_in(course, tmp_path / "ada")
    digests = set()
    for state in (None, GOOD, HALF):
        if state is not None:
            (folder / FILE).write_bytes(weights_file(state))
        digests.add(read_submission(folder, course.manifest).digest)
    assert len(digests) == 3
    (test_id,) = [test.id for test in plan.tests if "reaches_95" in test.id]
    outcome = run_one(folder, "ada", plan, sandbox, test_id)
    assert outcome.status is OutcomeStatus.FAILED and "which should be 95%" in outcome.text


def test_verify_tries_the_reference_with_the_staffs_own_file_which_is_in_no_release(
    course: Assignment, plan: Plan, sandbox: Sandbox, one_thread: None
) -> None:
    case = Case(REFERENCE, tiny.PROBLEM, "seed 0", 5)
    missed = [one for one in try_case(case, plan, sandbox).surprises if "direction" in one or "probe" in one]
    assert len(missed) == 3
    staffs = course.folder / tiny.PROBLEM / "weights" / FILE
    staffs.parent.mkdir()
    staffs.write_bytes(weights_file(GOOD))
    try:
        assert try_case(case, plan, sandbox).surprises == ()
        assert not [path for path in make(course).files if path.endswith(FILE)]
    finally:
        staffs.unlink()
        staffs.parent.rmdir()


def test_other_hidden_data_grade_everybody_anew(course: Assignment) -> None:
    before = fingerprint(course)
    data = course.folder / tiny.PROBLEM / "hidden" / "images.bin"
    data.parent.mkdir()
    data.write_bytes(b"images")
    try:
        assert fingerprint(course) != before
    finally:
        data.unlink()
        data.parent.rmdir()


def test_of_several_copies_the_one_nearest_to_the_top_counts_and_is_named(course: Assignment, tmp_path: Path) -> None:
    folder = hand_in(course, tmp_path / "ada")
    (folder / "old").mkdir()
    (folder / FILE).write_bytes(weights_file(GOOD))
    (folder / "old" / FILE).write_bytes(weights_file(HALF))
    submission = read_submission(folder, course.manifest)
    assert submission.weights == {FILE: weights_file(GOOD)}
    assert f"of 2 different files {FILE}, {FILE} was taken" in submission.notes


@pytest.mark.parametrize("name", ["weights.pt", "../x.safetensors", "a b.safetensors", ".safetensors"])
def test_a_name_that_could_not_be_handed_in_is_refused(tmp_path: Path, name: str) -> None:
    folder = tiny.write(tmp_path)
    tiny.edit(folder, "scaling/problem.toml", "points = 2", f'points = 2\nweights = "{name}"')
    with pytest.raises(CourseError, match="weights = "):
        load_assignment(tiny.NAME, tmp_path)
