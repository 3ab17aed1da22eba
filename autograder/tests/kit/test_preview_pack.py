"""What a student sees before handing in, and the file that is handed in."""

import errno
import json
import os
import subprocess
import sys
import types
import zipfile
from pathlib import Path
from typing import Any

import pytest

import kit
from autograder.tests import released, tiny
from autograder.tests.hostile_words import WORDS, raw
from kit import running_notebook
from kit.__main__ import main
from kit.notebooks import MAX_BYTES
from kit.preview import as_html, as_text, examine
from kit.release import find_release, read_all

ARCHIVE = f"{tiny.NAME}-submission.zip"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    release = released.write(tmp_path)
    monkeypatch.chdir(release)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    return release


def state(folder: Path) -> dict[str, str]:
    """Every exercise and answer of the saved notebook, and what preview says of it."""
    release = find_release()
    (saved,) = read_all(release).notebooks
    report = examine(release.manifest, saved)
    return dict([*report.exercises, *report.answers])


def change(folder: Path, position: int, **fields: Any) -> None:
    cells = released.load(folder / tiny.NOTEBOOK)
    cells[position] |= fields
    released.save(folder / tiny.NOTEBOOK, cells)


def add_a_second_notebook(folder: Path) -> None:
    """Make the release one of two notebooks, of which only the first is there."""
    manifest = json.loads((folder / "tests" / "manifest.json").read_text(encoding="utf-8"))
    manifest["notebooks"].append({"file": "2_more.ipynb", "problem": "more", "title": "More", "cells": []})
    (folder / "tests" / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


# --- preview --------------------------------------------------------------------------------------------------------


def test_preview_lists_work_what_runs_and_what_is_left_out(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    released.fill(folder / tiny.NOTEBOOK, tiny_scale=released.SCALE)
    cells = released.load(folder / tiny.NOTEBOOK)
    released.save(folder / tiny.NOTEBOOK, [*cells, released.code("def helper(): ...\nprint(helper())")])
    assert main(["preview"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert {"tiny-scale code written", "tiny-scaler code NOT WRITTEN", "tiny-why text NOT WRITTEN"} <= set(lines)
    assert "tiny-scale def scale(values: Tensor, factor: float) -> Tensor:" in lines
    own = f"cell {len(cells) + 1}"
    assert f"{own} def helper(): ..." in lines
    reason = "only imports, definitions and simple assignments run at grading"
    assert f"{own}, line 2 print(helper()) {reason}" in lines
    assert "Unfinished: tiny-scaler, tiny-why." in lines
    assert any(line.startswith("Python 3.") and "torch" in line for line in lines)
    assert any("An open editor may hold newer text" in line for line in lines)


def test_preview_of_finished_work_says_that_nothing_is_unfinished(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    released.fill(folder / tiny.NOTEBOOK, tiny_scale=released.SCALE, tiny_scaler=released.SCALER, tiny_why="Because.")
    assert set(state(folder).values()) == {"written"}
    main(["preview"])
    assert "Nothing is unfinished." in capsys.readouterr().out


UNCLOSED = "def scale(values, factor):\n    scaled = (values * factor\n    return scaled\n"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (UNCLOSED, "line 2: '(' was never closed"),
        ("%%time\n" + UNCLOSED, "line 3: '(' was never closed"),
        (
            "def scale(values, factor):\n    scaled = values * factor\nreturn scaled\n",
            "line 3: 'return' outside function",
        ),
        ("def scale(values, factor):\n" + UNCLOSED, "line 2: expected an indented block"),
    ],
)
def test_an_exercise_that_does_not_compile_is_told_with_its_line(
    folder: Path, source: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    released.fill(folder / tiny.NOTEBOOK, tiny_scale=source)
    assert state(folder)["tiny-scale"].startswith(f"does not compile, {said}")
    assert main(["preview"]) == 0
    printed = capsys.readouterr().out
    assert f"tiny-scale   code  does not compile, {said}" in printed
    assert f"\ntiny-scale: does not compile, {said}" in printed and "Unfinished: tiny-scaler, tiny-why." in printed
    assert main(["pack"]) == 0
    assert f"    tiny-scale: does not compile, {said}" in capsys.readouterr().out and (folder / ARCHIVE).exists()


def test_work_that_is_complete_but_does_not_compile_is_not_called_finished(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    released.fill(folder / tiny.NOTEBOOK, tiny_scale=UNCLOSED, tiny_scaler=released.SCALER, tiny_why="Because.")
    main(["preview"])
    assert "nfinished" not in capsys.readouterr().out


def test_an_exercise_that_a_later_cell_writes_anew_counts_though_its_own_cell_does_not_compile(folder: Path) -> None:
    released.fill(folder / tiny.NOTEBOOK, tiny_scale=UNCLOSED)
    cells = released.load(folder / tiny.NOTEBOOK)
    released.save(folder / tiny.NOTEBOOK, [*cells, released.code(released.SCALE)])
    assert state(folder)["tiny-scale"] == "written"


def test_a_cell_that_does_not_compile_stands_out_in_the_notebooks_table(folder: Path) -> None:
    released.fill(folder / tiny.NOTEBOOK, tiny_scale=UNCLOSED)
    release = find_release()
    html = as_html(examine(release.manifest, read_all(release).notebooks[0]))
    assert "<b>does not compile, line 2: &#x27;(&#x27; was never closed</b>" in html


def test_guesses_take_one_line_and_helpers_beside_them_keep_theirs(folder: Path) -> None:
    cells = released.load(folder / tiny.NOTEBOOK)
    guesses = released.code("guess_a = 1\nguess_b = 2\ndef helper(): ...")
    released.save(folder / tiny.NOTEBOOK, [*cells, guesses])
    release = find_release()
    text = as_text(examine(release.manifest, read_all(release).notebooks[0]))
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "3 guesses which are never graded" in lines and "guess_" not in text
    assert f"cell {len(cells) + 1} def helper(): ..." in lines


def test_deleted_cells_and_emptied_answers_are_told_apart(folder: Path) -> None:
    cells = [cell for cell in released.load(folder / tiny.NOTEBOOK) if cell["id"] != "tiny-scale"]
    released.save(folder / tiny.NOTEBOOK, cells)
    released.fill(folder / tiny.NOTEBOOK, tiny_why="  \n")
    assert state(folder) == {"tiny-scale": "NOT THERE", "tiny-scaler": "NOT WRITTEN", "tiny-why": "NOT WRITTEN"}
    released.save(folder / tiny.NOTEBOOK, [cell for cell in cells if cell["id"] != "tiny-why"])
    assert state(folder)["tiny-why"] == "NOT THERE"


BESIDE = {
    "a new cell": ("markdown", "It is a parameter.", 1),
    "a new cell above": ("markdown", "It is a parameter.", 0),
    "comments": ("code", "# It is a parameter.", 1),
    "text that is no Python": ("code", "It is a parameter of the module", 1),
}


@pytest.mark.parametrize("kind, source, behind", BESIDE.values(), ids=BESIDE)
def test_an_answer_that_stands_outside_its_cell_is_told_by_preview_and_pack(
    folder: Path, capsys: pytest.CaptureFixture[str], kind: str, source: str, behind: int
) -> None:
    cells = released.load(folder / tiny.NOTEBOOK)
    place = [cell["id"] for cell in cells].index("tiny-why") + behind
    cells.insert(place, {"cell_type": kind, "id": "mine", "metadata": {}, "source": source})
    released.save(folder / tiny.NOTEBOOK, cells)
    said = f"your answer to tiny-why stands outside its cell, in cell {place + 1}: markers will see it"
    assert state(folder)["tiny-why"] == f"written elsewhere, in cell {place + 1}"
    assert main(["preview"]) == 0 and main(["pack"]) == 0
    shown = capsys.readouterr().out
    assert shown.count(said) == 2
    assert "Unfinished: tiny-scale, tiny-scaler." in shown


def test_an_answer_typed_into_the_question_is_told(folder: Path) -> None:
    cells = released.load(folder / tiny.NOTEBOOK)
    place = [cell["id"] for cell in cells].index("tiny-why") - 1
    change(folder, place, source=cells[place]["source"] + "\n\nIt is a parameter.")
    assert state(folder)["tiny-why"] == f"written elsewhere, in cell {place + 1}"


def test_a_note_far_from_the_question_does_not_pass_for_its_answer(folder: Path) -> None:
    cells = released.load(folder / tiny.NOTEBOOK)
    cells.insert(1, {"cell_type": "markdown", "id": "mine", "metadata": {}, "source": "My notebook."})
    released.save(folder / tiny.NOTEBOOK, cells)
    assert state(folder)["tiny-why"] == "NOT WRITTEN"


def test_a_notebook_without_ids_is_read_and_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    released.fill(folder / tiny.NOTEBOOK, tiny_scale=released.SCALE, tiny_why="It is a parameter.")
    cells = [cell | {"metadata": {}} for cell in released.load(folder / tiny.NOTEBOOK)]
    released.save(folder / tiny.NOTEBOOK, [{k: v for k, v in cell.items() if k != "id"} for cell in cells])
    assert state(folder) == {"tiny-scale": "written", "tiny-scaler": "NOT WRITTEN", "tiny-why": "written"}
    assert main(["preview"]) == 0
    assert "cells without their ids were told by text and place: tiny-scale is cell" in capsys.readouterr().out


def test_a_renamed_notebook_is_read_and_named_by_both_names(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / tiny.NOTEBOOK).rename(folder / "mine (final).ipynb")
    assert main(["preview"]) == 0
    assert f"mine (final).ipynb (released as {tiny.NOTEBOOK})" in capsys.readouterr().out


def test_of_copies_the_one_with_the_released_name_counts_and_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "0_copy.ipynb").write_bytes((folder / tiny.NOTEBOOK).read_bytes())
    (folder / "copy.ipynb").write_bytes((folder / tiny.NOTEBOOK).read_bytes())
    assert main(["preview"]) == 0
    printed = capsys.readouterr().out
    for name in ("0_copy.ipynb", "copy.ipynb"):
        assert f"{name} is a copy of {tiny.NOTEBOOK} and is not read" in printed


def test_two_renamed_copies_ask_which_one_is_meant(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "copy.ipynb").write_bytes((folder / tiny.NOTEBOOK).read_bytes())
    (folder / tiny.NOTEBOOK).rename(folder / "mine.ipynb")
    assert main(["pack"]) == 1
    assert f"copy.ipynb and mine.ipynb are copies of {tiny.NOTEBOOK}: name the one you mean" in capsys.readouterr().err
    assert main(["pack", "mine.ipynb"]) == 0


def test_a_notebook_of_something_else_is_passed_over(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    released.save(folder / "scratch.ipynb", [released.code("x = 1")])
    assert main(["preview"]) == 0
    assert "scratch.ipynb: none of its cells belongs to this assignment" in capsys.readouterr().out
    assert main(["preview", "scratch.ipynb"]) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"{", "not a notebook, or one that was not saved completely"),
        (b"\xff\xfe\x00", "not a notebook, or one that was not saved completely"),
        (b"[" * 100_000, "not a notebook, or one that was not saved completely"),
        (b"[]", "it has no list of cells"),
        (b'{"cells": 3}', "it has no list of cells"),
    ],
)
def test_an_unreadable_notebook_fails_both_commands_by_name(
    folder: Path, content: bytes, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / tiny.NOTEBOOK).write_bytes(content)
    for command in ("preview", "pack"):
        assert main([command]) == 1
        assert f"{tiny.NOTEBOOK}: " in (said_now := capsys.readouterr().err) and said in said_now
    assert not (folder / ARCHIVE).exists()
    assert main(["preview", "nowhere.ipynb"]) == 1
    assert "nowhere.ipynb: cannot be read: No such file" in capsys.readouterr().err


def test_a_damaged_release_says_what_to_copy_again(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "tests" / "manifest.json").write_text("{}", encoding="utf-8")
    assert main(["preview"]) == 1
    assert "Copy the tests/ folder of the release again" in capsys.readouterr().err


def test_outside_a_release_the_error_says_where_to_be(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir("/")
    assert main(["pack"]) == 1
    assert "open the notebook inside the folder that you were given" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["packs"], ["pack", "--into", "x"]])
def test_wrong_usage_shows_usage_help_and_the_error(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    lines = capsys.readouterr().err.splitlines()
    assert caught.value.code == 2 and lines[0].startswith("usage: python -m kit")
    assert "Try 'python -m kit --help' for help." in lines and lines[-1].startswith("error: ")


def test_a_reader_that_leaves_early_ends_it_quietly(folder: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "kit", "preview"]
    done = subprocess.run(command, cwd=folder, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=120)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_help_shows_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0 and "python -m kit pack --out" in capsys.readouterr().out


# --- preview() in a notebook ------------------------------------------------------------------------------------------


class Shell:
    """What `preview()` uses of IPython: the text of the cells that ran."""

    def __init__(self, *cells: str) -> None:
        self.history_manager = types.SimpleNamespace(input_hist_raw=["", *cells])


def freshness(folder: Path, monkeypatch: pytest.MonkeyPatch, *ran: str) -> tuple[bool, str]:
    monkeypatch.setattr(running_notebook, "shell", lambda: Shell(*ran))
    release = find_release()
    (saved,) = read_all(release).notebooks
    return running_notebook.saved_remark(saved)


def test_a_file_that_holds_what_ran_last_is_called_saved(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    released.fill(folder / tiny.NOTEBOOK, tiny_scale=released.SCALE)
    stale, said = freshness(folder, monkeypatch, "def scale(): old", released.SCALE.rstrip(), "scale(1, 2)")
    assert not stale and "its exercises are what this kernel ran last; not run in this kernel: tiny-scaler" in said


def test_a_file_that_differs_from_what_ran_last_is_called_out(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stale, said = freshness(folder, monkeypatch, released.SCALE)
    assert stale and "It differs from what you ran last in tiny-scale" in said and "save the notebook" in said


def test_a_notebook_that_this_kernel_never_ran_is_not_compared(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stale, said = freshness(folder, monkeypatch, "import torch")
    assert not stale and "This kernel has run none of its exercises" in said and "ran last" not in said


def test_a_file_that_cannot_be_read_is_not_called_finished(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preview", str(folder / "no.ipynb")]) == 1
    out, err = capsys.readouterr()
    assert "no.ipynb: cannot be read" in err
    assert "unfinished" not in out and "is not there" not in out


def test_commands_in_a_solution_cell_do_not_look_like_a_difference(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "%%time\n" + released.SCALE
    released.fill(folder / tiny.NOTEBOOK, tiny_scale=source)
    assert not freshness(folder, monkeypatch, source)[0]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(5, "less than two minutes ago"), (600, "10 minutes ago"), (7200, "2 hours ago"), (900_000, "on 2")],
)
def test_the_age_of_the_file_is_said(folder: Path, seconds: int, said: str) -> None:
    path = folder / tiny.NOTEBOOK
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))
    assert f"last saved {said}" in running_notebook.saved_remark(read_all(find_release()).notebooks[0])[1]


@pytest.mark.parametrize("known_by", ["VS Code", "Jupyter", "names"])
def test_the_notebook_that_runs_here_is_known_by_its_name_or_by_what_it_defines(
    folder: Path, known_by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    namespace: dict[str, object] = {}
    if known_by == "VS Code":
        namespace["__vsc_ipynb_file__"] = f"/home/me/{tiny.NOTEBOOK}"
    elif known_by == "Jupyter":
        monkeypatch.setenv("JPY_SESSION_NAME", f"work/{tiny.NOTEBOOK}")
    else:
        namespace["scale"] = None
    assert running_notebook.problem_here(find_release(), namespace) == tiny.PROBLEM
    assert running_notebook.problem_here(find_release(), {}) == (tiny.PROBLEM if known_by == "Jupyter" else None)


def test_preview_in_plain_python_prints_and_never_raises(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kit.preview()
    assert "tiny-scale   code  NOT WRITTEN" in capsys.readouterr().out
    (folder / tiny.NOTEBOOK).unlink()
    kit.preview()
    assert "This notebook is not saved in" in capsys.readouterr().out
    monkeypatch.chdir("/")
    kit.preview()
    assert capsys.readouterr().out.startswith("No preview: ")


def colab(monkeypatch: pytest.MonkeyPatch, content: Any) -> list[str]:
    """Pretend to be in Colab, whose page holds this notebook; returns the list of what it downloads."""
    downloaded: list[str] = []
    module = types.ModuleType("google.colab")
    module._message = types.SimpleNamespace(blocking_request=lambda *a, **k: {"ipynb": content})  # type: ignore[attr-defined]
    module.files = types.SimpleNamespace(download=downloaded.append)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "google", types.ModuleType("google"))
    monkeypatch.setitem(sys.modules, "google.colab", module)
    return downloaded


def test_in_colab_the_page_is_read_and_packed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / tiny.NOTEBOOK
    released.fill(path, tiny_scale=released.SCALE)
    downloaded = colab(monkeypatch, json.loads(path.read_text(encoding="utf-8")))
    path.unlink()
    kit.preview()
    printed = capsys.readouterr().out
    assert "tiny-scale   code  written" in printed and "kit.pack() makes the file to hand in" in printed
    kit.pack()
    packed = f"{tiny.NAME}-{tiny.PROBLEM}-submission.zip"
    assert [Path(name).name for name in downloaded] == [packed]
    with zipfile.ZipFile(folder / packed) as zipped:
        assert released.SCALE in json.loads(zipped.read(tiny.NOTEBOOK))["cells"][3]["source"]


def test_a_notebook_packed_alone_in_colab_does_not_miss_the_others(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    add_a_second_notebook(folder)
    colab(monkeypatch, json.loads((folder / tiny.NOTEBOOK).read_text(encoding="utf-8")))
    kit.pack()
    printed = capsys.readouterr().out
    assert "hand in one such file for each" in printed and "is not there" not in printed


def test_where_colab_does_not_hand_over_the_notebook_the_menu_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    colab(monkeypatch, None)
    del sys.modules["google.colab"]._message
    for function in (kit.preview, kit.pack):
        function()
        assert "File > Download > Download .ipynb" in capsys.readouterr().out


# --- pack -------------------------------------------------------------------------------------------------------------


def test_pack_holds_the_notebooks_as_saved_and_a_list_and_nothing_else(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / tiny.NOTEBOOK).rename(folder / "mine.ipynb")
    assert main(["pack"]) == 0
    with zipfile.ZipFile(folder / ARCHIVE) as zipped:
        assert zipped.namelist() == [tiny.NOTEBOOK, "submission.json"]
        assert zipped.read(tiny.NOTEBOOK) == (folder / "mine.ipynb").read_bytes()
        listed = json.loads(zipped.read("submission.json"))
    assert (listed["assignment"], listed["version"], list(listed["notebooks"])) == (tiny.NAME, "1.0", [tiny.NOTEBOOK])
    printed = capsys.readouterr().out
    assert f"{tiny.NOTEBOOK} (from mine.ipynb)" in printed
    assert "unfinished: tiny-scale, tiny-scaler, tiny-why" in printed


def test_pack_makes_the_same_bytes_from_the_same_notebooks(folder: Path) -> None:
    main(["pack"])
    first = (folder / ARCHIVE).read_bytes()
    os.utime(folder / tiny.NOTEBOOK, (1, 1))
    main(["pack", "--out", str(folder / "again.zip")])
    assert (folder / "again.zip").read_bytes() == first


def test_pack_says_which_notebooks_are_not_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_a_second_notebook(folder)
    assert main(["pack"]) == 0
    assert "2_more.ipynb is not there" in capsys.readouterr().out


def test_pack_without_any_notebook_packs_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / tiny.NOTEBOOK).unlink()
    assert main(["pack"]) == 1
    assert "no notebook of A tiny set" in capsys.readouterr().err and not (folder / ARCHIVE).exists()


def test_a_notebook_that_is_too_large_names_its_largest_cells(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(folder, 2, outputs=[{"output_type": "stream", "name": "stdout", "text": "x" * 51_000_000}])
    assert main(["pack"]) == 1
    error = capsys.readouterr().err
    assert "over the 50 MB that are read" in error and "Largest: cell 3 (51.0 MB)" in error


@pytest.mark.parametrize(
    ("name", "value"),
    [("MAX_SUBMISSION", 1000), ("zip_of", lambda files: bytes(MAX_BYTES + 1))],
    ids=["read", "packed"],
)
def test_notebooks_that_are_too_large_together_are_not_packed(
    folder: Path, name: str, value: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.modules["kit.pack"], name, value)
    assert main(["pack"]) == 1
    error = capsys.readouterr().err
    assert "MB as a zip file" in error and f"Largest in {tiny.NOTEBOOK}: cell " in error
    assert not (folder / ARCHIVE).exists()


def test_a_failed_write_leaves_the_older_file_and_nothing_half_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["pack"])
    before = (folder / ARCHIVE).read_bytes()
    released.fill(folder / tiny.NOTEBOOK, tiny_why="Because.")

    def full(path: Path, data: bytes) -> None:
        path.touch()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert main(["pack"]) == 1
    assert "No space left on device" in capsys.readouterr().err
    assert (folder / ARCHIVE).read_bytes() == before and not list(folder.glob("*.part"))


# --- what is hostile ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", [word for word in WORDS.values() if "\x00" not in word and "\udc9b" not in word])
def test_names_and_cells_print_nothing_that_acts_on_a_terminal(
    folder: Path, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = folder / tiny.NOTEBOOK
    released.fill(path, tiny_scale=f'{released.SCALE}\nnote = """{word}"""\n')
    cells = released.load(path)
    own = [f"# {word}\nx = '{word}'", f"{word} = 1", f"!ls {word}", f"def f():\n    '''{word}'''\n    return missing"]
    released.save(path, [*cells, *map(released.code, own)])
    path.rename(folder / f"{word.replace('/', '')}.ipynb")
    (folder / f"b{word.replace('/', '')}.ipynb").write_text("{")
    for command in ("preview", "pack"):
        main([command])
        shown = capsys.readouterr()
        assert shown.out + shown.err and not raw(shown.out + shown.err)
    for saved in read_all(find_release()).notebooks:
        assert not raw(as_html(examine(find_release().manifest, saved)))
