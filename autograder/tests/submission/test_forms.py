"""In which forms a notebook is read, what may be a notebook that is missing, and what cannot be one."""

import gzip
import io
import json
import os
import tarfile
import zipfile
from pathlib import Path
from typing import Literal

import pytest

from autograder.assignment.load import load_assignment
from autograder.build import release_files
from autograder.submission import received
from autograder.submission.read import read_submission
from autograder.tests.handing_in import save, with_source

ROOT = Path(__file__).parents[3]
ANSWER = "def scale(values, factor):\n    return values * factor * 1  # in another form\n"


def zipped(**members: bytes) -> bytes:
    return zipped_paths({name.replace("__", "."): data for name, data in members.items()})


def zipped_paths(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in members.items():
            archive.writestr(zipfile.ZipInfo(path), data)
    return buffer.getvalue()


def tarred(path: str, data: bytes, mode: Literal["w", "w:gz"] = "w") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        member = tarfile.TarInfo(path)
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def put(folder: Path, path: str, data: bytes) -> None:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(data)


@pytest.fixture
def two(pair):
    """The manifest, and the second of two notebooks, which is the one in question: its name and content."""
    manifest, released = pair
    second = manifest.notebooks[1].file
    return manifest, second, with_source(released[second], "shift-scale", ANSWER)


@pytest.fixture
def beside(folder, pair):
    """A folder in which the first notebook stands as it should."""
    manifest, released = pair
    first = manifest.notebooks[0].file
    save(folder, with_source(released[first], "tiny-scale", ANSWER), first)
    return folder


READ = {
    "as text": lambda n, d: (f"{n}.txt", d),
    "as JSON": lambda n, d: (n.replace("ipynb", "json"), d),
    "with JSON behind": lambda n, d: (f"{n}.json", d),
    "as text by another name": lambda n, d: ("mine.txt", d),
    "in capitals": lambda n, d: (n.upper(), d),
    "with a capital suffix": lambda n, d: (n.replace("ipynb", "IPYNB"), d),
    "without a suffix": lambda n, d: (n.removesuffix(".ipynb"), d),
    "with a number behind": lambda n, d: (f"{n} (1)", d),
    "with a byte order mark": lambda n, d: (n, b"\xef\xbb\xbf" + d),
    "as text with a byte order mark": lambda n, d: (f"{n}.txt", b"\xef\xbb\xbf" + d),
    "in UTF-16": lambda n, d: (n, d.decode().encode("utf-16")),
    "as JSON in UTF-16": lambda n, d: ("mine.json", d.decode().encode("utf-16")),
    "in a folder": lambda n, d: (f"homework/{n}", d),
    "in folders": lambda n, d: (f"a/b/c/d/{n}", d),
    "renamed in a folder": lambda n, d: ("a/b/final.ipynb", d),
    "in a folder of the release": lambda n, d: (f"tests/{n}", d),
    "zipped by itself": lambda n, d: (f"{n}.zip", zipped_paths({n: d})),
    "a zip file by a notebook's name": lambda n, d: (n, zipped_paths({n: d})),
    "a zip file without a suffix": lambda n, d: ("upload", zipped_paths({n: d})),
    "a zip file in capitals": lambda n, d: ("X.ZIP", zipped_paths({n: d})),
    "a zip file in a folder": lambda n, d: ("mine/x.zip", zipped_paths({n: d})),
    "in folders of a zip file": lambda n, d: ("x.zip", zipped_paths({f"a/b/c/{n}": d})),
    "as text in a zip file": lambda n, d: ("x.zip", zipped_paths({f"{n}.txt": d})),
    "in a zip file in a zip file": lambda n, d: ("x.zip", zipped_paths({"a/y.zip": zipped_paths({n: d})})),
    "in a zip file from Windows": lambda n, d: ("x.zip", zipped_paths({f"a\\b\\{n}": d})),
    "a tar file": lambda n, d: ("x.tar", tarred(f"a/{n}", d)),
    "a compressed tar file": lambda n, d: ("x.tar.gz", tarred(f"a/{n}", d, "w:gz")),
    "a compressed tar file by its short name": lambda n, d: ("x.tgz", tarred(n, d, "w:gz")),
    "a tar file in a zip file": lambda n, d: ("x.zip", zipped_paths({"x.tar.gz": tarred(n, d, "w:gz")})),
    "compressed by itself": lambda n, d: (f"{n}.gz", gzip.compress(d)),
    "as Jupyter kept it": lambda n, d: (f".ipynb_checkpoints/{n[:-6]}-checkpoint.ipynb", d),
    "as Jupyter kept it in a zip file": lambda n, d: ("x.zip", zipped_paths({f"a/.ipynb_checkpoints/{n}": d})),
    "behind a hundred files of Python's": lambda n, d: (
        "x.zip",
        zipped_paths({f"ps3/__pycache__/{i}.pyc": b"x" for i in range(150)} | {f"ps3/{n}": d}),
    ),
    "behind thousands of other files": lambda n, d: (
        "x.zip",
        zipped_paths({f"venv/lib/{i}.py": b"" for i in range(5_000)} | {n: d}),
    ),
}


@pytest.mark.parametrize("form", READ)
def test_a_notebook_is_read_in_this_form(beside, two, form):
    manifest, second, notebook = two
    put(beside, *READ[form](second, json.dumps(notebook).encode()))
    taken = read_submission(beside, manifest)
    assert taken.problems == {}
    content = taken.notebooks[second].content
    assert content is not None and any(cell["source"] == ANSWER for cell in content["cells"])
    is_named_as_released = (beside / second).is_file()
    assert is_named_as_released or not taken.unchanged


def test_a_notebook_without_ids_and_marks_is_known_by_what_it_defines(beside, two):
    manifest, second, _ = two
    cells = [{"cell_type": "code", "metadata": {}, "source": f"class Scaler:\n    pass\n\n{ANSWER}", "outputs": []}]
    put(
        beside,
        "pasted.ipynb",
        json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}).encode(),
    )
    taken = read_submission(beside, manifest)
    assert taken.problems == {}
    assert sum(notebook.content is not None for notebook in taken.notebooks.values()) >= 1


LEFT = {
    "an iCloud placeholder": (".{n}.icloud", b"bplist00\xd1"),
    "a Google document": ("{s}.gdoc", b'{"url": "https://docs.google.com/1"}'),
    "a Colab link": ("{s}.gcolab", b'{"doc_id": "1"}'),
    "a Windows link": ("{s}.lnk", b"L\0\0\0"),
    "a web link": ("notebook.url", b"[InternetShortcut]\nURL=https://colab.google/1"),
    "a Mac link": ("mine.webloc", b"<plist/>"),
    "an empty notebook": ("{n}", b""),
    "an empty renamed notebook": ("final.ipynb", b""),
    "an empty text": ("{n}.txt", b""),
    "an empty file": ("upload", b""),
    "a notebook of zeros": ("{n}", bytes(5_000)),
    "a Chrome download": ("{n}.crdownload", b'{"cells": ['),
    "a Firefox download": ("{n}.part", b'{"cells": ['),
    "an unnamed download": ("Unconfirmed 1234.crdownload", b"x"),
    "a notebook that was cut off": ("mine.json", b'{"cells": [{"cell_type": "code", "source": ["x'),
    "text that was cut off": ("mine.txt", b'{"cells": [{"cell_type": "code", "source": ["x'),
    "a page": ("{s}.html", b"<!DOCTYPE html><p>def scale"),
    "a page by another name": ("print.htm", b"<html>"),
    "a page by the notebook's name": ("{n}", b"<!DOCTYPE html><html>sign in"),
    "a PDF": ("{s}.pdf", b"%PDF-1.7"),
    "a PDF by the notebook's name": ("{n}", b"%PDF-1.7"),
    "a script": ("{s}.py", b"# In[1]:\ndef scale(values, factor):\n    return values\n"),
    "a script by another name": ("work.py", b"# shift-scale\ndef scale(values, factor):\n    return values\n"),
    "a text with the code": ("answers.txt", b"my shift-scale: values * factor"),
    "Markdown": ("{s}.md", b"# shift-scale\n"),
    "a Word document": ("homework.docx", b"PK\x03\x04"),
    "7z": ("x.7z", b"7z\xbc\xaf\x27\x1c"),
    "7z by the notebook's name": ("{n}", b"7z\xbc\xaf\x27\x1c"),
    "rar": ("x.rar", b"Rar!\x1a\x07"),
    "rar without a suffix": ("upload", b"Rar!\x1a\x07"),
    "xz": ("x.tar.xz", b"\xfd7zXZ"),
    "bz2": ("x.tar.bz2", b"BZh9"),
    "a damaged zip file": ("x.zip", b"PK\x03\x04" + bytes(200)),
    "an empty zip file": ("x.zip", b""),
    "7z in a zip file": ("x.zip", zipped(work__7z=b"7z\xbc\xaf\x27\x1c")),
    "a script in a folder of the library's name": ("tinylib/{s}.py", b"# shift-scale\n"),
    "a page in a zip file": ("x.zip", zipped(work__html=b"<html>")),
    "an empty notebook in a zip file": ("x.zip", zipped(work__ipynb=b"")),
    "a placeholder in a folder": ("cloud/.{n}.icloud", b"bplist00"),
    "a file of an unknown kind": ("homework.xyz", b"\x00\x01\x02"),
    "somebody's own notebook": ("untitled.ipynb", json.dumps({"nbformat": 4, "cells": [{"source": "1"}]}).encode()),
}


@pytest.mark.parametrize("form", LEFT)
def test_what_may_be_the_missing_notebook_makes_it_a_problem_that_names_the_file(beside, two, form):
    manifest, second, _ = two
    name, data = LEFT[form]
    path = name.format(n=second, s=second.removesuffix(".ipynb"))
    put(beside, path, data)
    taken = read_submission(beside, manifest)
    assert list(taken.problems) == [second]
    assert received.shown(path) in taken.problems[second]
    assert f"{second} was not handed in" not in taken.notes


@pytest.mark.parametrize("make", [lambda path: path.symlink_to("/etc"), os.mkfifo], ids=["a link", "a pipe"])
def test_what_is_no_file_may_be_the_missing_notebook(beside, two, make):
    manifest, second, _ = two
    make(beside / "homework")
    assert "homework cannot be read" in read_submission(beside, manifest).problems[second]


BY_PRODUCTS = {
    "Python's": ("__pycache__/mae.pyc", b"x"),
    "Jupyter's": (".ipynb_checkpoints/x-checkpoint.ipynb", b"{"),
    "a Mac's": (".DS_Store", b"x"),
    "a Mac's, of a notebook": ("._2_shifting.ipynb", b"\0\5\x16\7"),
    "a Mac's zip": ("x.zip", zipped_paths({"__MACOSX/._2_shifting.ipynb": b"\0\5\x16\7", "a.png": b"x"})),
    "Git's": (".git/HEAD", b"ref: x"),
    "a hidden file": (".gitignore", b"*.pyc"),
    "an environment": ("venv/lib/x.py", b"def scale(): pass"),
    "pytest's": (".pytest_cache/x.txt", b"shift-scale"),
    "the kit": ("kit/check.py", b"def scale(): pass"),
    "public tests": ("tests/shifting/test_public.py", b"def scale(): pass"),
    "the manifest": ("tests/manifest.json", b'{"cells": [], "id": "shift-scale"}'),
    "the handout": ("handout.md", b"| `shift-scale` | 3 |"),
    "the handout of a folder": ("tinyset/handout.md", b"| `shift-scale` | 3 |"),
    "requirements": ("requirements.txt", b"torch"),
    "the licence": ("LICENSE", b"MIT"),
    "the library": ("tinylib/shapes.py", b"def width(values): pass"),
    "the library's empty files": (
        "x.zip",
        zipped_paths({f"{at}/__init__.py": b"" for at in ("tinylib", "tinylib/more")}),
    ),
    "the library where it speaks of an exercise": (
        "x.zip",
        zipped_paths({"a/tinylib/__init__.py": b"", "a/tinylib/more/x.py": b"shift-scale"}),
    ),
    "data": ("data/numbers.txt", b"1 2 3"),
    "weights": ("mae.pt", b"PK\x03\x04"),
    "a figure": ("figure.png", b"\x89PNG"),
    "a table": ("losses.csv", b"1,2"),
    "the list of a pack": ("submission.json", b'{"notebooks": {"2_shifting.ipynb": "0"}}'),
    "a helper": ("helpers.py", b"def plot(values): pass"),
    "a note": ("notes.txt", b"I worked with Grace."),
    "another set's notebook": (
        "ps2.ipynb",
        json.dumps({"nbformat": 4, "metadata": {"kit": {"assignment": "ps2"}}, "cells": [{"source": "1"}]}).encode(),
    ),
    "an archive of nothing but these": ("x.zip", zipped_paths({"kit/check.py": b"def scale(): pass", "a.png": b"x"})),
    "a page of the other notebook": ("1_scaling.html", b"<html>"),
    "a folder without anything": ("empty/.DS_Store", b"x"),
}


@pytest.mark.parametrize("kind", BY_PRODUCTS)
def test_what_cannot_be_the_missing_notebook_leaves_it_not_handed_in(beside, two, kind):
    manifest, second, _ = two
    put(beside, *BY_PRODUCTS[kind])
    taken = read_submission(beside, manifest)
    assert taken.problems == {}
    assert f"{second} was not handed in" in taken.notes


def test_a_whole_release_without_one_notebook_leaves_that_one_not_handed_in(beside, two, pair_release):
    manifest, second, _ = two
    members = {
        f"tinyset/{path.relative_to(pair_release).as_posix()}": path.read_bytes()
        for path in pair_release.rglob("*")
        if path.is_file() and path.name != second
    }
    put(beside, "tinyset.zip", zipped_paths(members))
    taken = read_submission(beside, manifest)
    assert "tinyset/tests/manifest.json" in members and "tinyset/kit/check.py" in members
    assert taken.problems == {}
    assert f"{second} was not handed in" in taken.notes


@pytest.mark.parametrize("above", ["", "ps3/"], ids=["unpacked", "in its folder"])
def test_nothing_that_is_released_beside_the_notebooks_may_be_one(folder, above):
    ps3 = load_assignment("ps3", ROOT)
    first, *others = ps3.manifest.notebooks
    save(folder, json.loads((ps3.release / first.file).read_text()), first.file)
    for path, data in (release_files.copies(ps3) | release_files.written(ps3)).items():
        put(folder, above + path, data)
    taken = read_submission(folder, ps3.manifest)
    assert taken.problems == {}
    assert {f"{book.file} was not handed in" for book in others} <= set(taken.notes)


# --- limits ---------------------------------------------------------------------------------------------------------


def crowd_of_notebooks(folder, name, data):
    for number in range(150):
        put(folder, f"0{number}.ipynb", b"{")
    put(folder, "z.ipynb", data)


def crowd_in_an_archive(folder, name, data):
    crowd = {f"0{number}.ipynb": b'{"nbformat": 4, "cells": [{"source": "1"}]}' for number in range(150)}
    put(folder, "x.zip", zipped_paths(crowd | {"z.ipynb": data}))


def many_files_in_an_archive(folder, name, data):
    put(folder, "x.zip", zipped_paths({f"{number}.txt": b"" for number in range(10_000)} | {name: data}))


def deep_folders(folder, name, data):
    put(folder, "d/" * 30 + name, data)


def too_large(folder, name, data):
    with (folder / name).open("wb") as file:
        file.truncate(60_000_000)


LIMITS = (crowd_of_notebooks, crowd_in_an_archive, many_files_in_an_archive, deep_folders, too_large)


@pytest.mark.parametrize("hit", LIMITS)
def test_where_a_limit_is_hit_a_missing_notebook_is_a_problem(beside, two, hit):
    manifest, second, notebook = two
    hit(beside, second, json.dumps(notebook).encode())
    taken = read_submission(beside, manifest)
    assert list(taken.problems) == [second]
    assert f"{second} was not handed in" not in taken.notes


def test_no_crowd_hides_a_notebook_of_its_released_name(beside, two):
    manifest, second, notebook = two
    for number in range(150):
        put(beside, f"0{number}.ipynb", b"{")
    put(beside, f"below/{second}", json.dumps(notebook).encode())
    assert read_submission(beside, manifest).problems == {}


def test_a_folder_of_too_many_files_is_not_read_to_the_end(beside, two, monkeypatch):
    manifest, second, notebook = two
    monkeypatch.setattr("autograder.submission.folder.MAX_ENTRIES", 50)
    for number in range(60):
        put(beside, f"{number}.png", b"")
    put(beside, "z/z.ipynb", json.dumps(notebook).encode())
    assert "more than 50 files" in read_submission(beside, manifest).problems[second]


# --- an untouched copy is no answer -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [".{n}.icloud", "{s}.pdf", "{n}.part", "{s}.html", "old/{n}"])
def test_beside_an_untouched_notebook_what_bears_its_name_is_a_problem(folder, pair, name):
    manifest, released = pair
    first = manifest.notebooks[0].file
    save(folder, released[first], first)
    put(folder, name.format(n=first, s=first.removesuffix(".ipynb")), b"x")
    taken = read_submission(folder, manifest)
    assert f"nothing is written in {first}" in taken.problems[first]


@pytest.mark.parametrize(
    "name", ["ps3.rar", "work.7z", "homework.zip", "1.ipynb.crdownload", "mine.pdf", "answers.pptx"]
)
def test_beside_an_untouched_notebook_what_may_be_any_is_a_problem(folder, pair, name):
    manifest, released = pair
    for file in released:
        save(folder, released[file], file)
    put(folder, name, b"PK\x03\x04")
    taken = read_submission(folder, manifest)
    assert all(f"{name} cannot be read" in taken.problems[file] for file in released)


def test_where_a_limit_is_hit_an_untouched_notebook_is_a_problem(monkeypatch, folder, pair):
    monkeypatch.setattr("autograder.submission.folder.MAX_ENTRIES", 50)
    manifest, released = pair
    first = manifest.notebooks[0].file
    save(folder, released[first], first)
    for number in range(60):
        put(folder, f"{number}.png", b"")
    assert "more than 50 files" in read_submission(folder, manifest).problems[first]


def test_what_jupyter_kept_counts_where_nothing_else_is_written(beside, two, pair):
    manifest, second, notebook = two
    save(beside, pair[1][second], second)
    put(beside, f".ipynb_checkpoints/{second}", json.dumps(notebook).encode())
    taken = read_submission(beside, manifest)
    assert "shift-scale" not in taken.extractions["shifting"].stubs
    assert any(".ipynb_checkpoints" in note and "was taken" in note for note in taken.notes)


def test_what_jupyter_kept_is_not_looked_at_beside_a_written_notebook(beside, two):
    manifest, second, notebook = two
    save(beside, notebook, second)
    put(beside, f".ipynb_checkpoints/{second}", json.dumps(with_source(notebook, "shift-scale", "x = 1")).encode())
    taken = read_submission(beside, manifest)
    assert taken.unchanged and not any("checkpoint" in note for note in taken.notes)


def test_an_untouched_notebook_that_jupyter_kept_is_none(beside, two, pair):
    manifest, second, _ = two
    put(beside, f".ipynb_checkpoints/{second}", json.dumps(pair[1][second]).encode())
    assert f"{second} was not handed in" in read_submission(beside, manifest).notes


def test_a_file_that_holds_several_notebooks_may_be_each_of_them(folder, pair, two):
    manifest, second, notebook = two
    first = manifest.notebooks[0].file
    both = with_source(pair[1][first], "tiny-scale", ANSWER)
    both["cells"] += notebook["cells"]
    save(folder, both, "everything.ipynb")
    problems = read_submission(folder, manifest).problems
    assert len(problems) == 1 and "everything.ipynb cannot be read: it holds several notebooks" in str(problems)
