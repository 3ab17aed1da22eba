"""`python -m kit update`: a student's folder comes to a new version, and nothing of the student's is lost."""

from __future__ import annotations

import copy
import json
import os
import random
import re
import stat
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from autograder.tests import tiny, versions
from kit import unfinished
from kit import update as updating
from kit.__main__ import main
from kit.manifest import Manifest, version_order
from kit.notebooks import source_of
from kit.reading import read_notebook
from kit.release import Release, ReleaseError
from kit.three_way import update

FILE = tiny.NOTEBOOK
BOOK, TOML = f"{tiny.PROBLEM}/notebook.py", f"{tiny.PROBLEM}/problem.toml"
TESTS = (f"{tiny.PROBLEM}/test_public.py", f"{tiny.PROBLEM}/test_hidden.py")
GIVEN = ('"""Holds the factor."""', '"""Keeps the factor, which autograd follows."""')
TEXT = ("Two exercises and a question.", "Two exercises, a question and a smile.")
STUB = ("Multiply values (B, D) by a factor.", "Multiply each of values (B, D) by one factor.")
SCALE = "def scale(values, factor):\n    return values * factor  # mine\n"
FIGURE = {"output_type": "stream", "name": "stdout", "text": "a picture"}
Cells = list[dict[str, Any]]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return versions.write_sources(tmp_path_factory.mktemp("first"), "1.0", second=True)


def later(root: Path, edits: versions.Edits) -> Manifest:
    return versions.write_sources(root / "later", "1.1", edits, second=True)


def reworded(root: Path) -> Manifest:
    return later(root, {BOOK: [GIVEN, TEXT, STUB]})


def renamed(root: Path) -> Manifest:
    """tiny-scale is called tiny-stretch."""
    data = json.loads(re.sub("tiny-scale(?!r)", "tiny-stretch", later(root, {}).to_json()))
    was(data, "tiny-stretch", "tiny-scale")
    return Manifest.from_json(json.dumps(data))


def moved(root: Path) -> Manifest:
    """tiny-scaler stands in the other notebook."""
    data = json.loads(later(root, {}).to_json())
    first, second = (book["cells"] for book in data["notebooks"])
    going = [cell for cell in first if cell["id"] in ("tiny-scaler", "tiny-scaler-check")]
    first[:] = [cell for cell in first if cell not in going]
    second[3:3] = going
    return Manifest.from_json(json.dumps(data))


def split(root: Path) -> Manifest:
    """tiny-scaler becomes two exercises, one for each of two definitions."""
    data = json.loads(later(root, {}).to_json())
    cells = data["notebooks"][0]["cells"]
    place = next(number for number, cell in enumerate(cells) if cell["id"] == "tiny-scaler")
    one, check = cells[place], cells[place + 1]
    halves = []
    for name, defined in (("tiny-forward", "Scaler"), ("tiny-back", "undo")):
        halves.append(
            one
            | {"id": name, "source": f'def {defined}():\n    raise NotImplementedError("{name}: ")', "was": [one["id"]]}
        )
        halves.append(check | {"id": f"{name}-check", "source": f'check("{name}")', "was": [check["id"]]})
    cells[place : place + 2] = halves
    exercise = next(item for item in data["exercises"] if item["id"] == "tiny-scaler")
    place = data["exercises"].index(exercise)
    data["exercises"][place : place + 1] = [
        exercise | {"id": "tiny-forward", "names": ["Scaler"]},
        exercise | {"id": "tiny-back", "names": ["undo"], "depends": []},
    ]
    return Manifest.from_json(json.dumps(data))


def removed(root: Path) -> Manifest:
    data = json.loads(later(root, {}).to_json())
    gone = ("tiny-scale", "tiny-scale-check", "tiny-why")
    data["notebooks"][0]["cells"] = [cell for cell in data["notebooks"][0]["cells"] if cell["id"] not in gone]
    data["exercises"] = [item for item in data["exercises"] if item["id"] not in gone]
    data["answers"] = [item for item in data["answers"] if item["id"] not in gone]
    return Manifest.from_json(json.dumps(data))


def added(root: Path) -> Manifest:
    data = json.loads(later(root, {}).to_json())
    cells = data["notebooks"][0]["cells"]
    cells[2:2] = [{"id": "tiny-new", "kind": "exercise", "source": "def fresh():\n    raise NotImplementedError"}]
    return Manifest.from_json(json.dumps(data))


def was(data: dict[str, Any], name: str, earlier: str) -> None:
    for cell in (cell for book in data["notebooks"] for cell in book["cells"]):
        if cell["id"] in (name, f"{name}-check"):
            cell["was"] = [cell["id"].replace(name, earlier)]


CHANGES = {make.__name__: make for make in (reworded, renamed, moved, split, removed, added)}


def contents(manifest: Manifest) -> dict[str, dict[str, Any]]:
    return {book.file: versions.notebook(manifest, book) for book in manifest.notebooks}


def updated(base: Manifest, new: Manifest, mine: dict[str, dict[str, Any]]) -> dict[str, Cells]:
    by_problem = {book.problem: mine[book.file] for book in base.notebooks if book.file in mine}
    made = update(base, new, by_problem, contents(new))
    return {file: content["cells"] for file, content in made.notebooks.items()}


def cell(cells: Cells, name: str) -> dict[str, Any]:
    (found,) = [one for one in cells if one["id"] == name]
    return found


def own(source: str, kind: str = "code", **more: Any) -> dict[str, Any]:
    code: dict[str, Any] = {"outputs": [], "execution_count": None} if kind == "code" else {}
    return {"cell_type": kind, "metadata": {}, "source": source, "id": f"mine-{abs(hash(source))}"} | code | more


# --- one change at a time ---------------------------------------------------------------------------------------------


def test_an_untouched_notebook_becomes_the_new_one(tmp_path: Path, first: Manifest) -> None:
    for change in CHANGES.values():
        new = change(tmp_path / change.__name__)
        assert updated(first, new, contents(first)) == {file: book["cells"] for file, book in contents(new).items()}


def test_what_only_the_student_changed_is_kept_with_outputs_and_metadata(tmp_path: Path, first: Manifest) -> None:
    mine = contents(first)
    kept = cell(mine[FILE]["cells"], "tiny-scaler") | {"source": "class Scaler: pass", "outputs": [FIGURE]}
    kept["metadata"] = kept["metadata"] | {"collapsed": True}
    mine[FILE]["cells"] = [kept if one["id"] == "tiny-scaler" else one for one in mine[FILE]["cells"]]
    assert cell(updated(first, reworded(tmp_path), mine)[FILE], "tiny-scaler") == kept


def test_an_unchanged_cell_keeps_its_outputs_under_the_new_text(tmp_path: Path, first: Manifest) -> None:
    mine = contents(first)
    given = next(one for one in mine[FILE]["cells"] if GIVEN[0] in one["source"])
    given["outputs"] = [FIGURE]
    made = next(one for one in updated(first, reworded(tmp_path), mine)[FILE] if GIVEN[1] in one["source"])
    assert made["outputs"] == [FIGURE]


def test_a_cell_that_both_changed_stays_and_the_new_text_stands_below(tmp_path: Path, first: Manifest) -> None:
    mine = contents(first)
    cell(mine[FILE]["cells"], "tiny-scale")["source"] = SCALE
    new = reworded(tmp_path)
    cells = updated(first, new, mine)[FILE]
    place = cells.index(cell(cells, "tiny-scale"))
    assert cells[place]["source"] == SCALE
    below = cells[place + 1]
    assert below["cell_type"] == "markdown" and "Version 1.1" in below["source"] and "1.0" in below["source"]
    assert f'-    """{STUB[0]}' in below["source"] and f'+    """{STUB[1]}' in below["source"]
    assert cell(contents(new)[FILE]["cells"], "tiny-scale")["source"] in below["source"]


def test_the_text_below_is_nobodys_answer(tmp_path: Path, first: Manifest) -> None:
    mine = contents(first)
    cell(mine[FILE]["cells"], "tiny-scale")["source"] = SCALE
    new = reworded(tmp_path)
    reading = read_notebook(new.notebooks[0], {"cells": updated(first, new, mine)[FILE]})
    assert [one.is_older for one in reading.cells].count(True) == 1
    assert reading.solutions["tiny-scale"].source == SCALE


def test_an_own_cell_stays_behind_its_neighbour(tmp_path: Path, first: Manifest) -> None:
    for name, change in CHANGES.items():
        mine = contents(first)
        cells = mine[FILE]["cells"]
        place = cells.index(cell(cells, "tiny-scaler-check"))
        cells.insert(place + 1, own("my_try = 1"))
        cells.insert(0, own("my notes", "markdown"))
        made = updated(first, change(tmp_path / name), mine)
        (book,) = [cells for cells in made.values() if any(one["source"] == "my_try = 1" for one in cells)]
        place = next(number for number, one in enumerate(book) if one["source"] == "my_try = 1")
        before = "tiny-forward-check" if name == "split" else "tiny-scaler-check"
        assert (book[place - 1]["id"], made[FILE][0]["source"]) == (before, "my notes")


def test_a_renamed_exercise_keeps_its_answer_under_the_new_id(tmp_path: Path, first: Manifest) -> None:
    mine = contents(first)
    cell(mine[FILE]["cells"], "tiny-scale")["source"] = SCALE
    cells = updated(first, renamed(tmp_path), mine)[FILE]
    made = cell(cells, "tiny-stretch")
    assert (made["source"], made["metadata"]["nbgrader"]["grade_id"]) == (SCALE, "tiny-stretch")
    assert cells[cells.index(made) + 1]["id"] == "tiny-stretch-check"


def test_a_moved_exercise_takes_its_answer_along(tmp_path: Path, first: Manifest) -> None:
    mine = contents(first)
    cell(mine[FILE]["cells"], "tiny-scaler")["source"] = "class Scaler: mine = True"
    made = updated(first, moved(tmp_path), mine)
    assert cell(made["2_turning.ipynb"], "tiny-scaler")["source"] == "class Scaler: mine = True"
    assert all(one["id"] != "tiny-scaler" for one in made[FILE])


def test_a_split_exercise_is_cut_by_what_it_defines(tmp_path: Path, first: Manifest) -> None:
    mine = contents(first)
    first_part = "import math\n\n# my helper\ndef half(x):\n    return x / 2\n\nclass Scaler:\n    pass"
    text = f"{first_part}\n\n# back\ndef undo():\n    pass"
    cell(mine[FILE]["cells"], "tiny-scaler")["source"] = text
    cells = updated(first, split(tmp_path), mine)[FILE]
    assert cell(cells, "tiny-back")["source"] == "# back\ndef undo():\n    pass"
    assert cell(cells, "tiny-forward")["source"] == first_part


def test_a_split_exercise_that_is_not_python_stays_whole(tmp_path: Path, first: Manifest) -> None:
    mine = contents(first)
    cell(mine[FILE]["cells"], "tiny-scaler")["source"] = "class Scaler:\n  def ("
    cells = updated(first, split(tmp_path), mine)[FILE]
    assert cell(cells, "tiny-forward")["source"] == "class Scaler:\n  def ("
    assert "NotImplementedError" in cell(cells, "tiny-back")["source"]


def test_the_answer_to_a_removed_exercise_is_kept_as_an_own_cell(tmp_path: Path, first: Manifest) -> None:
    mine = contents(first)
    cell(mine[FILE]["cells"], "tiny-scale")["source"] = SCALE
    cell(mine[FILE]["cells"], "tiny-why")["source"] = "Because autograd says so."
    new = removed(tmp_path)
    cells = updated(first, new, mine)[FILE]
    place = next(number for number, one in enumerate(cells) if one["source"] == SCALE)
    assert "nbgrader" not in cells[place]["metadata"]
    assert "No longer part of the set: `tiny-scale`" in cells[place - 1]["source"]
    reading = read_notebook(new.notebooks[0], {"cells": cells})
    assert [one.source for one in reading.cells if one.is_older][-1].endswith("Because autograd says so.")


def test_an_edited_set_up_gives_way_and_stands_below(tmp_path: Path, first: Manifest) -> None:
    mine = contents(first)
    cell(mine[FILE]["cells"], "setup")["source"] += "\nprint('mine')"
    cells = updated(first, reworded(tmp_path), mine)[FILE]
    place = cells.index(cell(cells, "setup"))
    assert cells[place]["source"] == versions.SETUP.format("1.1")
    assert "print('mine')" in cells[place + 1]["source"]


def test_a_given_cell_is_known_though_another_one_before_it_shifts_the_numbers(tmp_path: Path, first: Manifest) -> None:
    data = json.loads(later(tmp_path, {}).to_json())
    cells = data["notebooks"][0]["cells"]
    place = next(number for number, one in enumerate(cells) if one["id"] == "given-2")
    cells[place]["id"] = "given-3"
    cells.insert(place, {"id": "given-2", "kind": "given", "source": "WIDTH = 7"})
    mine = contents(first)
    cell(mine[FILE]["cells"], "given-2")["source"] += "\n\n# my remark"
    made = updated(first, Manifest.from_json(json.dumps(data)), mine)[FILE]
    assert cell(made, "given-2")["source"] == "WIDTH = 7"
    assert cell(made, "given-3")["source"].endswith("# my remark")


def test_a_deleted_text_stays_deleted_but_a_deleted_exercise_comes_back(tmp_path: Path, first: Manifest) -> None:
    mine = contents(first)
    title = mine[FILE]["cells"][0]["id"]
    mine[FILE]["cells"] = [one for one in mine[FILE]["cells"] if one["id"] not in (title, "tiny-scale")]
    cells = updated(first, renamed(tmp_path), mine)[FILE]
    assert cells[0]["id"] != title and cell(cells, "tiny-stretch")


# --- any edits at all -------------------------------------------------------------------------------------------------


def edited(content: dict[str, Any], rng: random.Random) -> None:
    """Edit a notebook as students do: rewrite, add, copy, delete, move cells, drop ids."""
    cells: Cells = content["cells"]
    for number in range(rng.randrange(1, 12)):
        place = rng.randrange(len(cells))
        what, word = (
            rng.choice(["rewrite", "append", "add", "copy", "delete", "swap", "no id", "list"]),
            f"w{rng.random()}",
        )
        match what:
            case "rewrite" if cells[place].get("id") != "setup":
                cells[place]["source"] = f"# {word}\ndef scale(): pass\n\ndef undo(): return {number}"
            case "append" if cells[place].get("id") != "setup":
                cells[place]["source"] = source_of(cells[place]) + f"\n{word} = 1"
            case "add":
                cells.insert(place, own(f"{word} = 2", rng.choice(["code", "markdown", "raw"])))
            case "copy":
                cells.insert(rng.randrange(len(cells)), copy.deepcopy(cells[place]))
            case "delete" if len(cells) > 3:
                del cells[place]
            case "swap":
                cells.append(cells.pop(place))
            case "no id":
                cells[place].pop("id", None)
            case "list":
                cells[place]["source"] = source_of(cells[place]).splitlines(keepends=True)


@pytest.mark.parametrize("change", CHANGES)
def test_no_line_of_the_students_is_lost_whatever_the_edits(tmp_path: Path, first: Manifest, change: str) -> None:
    new = CHANGES[change](tmp_path)
    released = {
        line for book in contents(first).values() for one in book["cells"] for line in source_of(one).split("\n")
    }
    for seed in range(40):
        mine = contents(first)
        for content in mine.values():
            edited(content, random.Random(f"{seed} {content['metadata']}"))
        made = updated(first, new, mine)
        lines = {line for cells in made.values() for one in cells for line in source_of(one).split("\n")}
        wanted = {line for book in mine.values() for one in book["cells"] for line in source_of(one).split("\n")}
        assert wanted - released <= lines, seed
        for cells in made.values():
            ids = [one["id"] for one in cells]
            assert len(ids) == len(set(ids)), seed


# --- a student's folder -----------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, first: Manifest) -> Path:
    """A student's folder of version 1.0, with an answer."""
    root = versions.unpack(tmp_path / "student" / "ps3", versions.files(first, {"tinylib/old.py": "# old\n"}))
    content = json.loads((root / FILE).read_text())
    cell(content["cells"], "tiny-scale")["source"] = SCALE
    (root / FILE).write_text(json.dumps(content))
    return root


@pytest.fixture
def new_zip(tmp_path: Path, first: Manifest) -> Path:
    earlier = {"1.0": versions.files(first, {"tinylib/old.py": "# old\n"})}
    return versions.zipped(tmp_path / "new.zip", versions.files(reworded(tmp_path)), earlier)


def release_of(folder: Path) -> Release:
    return Release(folder, Manifest.read(folder / "tests/manifest.json"))


def state(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def run(folder: Path, path: Path) -> int:
    return updating.run(release_of(folder), path)


def test_a_folder_comes_to_the_new_version(folder: Path, new_zip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = state(folder)
    assert run(folder, new_zip) == 0
    assert release_of(folder).manifest.version == "1.1"
    assert cell(json.loads((folder / FILE).read_text())["cells"], "tiny-scale")["source"] == SCALE
    assert (folder / "tinylib/shapes.py").read_text() == "# of 1.1\n" and not (folder / "tinylib/old.py").exists()
    with zipfile.ZipFile(folder / "tinyset-1.0-backup-1.zip") as backup:
        assert {name: backup.read(name) for name in backup.namelist()}.items() <= before.items()
        assert {FILE, "tinylib/shapes.py", "tinylib/old.py", "tests/manifest.json"} <= set(backup.namelist())
    told = capsys.readouterr().out
    assert "Reload Notebook from Disk" in told and f"{FILE}: tiny-scale\n" in told


def test_a_second_run_changes_nothing(folder: Path, new_zip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(folder, new_zip)
    after = state(folder)
    assert run(folder, new_zip) == 0
    assert state(folder) == after and "already" in capsys.readouterr().out


def test_files_of_the_students_own_stay_and_edited_ones_go_to_the_backup(
    folder: Path, new_zip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "notes.txt").write_text("mine")
    (folder / "tinylib/shapes.py").write_text("# edited by me\n")
    run(folder, new_zip)
    assert (folder / "notes.txt").read_text() == "mine"
    with zipfile.ZipFile(folder / "tinyset-1.0-backup-1.zip") as backup:
        assert backup.read("tinylib/shapes.py") == b"# edited by me\n"
    assert "tinylib/shapes.py was changed by you" in capsys.readouterr().out


def test_a_renamed_notebook_keeps_its_name_and_a_copy_stays_as_it_is(
    folder: Path, new_zip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / FILE).rename(folder / "mine.ipynb")
    (folder / "2_turning.ipynb").with_name("copy of 2.ipynb").write_bytes((folder / "2_turning.ipynb").read_bytes())
    other = (folder / "copy of 2.ipynb").read_bytes()
    run(folder, new_zip)
    assert json.loads((folder / "mine.ipynb").read_text())["metadata"]["kit"]["version"] == "1.1"
    assert not (folder / FILE).exists() and (folder / "copy of 2.ipynb").read_bytes() == other
    assert "copy of 2.ipynb: a copy of 2_turning.ipynb" in capsys.readouterr().out


def test_a_missing_notebook_is_new_in_the_folder(
    folder: Path, new_zip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "2_turning.ipynb").unlink()
    run(folder, new_zip)
    assert "2_turning.ipynb: new in this folder" in capsys.readouterr().out and (folder / "2_turning.ipynb").is_file()


def test_a_damaged_notebook_stops_it_and_another_damaged_file_does_not(folder: Path, new_zip: Path) -> None:
    (folder / "old.ipynb").write_text('{"cells": [')
    (folder / FILE).write_text('{"cells": [')
    before = state(folder)
    with pytest.raises(ReleaseError, match="saved completely"):
        run(folder, new_zip)
    assert state(folder) == before
    (folder / FILE).unlink()
    assert run(folder, new_zip) == 0 and (folder / "old.ipynb").read_text() == '{"cells": ['


def test_a_link_is_not_written_through(folder: Path, new_zip: Path, tmp_path: Path) -> None:
    (folder / "tinylib").rename(tmp_path / "elsewhere")
    (folder / "tinylib").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ReleaseError, match="tinylib is a link"):
        run(folder, new_zip)
    assert (tmp_path / "elsewhere/shapes.py").read_text() == "# of 1.0\n"


class Killed(BaseException):
    """Stands for kill -9: nothing catches it."""


def test_a_run_that_is_killed_anywhere_leaves_the_old_folder_or_one_that_the_next_run_ends(
    folder: Path, new_zip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = state(folder)
    run(folder, new_zip)
    wanted = {name: data for name, data in state(folder).items() if "backup" not in name}
    replace = os.replace
    for moment in range(12):
        for name in state(folder):
            (folder / name).unlink()
        versions.unpack(folder, before)
        calls = iter(range(100))

        def killed(source: Any, target: Any, moment: int = moment, calls: Any = calls) -> None:
            if next(calls) == moment:
                raise Killed
            replace(source, target)

        with (
            monkeypatch.context() as patch,
            pytest.raises(Killed) if moment < 6 else pytest.raises((Killed, SystemExit)),
        ):
            patch.setattr(os, "replace", killed)
            run(folder, new_zip)
            raise SystemExit
        notebook = cell(json.loads((folder / FILE).read_text())["cells"], "tiny-scale")
        assert notebook["source"] == SCALE
        updating.finish(folder)
        run(folder, new_zip)
        assert {name: data for name, data in state(folder).items() if "backup" not in name} == wanted
        assert not (folder / unfinished.FOLDER).exists()


def test_an_update_that_was_stopped_is_ended_by_its_own_script_without_the_kit(
    folder: Path, new_zip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(unfinished, "finish", lambda root: "")  # killed after the plan was written
        run(folder, new_zip)
    assert release_of(folder).manifest.version == "1.0"
    script = folder / unfinished.FOLDER / "finish.py"
    done = subprocess.run([sys.executable, "-I", "-S", script], check=True, cwd="/", capture_output=True, text=True)
    assert f"{FILE}: tiny-scale\n" in done.stdout
    assert release_of(folder).manifest.version == "1.1" and not (folder / unfinished.FOLDER).exists()


def test_the_next_command_of_the_kit_ends_it(
    folder: Path, new_zip: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(unfinished, "finish", lambda root: "")
        run(folder, new_zip)
    monkeypatch.chdir(folder)
    capsys.readouterr()
    assert main(["preview"]) == 0
    told = capsys.readouterr().out
    assert "it is finished now" in told and "tinyset-1.0-backup-1.zip" in told and f"{FILE}: tiny-scale\n" in told
    assert release_of(folder).manifest.version == "1.1"


def test_the_command_says_what_it_did_and_ends_with_1_where_it_did_nothing(
    folder: Path, new_zip: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("JPY_PARENT_PID", "1")
    assert main(["update", "nothing.zip"]) == 1
    assert "nothing.zip is not there" in capsys.readouterr().err
    assert main(["update", str(new_zip)]) == 0
    told = capsys.readouterr().out
    assert "Updated from version 1.0 to 1.1" in told and "This was run from a notebook" in told
    assert main(["pack"]) == 0 and (folder / "tinyset-submission.zip").is_file()


@pytest.mark.parametrize(("one", "two"), [("1_scaling", "3_turning"), ("2_scaling", "1_turning")])
def test_notebooks_that_have_another_number_now_are_renamed(
    folder: Path, tmp_path: Path, first: Manifest, one: str, two: str
) -> None:
    text = reworded(tmp_path).to_json().replace("1_scaling", one).replace("2_turning", two)
    content = json.loads((folder / "2_turning.ipynb").read_text())
    cell(content["cells"], "turn-why")["source"] = "My answer."
    (folder / "2_turning.ipynb").write_text(json.dumps(content))
    run(folder, versions.zipped(tmp_path / "new.zip", versions.files(Manifest.from_json(text))))
    assert {path.stem for path in folder.glob("*.ipynb")} == {one, two}
    cells = {name: json.loads((folder / f"{name}.ipynb").read_text())["cells"] for name in (one, two)}
    assert cell(cells[one], "tiny-scale")["source"] == SCALE
    assert cell(cells[two], "turn-why")["source"] == "My answer."


def test_a_notebook_that_is_no_longer_part_of_the_set_stays_as_it_is(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = json.loads(reworded(tmp_path).to_json())
    data["notebooks"] = data["notebooks"][1:]
    data["exercises"] = [item for item in data["exercises"] if item["problem"] != tiny.PROBLEM]
    data["answers"] = [item for item in data["answers"] if item["problem"] != tiny.PROBLEM]
    before = (folder / FILE).read_bytes()
    run(folder, versions.zipped(tmp_path / "new.zip", versions.files(Manifest.from_json(json.dumps(data)))))
    assert (folder / FILE).read_bytes() == before
    assert f"{FILE} is no longer part of the set: it stays as it is" in capsys.readouterr().out


def test_a_backup_is_never_written_over(folder: Path, new_zip: Path) -> None:
    (folder / "tinyset-1.0-backup-1.zip").write_text("mine")
    run(folder, new_zip)
    assert (folder / "tinyset-1.0-backup-1.zip").read_text() == "mine"
    assert zipfile.is_zipfile(folder / "tinyset-1.0-backup-2.zip")


def test_a_full_disk_changes_nothing(folder: Path, new_zip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = state(folder)

    def full(path: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(ReleaseError, match="No space left on device. Nothing was changed"):
        run(folder, new_zip)
    assert {name: data for name, data in state(folder).items() if "backup" not in name} == before


def test_a_file_of_the_students_that_is_in_the_way_is_named(folder: Path, new_zip: Path) -> None:
    (folder / "2_turning.ipynb").write_text(json.dumps({"cells": [own("of another course")], "metadata": {}}))
    before = state(folder)
    with pytest.raises(ReleaseError, match="2_turning.ipynb is in the way"):
        run(folder, new_zip)
    assert state(folder) == before


def test_half_a_character_in_an_own_cell_survives(folder: Path, new_zip: Path) -> None:
    content = json.loads((folder / FILE).read_text())
    content["cells"].append(own("x = 1", outputs=[FIGURE | {"text": "\ud83d"}]))
    (folder / FILE).write_text(json.dumps(content))
    run(folder, new_zip)
    assert json.loads((folder / FILE).read_text())["cells"][-1]["outputs"][0]["text"] == "\ud83d"


# --- zips that are not what they should be ----------------------------------------------------------------------------


def hostile(path: Path, name: str, data: bytes = b"x", mode: int = 0o644) -> Path:
    with zipfile.ZipFile(path, "a") as packed:
        info = zipfile.ZipInfo(name)
        info.external_attr = mode << 16
        packed.writestr(info, data)
    return path


def packed_again(path: Path, system: str) -> Path:
    """The same release, unpacked and packed again by a student's computer."""
    with zipfile.ZipFile(path) as packed:
        contents = {name: packed.read(name) for name in packed.namelist()}
    if system == "macOS":
        extra = {f"__MACOSX/tinyset 1.1/{'/._'.join(name.rsplit('/', 1))}": b"\0" for name in contents}
        contents = {f"tinyset 1.1/{name}": data for name, data in contents.items()} | extra
        contents["tinyset 1.1/tinyset/.DS_Store"] = b"\0"
    elif system == "Windows":
        contents = {name.replace("/", "\\"): data for name, data in contents.items()}
    with zipfile.ZipFile(path, "w") as packed:
        for name, data in contents.items():
            packed.writestr(name, data)
    return path


@pytest.mark.parametrize("system", ["macOS", "Windows"])
def test_a_release_that_was_packed_again_is_taken(folder: Path, new_zip: Path, tmp_path: Path, system: str) -> None:
    other = versions.unpack(tmp_path / "other", state(folder))
    run(other, new_zip)
    run(folder, packed_again(new_zip, system))
    assert state(folder) == state(other)


def test_paths_of_windows_that_lead_out_are_refused(folder: Path, new_zip: Path) -> None:
    with pytest.raises(ReleaseError, match="leads out"):
        run(folder, packed_again(hostile(new_zip, "tinyset/../../out.py"), "Windows"))


@pytest.mark.parametrize(
    "name",
    [
        "tinyset/../out.py",
        "/etc/passwd",
        "other/x.py",
        "tinyset/a\\b.py",
        "tinyset/C:x",
        "tinyset/con.py",
        "tinyset/ /x",
    ]
    + ["tinyset/TINYLIB/shapes.py"],
)
def test_paths_that_lead_out_are_refused(folder: Path, new_zip: Path, name: str) -> None:
    before = state(folder)
    with pytest.raises(ReleaseError, match="not the course's|twice"):
        run(folder, hostile(new_zip, name))
    assert state(folder) == before


def test_a_link_in_the_zip_is_refused(folder: Path, new_zip: Path) -> None:
    with pytest.raises(ReleaseError, match="leads out"):
        run(folder, hostile(new_zip, "tinyset/link.py", b"/etc/passwd", stat.S_IFLNK | 0o777))


def test_a_bomb_is_refused(folder: Path, new_zip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kit.release_zip.MAX_BYTES", 50_000)
    with pytest.raises(ReleaseError, match="more than a release can"):
        run(folder, hostile(new_zip, "tinyset/zeros.bin", bytes(60_000)))


@pytest.mark.parametrize("kind", ["missing", "a folder", "text", "empty", "a zip of something", "cut"])
def test_what_is_no_release_is_refused_with_a_sentence(folder: Path, new_zip: Path, tmp_path: Path, kind: str) -> None:
    path = tmp_path / "odd.zip"
    if kind == "a folder":
        path.mkdir()
    elif kind in ("text", "empty"):
        path.write_text("hello" if kind == "text" else "")
    elif kind == "a zip of something":
        hostile(path, "tinyset/hello.txt")
    elif kind == "cut":
        path.write_bytes(new_zip.read_bytes()[:-40])
    before = state(folder)
    with pytest.raises(ReleaseError, match="not there|is a folder|damaged|not a release"):
        run(folder, path)
    assert state(folder) == before


def test_another_assignment_and_an_older_version_are_refused(folder: Path, tmp_path: Path, first: Manifest) -> None:
    for manifest, why in (
        (versions.write_sources(tmp_path / "older", "0.9", second=True), "older than this folder's 1.0"),
        (Manifest.from_json(first.to_json().replace('"tinyset"', '"other"')), "is a release of other"),
    ):
        with pytest.raises(ReleaseError, match=why):
            run(folder, versions.zipped(tmp_path / "other.zip", versions.files(manifest)))


def test_versions_are_ordered_by_their_numbers() -> None:
    ordered = ["0.9", "1.0", "1.0.1", "1.2", "1.10", "2"]
    assert sorted(reversed(ordered), key=version_order) == ordered
    assert version_order("1.1") == version_order("1.1.0")
