"""A set of written answers alone, without library and data; and a set without a library."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from autograder.assignment.load import load_assignment
from autograder.build import build
from autograder.cli.main import commands
from autograder.grading.grade_one import confined
from autograder.marks.gradebook_reader import read_gradebook
from autograder.marks.standings import StandingStatus, standings
from autograder.result_layout import result_folder
from autograder.sandbox.sandbox import Sandbox
from autograder.tests import tiny
from autograder.verify import demo

FILES = {
    "assignment.toml": f'title = "Essay"\nversion = "1.0"\ncore = ["thoughts"]\ncanary = "{tiny.CANARY}"\n',
    "handout.md": "# Essay\n\n{{points}}\n",
    "requirements.txt": "pytest\n",
    "thoughts/problem.toml": 'title = "Thoughts"\n[answer.why]\npoints = 2\n',
    "thoughts/rubric.md": "# Rubric\n\n## why\n\nTwo points for a reason.\n",
    "thoughts/notebook.py": '# %% [markdown]\n# # Why?\n\n# %% [markdown] tags=["answer:why"]\n# *Your answer here.*\n',
}


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        path = tmp_path / "assignments/essay" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_builds_and_has_nothing_to_prove(course: Path) -> None:
    build.build("essay", course)
    assert not (course / "release/essay/tests/thoughts").exists()
    done = CliRunner().invoke(commands, ["verify", "essay"])
    assert (done.exit_code, "there is nothing to prove" in done.output) == (0, True)


def test_the_demo_passes_and_untouched_answers_are_zero(course: Path) -> None:
    made, people = demo.prepare(course, "essay", Path("demo/essay"))
    rows, _ = demo.run(made, people, workers=1, on_done=lambda done: None)
    assert [(row.member.name, row.complaints) for row in rows] == [
        ("reference", ()), ("untouched", ()), ("broken-json", ())
    ]  # fmt: skip
    assert {row.report.isolation for row in rows} == {"none"}
    marks = read_gradebook(made.course.gradebook, "essay")
    assert {name: cells["why"].auto for name, cells in marks.items()} == {
        "reference": None, "untouched": 0.0, "broken-json": None
    }  # fmt: skip
    everyone = standings(made.manifest, result_folder(made.course.results, "essay", made.course), made.course.gradebook)
    assert {one.student: one.status for one in everyone} == {
        "reference": StandingStatus.TO_BE_MARKED,
        "untouched": StandingStatus.COMPLETE,
        "broken-json": StandingStatus.NOT_GRADED,
    }


def test_no_process_is_started_where_nothing_is_to_be_run(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sandbox, "_launch", lambda self: pytest.fail("a process was started"))
    with confined(load_assignment("essay", course), allow_weak=False) as sandbox:
        assert sandbox.level == "none"


def test_a_set_without_a_library_runs_in_a_sandbox_and_its_notebook_finds_the_release(sources: Path) -> None:
    tiny.edit(sources, "assignment.toml", f'library = "{tiny.LIBRARY}"\n', "")
    tiny.edit(sources, "scaling/notebook.py", "from tinylib.shapes import width\n", "")
    tiny.edit(sources, "scaling/notebook.py", "print(width(scale(", "print((scale(")
    made, _ = build.build(tiny.NAME, sources.parents[1])
    setup = made.files[f"source/{tiny.NAME}/{tiny.NOTEBOOK}"].decode()
    assert r"FILES = [\"kit/__init__.py\", \"tests/manifest.json\"]" in setup
    with confined(made.assignment, allow_weak=True) as sandbox, sandbox.worker() as worker:
        assert worker.layers
