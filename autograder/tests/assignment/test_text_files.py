from pathlib import Path

import pytest

from autograder.assignment.load import load_assignment
from autograder.errors import CourseError
from autograder.tests import tiny

WRITTEN = sorted(
    name for name in tiny.FILES if not name.startswith("data/") and name.endswith((".py", ".toml", ".md", ".txt"))
)


def load(sources: Path) -> None:
    load_assignment(tiny.NAME, sources.parents[1])


@pytest.mark.parametrize("file", [name for name in WRITTEN if "__init__" not in name])
def test_a_text_that_is_not_utf8_is_named_with_its_line(sources: Path, file: str) -> None:
    path = sources / file
    path.write_bytes(path.read_bytes() + "# caf\u00e9\n".encode("latin-1"))
    with pytest.raises(CourseError, match=rf"{file}(:\d+)?: not UTF-8 text .* at byte \d+\): save it as UTF-8"):
        load(sources)


@pytest.mark.parametrize("file", ["scaling/notebook.py", "scaling/problem.toml", "scaling/rubric.md", "handout.md"])
@pytest.mark.parametrize(("mark", "told"), [(b"\xef\xbb\xbf", "byte order mark"), (b"\0", "NUL byte")])
def test_a_byte_order_mark_and_a_nul_byte_are_named(sources: Path, file: str, mark: bytes, told: str) -> None:
    path = sources / file
    path.write_bytes(mark + path.read_bytes())
    with pytest.raises(CourseError, match=rf"{file}(:1)?: .*{told}"):
        load(sources)


def test_line_ends_of_windows_make_no_difference(sources: Path) -> None:
    before = load_assignment(tiny.NAME, sources.parents[1]).manifest
    for file in WRITTEN:
        (sources / file).write_bytes((sources / file).read_bytes().replace(b"\n", b"\r\n"))
    assert load_assignment(tiny.NAME, sources.parents[1]).manifest == before


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('core = ["scaling"]', "core = []", "core names no problem: name at least one folder"),
        ('core = ["scaling"]', 'core = ["scaling", "scaling"]', "'scaling' is listed twice"),
        ('core = ["scaling"]', 'core = ["shifting"]', "names problem 'shifting', but there is no problem.toml"),
        ('core = ["scaling"]', 'core = ["../tinyset/scaling"]', "should be a folder's name"),
        ('core = ["scaling"]', 'core = [""]', "should be a folder's name"),
        ('core = ["scaling"]', "core = 3", "core = 3 should be a list of strings"),
        ('core = ["scaling"]\n', "", "core is missing"),
        ('library = "tinylib"', 'library = "kit"', "is a name that a release or the engine uses"),
        ('library = "tinylib"', 'was = "tinyset"', "was names 'tinyset', which is a set of this course too"),
    ],
)
def test_what_makes_no_assignment_is_said_in_a_sentence(sources: Path, old: str, new: str, told: str) -> None:
    tiny.edit(sources, "assignment.toml", old, new)
    with pytest.raises(CourseError, match=told):
        load(sources)


@pytest.mark.parametrize(
    "file", ["scaling/notebook.py", "scaling/problem.toml", "scaling/rubric.md", "assignment.toml"]
)
def test_an_empty_text_is_named(sources: Path, file: str) -> None:
    (sources / file).write_text("")
    with pytest.raises(CourseError, match=file):
        load(sources)


@pytest.mark.parametrize("file", ["scaling/notebook.py", "scaling/test_hidden.py", "scaling/problem.toml"])
def test_a_folder_in_place_of_a_text_is_named(sources: Path, file: str) -> None:
    (sources / file).unlink()
    (sources / file).mkdir()
    with pytest.raises(CourseError, match=Path(file).name):
        load(sources)


def test_what_ships_within_a_library_needs_one(sources: Path) -> None:
    (sources / "scaling/lesson").mkdir()
    tiny.edit(sources, "assignment.toml", 'library = "tinylib"\n', "")
    with pytest.raises(CourseError, match=r"lesson/ of scaling ship in the library, and assignment.toml names none"):
        load(sources)
