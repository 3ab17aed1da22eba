import json
import shutil
from pathlib import Path

import pytest

from autograder.assignment.load import load_assignment
from autograder.assignment.model import Assignment
from autograder.build import build, copies
from autograder.build.composed_library import composed
from autograder.errors import BadInput, CourseError, EditedByHand
from autograder.tests import tiny


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The tiny set with a lesson, as assignments/tinyset."""
    folder = tiny.write(tmp_path)
    write(folder / tiny.PROBLEM / "lesson" / "__init__.py", "")
    write(folder / tiny.PROBLEM / "lesson" / "figures.py", "COLOUR = 'teal'\n")
    return folder


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def load(folder: Path) -> Assignment:
    return load_assignment(tiny.NAME, folder.parents[1])


def _library(folder: Path) -> Path:
    made = load(folder)
    return made.release / made.library


def add_presets(folder: Path, text: str) -> None:
    path = folder / tiny.PROBLEM / "problem.toml"
    path.write_text(path.read_text() + text)


def test_a_lesson_becomes_a_package_of_the_library(folder: Path) -> None:
    files = composed(load(folder))
    assert files["scaling/figures.py"] == b"COLOUR = 'teal'\n"
    assert sorted(files) == ["__init__.py", "scaling/__init__.py", "scaling/figures.py", "shapes.py", "version.txt"]
    assert files["version.txt"] == b"1.0\n"


def test_of_a_problems_house_nothing_but_its_lessons_modules_is_copied(folder: Path) -> None:
    write(folder / tiny.PROBLEM / "lesson" / "notes.md", "for staff")
    write(folder / tiny.PROBLEM / "lesson" / "deeper" / "module.py", "")
    assert {path for path in composed(load(folder)) if path.startswith("scaling/")} == {
        "scaling/__init__.py",
        "scaling/figures.py",
    }


def test_presets_are_written_beside_the_lesson(folder: Path) -> None:
    add_presets(folder, "\n[preset.small]\nsteps = 1400\nrate = 0.5\n\n[preset.tiny]\nsteps = 2\n")
    presets = json.loads(composed(load(folder))["scaling/presets.json"])
    assert presets == {"small": {"steps": 1400, "rate": 0.5}, "tiny": {"steps": 2}}


def test_a_preset_holds_numbers(folder: Path) -> None:
    add_presets(folder, '\n[preset.small]\nsteps = "many"\n')
    with pytest.raises(CourseError, match=r"\[preset.small\] steps = 'many' should be a number"):
        load(folder)


@pytest.mark.parametrize("taken", ["scaling.py", "scaling/__init__.py"])
def test_a_problem_must_not_hide_a_shared_module(folder: Path, taken: str) -> None:
    write(folder / tiny.LIBRARY / taken, "")
    with pytest.raises(CourseError, match=f"tinylib/{taken} and the problem scaling want the same place"):
        composed(load(folder))


def test_a_lesson_is_a_package(folder: Path) -> None:
    (folder / tiny.PROBLEM / "lesson" / "__init__.py").unlink()
    with pytest.raises(CourseError, match=r"lesson is no package: add an __init__\.py"):
        composed(load(folder))


def test_refreshing_copies_what_changed_and_removes_what_went(folder: Path) -> None:
    copies.refresh(load(folder))
    library = _library(folder)
    assert (library / "scaling" / "figures.py").read_text() == "COLOUR = 'teal'\n"
    write(folder / tiny.PROBLEM / "lesson" / "figures.py", "COLOUR = 'plum'\n")
    (folder / tiny.LIBRARY / "shapes.py").rename(folder / tiny.LIBRARY / "forms.py")
    copies.refresh(load(folder))
    assert (library / "scaling" / "figures.py").read_text() == "COLOUR = 'plum'\n"
    assert sorted(path.name for path in library.glob("*.py")) == ["__init__.py", "forms.py"]


def test_refreshing_removes_what_a_build_copied_and_the_sources_no_longer_hold(folder: Path) -> None:
    build.build(tiny.NAME, folder.parents[1])
    (folder / tiny.PROBLEM / "lesson" / "figures.py").unlink()
    copies.refresh(load(folder))
    assert not (_library(folder) / "scaling" / "figures.py").exists()


def test_a_build_follows_a_refresh_without_force(folder: Path) -> None:
    build.build(tiny.NAME, folder.parents[1])
    write(folder / tiny.PROBLEM / "lesson" / "figures.py", "COLOUR = 'plum'\n")
    copies.refresh(load(folder))
    write(folder / tiny.PROBLEM / "lesson" / "figures.py", "COLOUR = 'grey'\n")
    build.build(tiny.NAME, folder.parents[1])
    build.check(tiny.NAME, folder.parents[1])


def test_a_copy_changed_by_hand_is_not_overwritten(folder: Path) -> None:
    copies.refresh(load(folder))
    changed = _library(folder) / "scaling" / "figures.py"
    changed.write_text("COLOUR = 'mine'\n")
    with pytest.raises(EditedByHand, match=r"tinylib/scaling/figures\.py was changed by hand.*--force"):
        copies.refresh(load(folder))
    assert changed.read_text() == "COLOUR = 'mine'\n"


def test_copies_follow_when_git_brings_another_release(folder: Path) -> None:
    root = folder.parents[1]
    written = root / ".autograder" / f"{tiny.NAME}.written.json"
    build.build(tiny.NAME, root)
    library, first = _library(folder), written.read_bytes()
    shutil.copytree(library, root / "first")
    write(folder / tiny.PROBLEM / "lesson" / "figures.py", "COLOUR = 'plum'\n")
    (folder / tiny.LIBRARY / "shapes.py").rename(folder / tiny.LIBRARY / "forms.py")
    build.build(tiny.NAME, root)
    shutil.rmtree(library)  # as after `git pull`: the committed record is new, the copies are those of before
    (root / "first").rename(library)
    written.write_bytes(first)
    copies.restore(load(folder))
    build.check(tiny.NAME, root)


@pytest.fixture
def cloned(folder: Path) -> Assignment:
    """A built set of which only what git keeps is left."""
    build.build(tiny.NAME, folder.parents[1])
    assignment = load(folder)
    for part in (tiny.LIBRARY, "kit", "data"):
        shutil.rmtree(assignment.release / part)
    shutil.rmtree(assignment.course.state)
    return assignment


def test_in_a_fresh_clone_the_released_library_is_copied_again(cloned: Assignment) -> None:
    copies.restore(cloned)
    assert ((cloned.release / cloned.library) / "scaling" / "figures.py").is_file()
    build.check(tiny.NAME, cloned.root)


def test_a_library_that_was_not_released_is_not_graded_with(cloned: Assignment) -> None:
    write(cloned.folder / tiny.PROBLEM / "lesson" / "figures.py", "COLOUR = 'plum'\n")
    with pytest.raises(BadInput, match="sources have changed since: run `autograder build tinyset`"):
        copies.restore(cloned)


def test_what_was_released_is_kept_while_the_sources_go_on(folder: Path) -> None:
    build.build(tiny.NAME, folder.parents[1])
    write(folder / tiny.PROBLEM / "lesson" / "figures.py", "COLOUR = 'plum'\n")
    copies.restore(load(folder))
    assert "teal" in (_library(folder) / "scaling" / "figures.py").read_text()
