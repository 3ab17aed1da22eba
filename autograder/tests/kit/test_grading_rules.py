"""The rules of grading at home: what works otherwise, what is refused, and that all is as before afterwards."""

import builtins
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from autograder.tests import what_works
from kit.far_side import Service
from kit.grading_rules import SerialPool, enforced
from kit.student import LocalTransport, Student, StudentError


@pytest.fixture
def student(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Student:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").write_text("beside the notebook")
    return Student(LocalTransport(Service({"__name__": "__main__"}, "torch", strict=True)))


@pytest.mark.filterwarnings("ignore")  # a student's code may warn
@pytest.mark.parametrize("name", what_works.WORKS)
def test_what_works_at_grading_works_in_the_check_at_home(name: str, student: Student) -> None:
    assert what_works.result(student, what_works.WORKS[name]).tolist() == [[2, 2], [2, 2]]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", what_works.REFUSED)
def test_what_is_refused_at_grading_fails_in_the_same_words_at_home(name: str, student: Student) -> None:
    code, kind, words = what_works.REFUSED[name]
    with pytest.raises(StudentError) as caught:
        what_works.result(student, code)
    assert caught.value.shown == kind and words in caught.value.text


def test_afterwards_everything_is_as_before() -> None:
    things = [(builtins, "open"), (builtins, "input"), (os, "fork"), (torch, "compile"), (subprocess.Popen, "__init__")]
    before = [getattr(owner, name) for owner, name in things]
    with enforced():
        assert all(getattr(owner, name) is not old for (owner, name), old in zip(things, before, strict=True))
    assert [getattr(owner, name) for owner, name in things] == before
    assert not hasattr(builtins, "display")


def test_files_outside_the_working_folder_are_not_written_either(student: Student) -> None:
    with pytest.raises(StudentError, match="Read-only file system"):
        what_works.result(student, "from pathlib import Path\ndef go(x): Path('/no-such-file').write_text('2')")
    assert not Path("/no-such-file").exists()


def test_a_call_may_be_the_first_that_needs_torchs_compiler_or_matplotlib(tmp_path: Path) -> None:
    """Both look for folders and caches when they are imported, here for the first time in a process of its own."""
    code = (
        "import torch\nfrom kit.grading_rules import enforced\n"
        "with enforced():\n"
        "    import matplotlib.pyplot as plt\n"
        "    plt.figure().canvas.draw()\n"
        "    import torch._dynamo\n"
        "    torch.optim.AdamW([torch.ones(2, requires_grad=True)]).step()\n"
        "    torch.ones(2, 2, device='meta') @ torch.ones(2, 2, device='meta')\n"
        "    import asyncio, multiprocessing, sqlite3, http.client, logging.handlers, torch.utils.data\n"
    )
    environment = os.environ | {"MPLCONFIGDIR": str(tmp_path), "MPLBACKEND": "Agg"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_other_threads_go_on_writing_and_connecting(tmp_path: Path) -> None:
    def work() -> list[str]:
        (tmp_path / "log").write_text("saved")
        (tmp_path / "log").rename(tmp_path / "other")
        for end in socket.socketpair():
            end.close()
        return [path.name for path in tmp_path.iterdir()]

    with ThreadPoolExecutor(1) as pool, enforced():
        assert pool.submit(work).result() == ["other"]


def test_the_kit_reads_its_own_files_meanwhile() -> None:
    with enforced():
        assert Path(torch.__file__).read_text() and Path(what_works.__file__).read_text()


def test_a_pool_has_the_methods_that_are_used() -> None:
    seen: list[int] = []
    with SerialPool(2, seen.append, (7,)) as pool:
        assert seen == [7]
        assert pool.map(abs, [-1, 2]) == list(pool.imap(abs, [-1, 2])) == pool.starmap(max, [(0, 1), (2, 1)])
        assert pool.apply(abs, (-3,)) == pool.apply_async(abs, (-3,)).get(timeout=1) == 3
        later = pool.map_async(abs, [-1])
        assert later.ready() and later.successful() and later.get() == [1]
    pool.join()
