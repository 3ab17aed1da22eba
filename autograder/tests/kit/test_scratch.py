"""Files that a test lays out: in memory, with everything that Python's own files do, and no way out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autograder.sandbox.sandbox import Sandbox
from kit import scratch
from kit.far_side import Service
from kit.scratch import Scratch
from kit.student import LocalTransport, Student, StudentError
from kit.wire import WireError, encode

CODE = """
import csv, glob, io, json, os, pickle, shutil
from pathlib import Path
import numpy as np

def go(code):
    names = {}
    exec("def inner():\\n" + "\\n".join("    " + line for line in code.split("\\n")), globals(), names)
    return names["inner"]()
"""
LAID: dict[str, str | bytes] = {"a.txt": "one\ntwo\n", "data/b.bin": b"\x00\xff\r\n", "data/c.csv": "x,y\n1,2\n"}
LEFT = {path: text.encode() if isinstance(text, str) else text for path, text in LAID.items()}


def local() -> Student:
    student = Student(LocalTransport(Service({"__name__": "__main__"}, "tinylib", strict=True)))
    student.load_cell("demo", CODE)
    student.begin(1)
    return student


def live() -> Student:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(CODE, "/tmp/ipykernel_1/2.py", "exec"), namespace)
    return Student(LocalTransport(Service(namespace, "tinylib")))


@pytest.fixture(params=["live", "saved", "worker"])
def student(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Student]:
    monkeypatch.chdir(tmp_path)
    if request.param == "worker":
        sandbox: Sandbox = request.getfixturevalue("sandbox")
        with sandbox.worker() as worker:
            student = Student(worker, call_seconds=30)
            student.load_cell("demo", CODE)
            student.begin(1)
            yield student
    else:
        yield live() if request.param == "live" else local()
    assert list(tmp_path.iterdir()) == []  # nothing of it lay on a disk


READS: dict[str, tuple[str, object]] = {
    "text": ("return open('a.txt').read()", "one\ntwo\n"),
    "lines": ("with open('a.txt') as file: return [line.strip() for line in file]", ["one", "two"]),
    "bytes": ("return list(open('data/b.bin', 'rb').read())", [0, 255, 13, 10]),
    "unbuffered": ("return list(open('data/b.bin', 'rb', buffering=0).read())", [0, 255, 13, 10]),
    "no newline translated": ("return open('data/b.bin', newline='', encoding='latin-1').read()", "\x00ÿ\r\n"),
    "newlines translated": ("return open('data/b.bin', encoding='latin-1').read()", "\x00ÿ\n"),
    "io.open": ("return io.open('a.txt').readline()", "one\n"),
    "a path": ("return Path('a.txt').read_text()", "one\ntwo\n"),
    "bytes of a path": ("return list(Path('data', 'b.bin').read_bytes())", [0, 255, 13, 10]),
    "a path that is joined": ("return (Path('data') / 'c.csv').open().readline()", "x,y\n"),
    "an absolute path": ("return open(os.path.abspath('a.txt')).readline()", "one\n"),
    "a path that is resolved": ("return Path('data/../a.txt').resolve().read_text()", "one\ntwo\n"),
    "csv": ("return [dict(row) for row in csv.DictReader(open('data/c.csv', newline=''))]", [{"x": "1", "y": "2"}]),
    "numpy's text": ("return np.loadtxt('data/c.csv', delimiter=',', skiprows=1).tolist()", [1.0, 2.0]),
    "numpy's other text": ("return np.genfromtxt('data/c.csv', delimiter=',', names=True)['y'].item()", 2.0),
    "seek and tell": ("f = open('a.txt', 'rb')\nf.seek(-4, 2)\nreturn [f.read(), f.tell()][0].decode()", "two\n"),
    "exists": ("return [os.path.exists(n) for n in ('a.txt', 'data', 'none', 'a.txt/x')]", [True, True, False, False]),
    "is a file": ("return [Path(n).is_file() for n in ('a.txt', 'data', 'none')]", [True, False, False]),
    "is a folder": ("return [os.path.isdir(n) for n in ('a.txt', 'data', '.', 'none')]", [False, True, True, False]),
    "a size": ("return [os.path.getsize('a.txt'), Path('data/b.bin').stat().st_size]", [8, 4]),
    "a listing": ("return sorted(os.listdir()) + sorted(os.listdir('data'))", ["a.txt", "data", "b.bin", "c.csv"]),
    "a folder gone through": ("return sorted(str(p) for p in Path('data').iterdir())", ["data/b.bin", "data/c.csv"]),
    "a pattern": ("return sorted(p.name for p in Path('.').glob('*.txt'))", ["a.txt"]),
    "a deep pattern": ("return sorted(p.name for p in Path('.').rglob('*.*'))", ["a.txt", "b.bin", "c.csv"]),
    "glob": ("return sorted(glob.glob('data/*.csv')) + sorted(glob.glob('**/*.bin', recursive=True))",
             ["data/c.csv", "data/b.bin"]),
    "walk": ("return [[top, sorted(names)] for top, _, names in os.walk('.')]",
             [[".", ["a.txt"]], ["./data", ["b.bin", "c.csv"]]]),
    "the folder": ("return [os.getcwd(), str(Path.cwd())]", ["/scratch", "/scratch"]),
    "another folder": ("os.chdir('data')\nreturn open('c.csv').readline() + os.getcwd()", "x,y\n/scratch/data"),
    "the name of a file": ("return open('a.txt').name", "a.txt"),
}  # fmt: skip
WRITES: dict[str, tuple[str, dict[str, bytes]]] = {
    "text": ("with open('n.txt', 'w') as f: f.write('ä\\n')", {"n.txt": "ä\n".encode()}),
    "another encoding": ("Path('n.txt').write_text('ä', encoding='latin-1')", {"n.txt": b"\xe4"}),
    "another newline": ("with open('n.txt', 'w', newline='\\r\\n') as f: f.write('1\\n')", {"n.txt": b"1\r\n"}),
    "over it": ("with open('a.txt', 'w') as f: print('new', file=f)", {"a.txt": b"new\n"}),
    "append": ("with open('a.txt', 'a') as f: f.writelines(['3\\n', '4\\n'])", {"a.txt": b"one\ntwo\n3\n4\n"}),
    "read and write": ("with open('a.txt', 'r+') as f:\n  f.read(3)\n  f.seek(0)\n  f.write('ONE')",
                       {"a.txt": b"ONE\ntwo\n"}),
    "write and read": ("with open('n', 'w+b') as f:\n  f.write(b'12')\n  f.seek(0)\n  assert f.read() == b'12'",
                       {"n": b"12"}),
    "append and read": ("with open('a.txt', 'a+') as f:\n  f.write('x')\n  f.seek(0)\n  assert f.read(3) == 'one'",
                        {"a.txt": b"one\ntwo\nx"}),
    "a new one": ("with open('n', 'x') as f: f.write('1')", {"n": b"1"}),
    "truncate": ("with open('a.txt', 'r+') as f: f.truncate(3)", {"a.txt": b"one"}),
    "a gap": ("with open('n', 'wb') as f:\n  f.seek(3)\n  f.write(b'1')", {"n": b"\0\0\x001"}),
    "not closed": ("global kept\nkept = open('n', 'w')\nkept.write('late')", {"n": b"late"}),
    "not closed nor kept": ("open('n', 'w').write('at once')\nassert open('n').read() == 'at once'", {"n": b"at once"}),
    "csv": ("with open('n.csv', 'w', newline='') as f: csv.writer(f).writerows([[1, 'a,b']])",
            {"n.csv": b'1,"a,b"\r\n'}),
    "json": ("with open('n.json', 'w') as f: json.dump({'a': [1]}, f)\nassert json.load(open('n.json')) == {'a': [1]}",
             {"n.json": b'{"a": [1]}'}),
    "pickle": ("pickle.dump(3, open('n', 'wb'), 0)\nassert pickle.load(open('n', 'rb')) == 3", {"n": b"I3\n."}),
    "numpy's text": ("np.savetxt('n.txt', [[1, 2]], fmt='%d')", {"n.txt": b"1 2\n"}),
    "a folder": ("Path('new').mkdir()\nPath('new/n').touch()", {"new/n": b""}),
    "an empty folder": ("os.makedirs('x/y', exist_ok=True)\nos.makedirs('x/y', exist_ok=True)", {"x/y/": b""}),
    "parents": ("Path('x/y').mkdir(parents=True, exist_ok=True)\nPath('x/y/z').write_bytes(b'1')", {"x/y/z": b"1"}),
    "a copy": ("shutil.copy('a.txt', 'n.txt')", {"n.txt": b"one\ntwo\n"}),
    "a touch": ("Path('a.txt').touch()\nPath('n').touch()", {"n": b""}),
}  # fmt: skip
REMOVES = {
    "remove": ("os.remove('a.txt')", ["data/b.bin", "data/c.csv"]),
    "unlink": ("Path('a.txt').unlink()\nPath('none').unlink(missing_ok=True)", ["data/b.bin", "data/c.csv"]),
    "rename": ("os.rename('a.txt', 'z.txt')", ["data/b.bin", "data/c.csv", "z.txt"]),
    "replace": ("Path('a.txt').replace('data/c.csv')", ["data/b.bin", "data/c.csv"]),
    "move": ("shutil.move('a.txt', 'data/z')", ["data/b.bin", "data/c.csv", "data/z"]),
    "a folder renamed": ("os.rename('data', 'd')", ["a.txt", "d/b.bin", "d/c.csv"]),
    "a folder with all": ("shutil.rmtree('data')", ["a.txt"]),
    "an empty folder": ("os.remove('data/b.bin')\nos.remove('data/c.csv')\nos.rmdir('data')", ["a.txt"]),
}
ERRORS = {
    "not there": ("open('none.txt')", "FileNotFoundError", "No such file"),
    "no folder": ("open('none/a.txt', 'w')", "FileNotFoundError", "No such file"),
    "a file as a folder": ("open('a.txt/b', 'w')", "NotADirectoryError", "Not a directory"),
    "a folder as a file": ("open('data')", "IsADirectoryError", "Is a directory"),
    "there already": ("open('a.txt', 'x')", "FileExistsError", "File exists"),
    "a folder there already": ("os.mkdir('data')", "FileExistsError", "File exists"),
    "a full folder": ("os.rmdir('data')", "OSError", "not empty"),
    "read only": ("open('a.txt').write('x')", "UnsupportedOperation", "not writable"),
    "write only": ("open('n', 'w').read()", "UnsupportedOperation", "not readable"),
    "a strange mode": ("open('a.txt', 'rw')", "ValueError", ""),
    "an encoding of bytes": ("open('a.txt', 'rb', encoding='utf-8')", "ValueError", "binary mode"),
    "no text": ("open('data/b.bin', encoding='utf-8').read()", "UnicodeDecodeError", "invalid start byte"),
    "above": ("open('../a.txt')", "FileNotFoundError", "nothing lies above the folder"),
    "far above": ("open('data/../../../etc/passwd')", "FileNotFoundError", "nothing lies above the folder"),
    "above by its name": ("open('/scratch/../etc/passwd')", "FileNotFoundError", "nothing lies above the folder"),
    "a listing above": ("os.listdir('..')", "FileNotFoundError", "nothing lies above the folder"),
    "a file moved above": ("os.rename('a.txt', '../b.txt')", "FileNotFoundError", "nothing lies above the folder"),
    "a disk": ("open('/no-such-file', 'w')", "OSError", "Read-only file system"),
    "NUL": ("open('a\\0b', 'w')", "ValueError", "embedded null byte"),
    "no name": ("open('', 'w')", "FileNotFoundError", "No such file"),
    "a long name": ("open('x' * 5000, 'w')", "OSError", "File name too long"),
    "a lone surrogate": ("open('\\udc80\\ud800', 'w')", "UnicodeEncodeError", ""),
    "deep folders": ("os.makedirs('/'.join('x' * 100))", "OSError", "File name too long"),
    "thousands of files": ("for n in range(9999): open(str(n), 'w').close()", "OSError", "200 files are there"),
    "thousands of folders": ("for n in range(9999): os.mkdir(str(n))", "OSError", "200 files are there"),
    "a huge file": ("open('n', 'wb', 0).write(bytes(5 << 20))", "OSError", "4 MiB are there"),
    "a huge seek": ("f = open('n', 'wb', 0)\nf.seek(2**40)\nf.write(b'1')", "OSError", "4 MiB are there"),
    "a huge size": ("open('n', 'wb').truncate(2**40)", "OSError", "4 MiB are there"),
    "endless writes": ("with open('n', 'w') as f:\n  while True: f.write('x' * 99999)", "OSError", "4 MiB are there"),
    "a descriptor": ("os.open('a.txt', os.O_RDONLY)", "PermissionError", "use open()"),
}


@pytest.mark.parametrize("name", READS)
def test_files_are_read_as_from_a_disk(student: Student, name: str) -> None:
    code, expected = READS[name]
    student.files(LAID)
    assert student.go(code) == expected
    assert student.written == LEFT


@pytest.mark.parametrize("name", WRITES)
def test_files_are_written_as_to_a_disk(student: Student, name: str) -> None:
    code, expected = WRITES[name]
    student.files(LAID)
    student.go(code)
    assert student.written == LEFT | expected


@pytest.mark.parametrize("name", REMOVES)
def test_files_are_removed_and_moved(student: Student, name: str) -> None:
    code, expected = REMOVES[name]
    student.files(LAID)
    student.go(code)
    assert sorted(student.written) == expected


@pytest.mark.parametrize("name", ERRORS)
def test_what_goes_wrong_goes_wrong_as_on_a_disk_and_within_bounds(student: Student, name: str) -> None:
    code, kind, words = ERRORS[name]
    student.files(LAID)
    with pytest.raises(StudentError) as caught:
        student.go(code)
    assert caught.value.shown == kind and words in caught.value.text
    assert len(student.written) <= 203


@pytest.mark.parametrize("name", ["n.npy", "n.npz"])
def test_numpys_own_files_are_written_and_read(student: Student, name: str) -> None:
    student.files({})
    save = f"np.save('{name}', np.arange(3))" if name == "n.npy" else f"np.savez('{name}', a=np.arange(3))"
    load = f"np.load('{name}')" if name == "n.npy" else f"np.load('{name}')['a']"
    assert student.go(f"{save}\nreturn {load}.tolist()") == [0, 1, 2]
    assert len(student.written[name]) > 100


def test_files_stay_for_the_calls_of_one_test(student: Student) -> None:
    student.files({"a/b.txt": "1", "empty/": ""})
    student.go("open('a/b.txt', 'a').write('2')")
    assert student.go("return open('a/b.txt').read()") == "12"
    assert student.written == {"a/b.txt": b"12", "empty/": b""}
    student.files({"new.txt": ""})
    assert student.go("return os.listdir('.')") == ["new.txt"]
    student.begin(2)
    with pytest.raises(StudentError):
        student.go("return open('new.txt').read()")
    assert student.written == {}


def test_a_file_that_is_kept_open_is_written_on_in_the_next_call(student: Student) -> None:
    student.files({})
    student.go("global kept\nkept = open('log', 'w')\nkept.write('1')")
    assert student.written["log"] == b"1"
    student.go("kept.write('2')")
    assert student.written == {"log": b"12"}
    with pytest.raises(AssertionError, match=r"files: there is no 'out\.txt'"):
        student.written["out.txt"]


def test_where_no_test_lays_files_they_are_refused_as_ever(student: Student) -> None:
    for code, words in (("open('a.txt')", "No such file or directory"), ("open('n', 'w')", "Read-only file system")):
        with pytest.raises(OSError, match=words):
            student.go(code)


def test_threads_that_the_code_starts_see_the_files(student: Student) -> None:
    student.files(LAID)
    code = (
        "import threading\nfound = []\nread = lambda: found.append(open('a.txt').readline())\n"
        "thread = threading.Thread(target=read)\nthread.start()\nthread.join()\nreturn found"
    )
    assert student.go(code) == ["one\n"]


def test_the_file_beside_the_notebook_stays_out_of_reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    monkeypatch.chdir(tmp_path)
    student = local()
    student.files({})
    for path in ("notes.txt", str(tmp_path / "notes.txt")):
        with pytest.raises(OSError, match="No such file or directory"):
            student.go(f"open({path!r})")
    assert (Path("notes.txt").read_text(), os.getcwd()) == ("mine", str(tmp_path))


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"../a": ""}, "cannot be laid out"),
        ({"/etc/a": ""}, "cannot be laid out"),
        ({"a\0": ""}, "cannot be laid out"),
        ({"": ""}, "cannot be laid out"),
        ({"x" * 999: ""}, "cannot be laid out"),
        ({"big": bytes(5 << 20)}, "4 MiB together"),
        ({str(number): "" for number in range(201)}, "200 files"),
    ],
)
def test_a_test_that_lays_out_what_has_no_place_is_told(files: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        local().files(files)


def test_everything_is_as_before_after_a_call() -> None:
    names = ("stat", "listdir", "scandir", "mkdir", "remove", "rename", "getcwd", "chdir", "open")
    before = [getattr(os, name) for name in names]
    folder = Scratch({"a": b"1"})
    patches = folder.enter()
    assert open("a").read() == "1" and all(getattr(os, n) is not old for n, old in zip(names, before, strict=True))
    folder.leave(patches)
    assert [getattr(os, name) for name in names] == before
    with pytest.raises(FileNotFoundError):
        open("a")


GOOD = scratch.packed({"a": b"12", "b": b""})


@pytest.mark.parametrize(
    "change",
    [
        {"paths": ["a"]}, {"paths": ["a", "a"]}, {"paths": ["a", 1]}, {"paths": ["a", ""]}, {"paths": ["a", "x" * 999]},
        {"paths": None}, {"sizes": [1, 0]}, {"sizes": [3, -1]}, {"sizes": [True, 1]}, {"sizes": [2**60, 0]},
        {"sizes": "20"}, {"data": None}, {"data": [1, 2]}, {"paths": ["a"] * 999, "sizes": [0] * 999},
    ],
)  # fmt: skip
def test_forged_files_are_wire_errors(change: dict[str, object]) -> None:
    class Liar:
        def __init__(self, seen: object) -> None:
            self.reply = encode({"status": "ok", "seen": seen, "modes": []})

        def exchange(self, frame: bytes, seconds: float) -> bytes:
            return self.reply

    assert Student(Liar(GOOD)).written == {"a": b"12", "b": b""}
    with pytest.raises(WireError):
        Student(Liar(GOOD | change)).written.clear()
