import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from autograder.assignment import library
from autograder.assignment.library import import_library
from autograder.errors import BadInput, CourseError


@pytest.fixture(autouse=True)
def nothing_imported() -> Iterator[None]:
    yield
    for name in ("first_library", "second_library"):
        library._forget(name)


def package(folder: Path, name: str, text: str) -> Path:
    place = folder / name
    place.mkdir(parents=True)
    (place / "__init__.py").write_text("")
    (place / "words.py").write_text(f"WORD = {text!r}\n")
    return folder


def word_of(name: str) -> str:
    return sys.modules[f"{name}.words"].WORD


def test_two_sets_libraries_stand_beside_each_other_and_no_search_path_changes(tmp_path: Path) -> None:
    before = list(sys.path)
    for name, text in (("first_library", "one"), ("second_library", "two")):
        import_library(package(tmp_path / text, name, text), name)
        __import__(f"{name}.words")
    assert (word_of("first_library"), word_of("second_library")) == ("one", "two")
    assert sys.path == before


def test_a_library_of_the_same_name_takes_the_place_of_the_other(tmp_path: Path) -> None:
    words = []
    for text in ("one", "two"):
        import_library(package(tmp_path / text, "first_library", text), "first_library")
        __import__("first_library.words")
        words.append(word_of("first_library"))
    assert words == ["one", "two"]


def test_a_library_is_imported_once(tmp_path: Path) -> None:
    folder = package(tmp_path, "first_library", "one")
    assert import_library(folder, "first_library") is import_library(folder, "first_library")


def test_a_library_must_not_take_another_modules_name(tmp_path: Path) -> None:
    before = sys.modules["json"]
    with pytest.raises(CourseError, match="cannot be called json"):
        import_library(package(tmp_path, "json", "not json"), "json")
    assert sys.modules["json"] is before


def test_a_missing_library_is_named_with_the_command(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"release/tinyset/first_library is missing: run `autograder build tinyset`"):
        import_library(tmp_path / "release" / "tinyset", "first_library")


def test_a_library_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = package(tmp_path, "first_library", "one")
    (folder / "first_library" / "__init__.py").write_text("raise RuntimeError('not today')\n")
    with pytest.raises(RuntimeError, match="not today"):
        import_library(folder, "first_library")
    assert "first_library" not in sys.modules
