import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from threading import Thread

import nbformat
import pytest
from click.testing import CliRunner
from nbclient import NotebookClient

from autograder.assignment.load import load_assignment
from autograder.build import build, release_files
from autograder.build.every_problem import with_every_problem
from autograder.cli.main import commands
from autograder.errors import BadInput, CourseError, EditedByHand, Stale
from autograder.tests import tiny
from kit.manifest import Manifest

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tiny.write(tmp_path)
    return tmp_path


@pytest.fixture
def built(root: Path) -> Path:
    build.build(tiny.NAME, root)
    return root


def release(root: Path) -> Path:
    return root / "release" / tiny.NAME


def snapshot(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def cells(path: Path) -> dict[str, nbformat.NotebookNode]:
    return {cell.id: cell for cell in nbformat.read(path, as_version=4).cells}


def test_the_release_holds_notebook_library_kit_tests_data_and_handout(built):
    found = {path.relative_to(release(built)).as_posix() for path in release(built).rglob("*") if path.is_file()}
    wanted = {
        tiny.NOTEBOOK, "tinylib/shapes.py", "kit/manifest.py", "tests/manifest.json",
        "tests/scaling/test_public.py", "tests/scaling/test_helpers.py",
        "data/numbers.txt", "handout.md", "requirements.txt",
    }  # fmt: skip
    assert wanted <= found
    assert not [path for path in found if "hidden" in path or "wrong" in path or "right" in path or "rubric" in path]


def test_source_holds_notebooks_and_nothing_else(built):
    assert [path.name for path in (built / "source" / tiny.NAME).iterdir()] == [tiny.NOTEBOOK]


def test_building_leaves_no_gradebook_and_no_stray_file(built):
    assert {path.name for path in built.iterdir()} == {"assignments", "source", "release", ".autograder"}
    assert [path.name for path in (built / ".autograder").iterdir()] == ["tinyset.written.json"]


def test_a_rebuild_is_byte_identical(built, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    tiny.write(elsewhere)
    build.build(tiny.NAME, elsewhere)
    assert snapshot(elsewhere / "release") == snapshot(built / "release")
    assert snapshot(elsewhere / "source") == snapshot(built / "source")


def test_a_second_build_touches_nothing(built):
    before = {path: path.stat().st_mtime_ns for path in built.rglob("*") if path.is_file()}
    _, changes = build.build(tiny.NAME, built)
    assert changes == []
    assert {path: path.stat().st_mtime_ns for path in built.rglob("*") if path.is_file()} == before


def test_stubs_keep_signature_and_docstring_and_name_their_exercise(built):
    source = cells(release(built) / tiny.NOTEBOOK)["tiny-scale"].source
    assert source == (
        "def scale(values: Tensor, factor: float) -> Tensor:\n"
        '    """Multiply values (B, D) by a factor. Raises ValueError where the factor is negative."""\n'
        '    raise NotImplementedError("tiny-scale: write this function")'
    )


def test_each_method_of_a_class_gets_its_own_stub(built):
    source = cells(release(built) / tiny.NOTEBOOK)["tiny-scaler"].source
    assert source.count('        raise NotImplementedError("tiny-scaler: write this function")') == 2


def test_nbgrader_sees_solution_check_answer_and_locked_cells(built):
    found = cells(release(built) / tiny.NOTEBOOK)
    flags = {
        name: tuple(cell.metadata.nbgrader[key] for key in ("solution", "grade", "locked"))
        for name, cell in found.items()
        if "nbgrader" in cell.metadata
    }
    assert flags == {
        "setup": (False, False, True),
        "given-1": (False, False, True),
        "given-2": (False, False, True),
        "tiny-scale": (True, False, False),
        "tiny-scale-check": (False, True, True),
        "tiny-scaler": (True, False, False),
        "tiny-scaler-check": (False, True, True),
        "tiny-why": (True, True, False),
    }
    points = {name: cell.metadata.nbgrader.get("points") for name, cell in found.items() if name in flags}
    assert (points["tiny-scale-check"], points["tiny-scaler-check"], points["tiny-why"]) == (3, 2, 1)


def test_locked_cells_cannot_be_edited_in_the_release(built):
    found = cells(release(built) / tiny.NOTEBOOK)
    assert all(found[name].metadata.editable is False for name in ("setup", "given-1", "tiny-scale-check"))


@pytest.mark.parametrize("folder", ["source", "release"])
def test_notebooks_are_valid_and_carry_kernel_and_kit_metadata(built, folder):
    text = (built / folder / tiny.NAME / tiny.NOTEBOOK).read_text()
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.metadata.kit == {"assignment": tiny.NAME, "problem": "scaling", "version": "1.0"}
    assert "lines_to_next_cell" not in text
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)


def test_the_manifest_in_the_release_is_the_staff_side_manifest(built):
    shipped = Manifest.read(release(built) / "tests" / "manifest.json")
    assert shipped == load_assignment(tiny.NAME, built).manifest


def test_every_solution_region_of_the_source_carries_a_canary_and_the_release_none(built):
    source = (built / "source" / tiny.NAME / tiny.NOTEBOOK).read_text()
    assert [f"{tiny.CANARY}:{region}" in source for region in ("tiny-scale:1", "tiny-scaler:1", "tiny-scaler:2")] == [
        True, True, True,
    ]  # fmt: skip
    assert not [name for name, data in snapshot(release(built)).items() if tiny.CANARY.encode() in data]


def test_building_stamps_hidden_tests_with_the_canary_once(built):
    text = (built / "assignments" / tiny.NAME / "scaling" / "test_hidden.py").read_text()
    assert text.startswith(f"# {tiny.CANARY}: not to be published\n")
    build.build(tiny.NAME, built)
    assert text.count(tiny.CANARY) == 1


def test_check_fails_where_a_hidden_test_lost_its_canary(built):
    tiny.edit(
        built / "assignments" / tiny.NAME, "scaling/test_hidden.py", f"# {tiny.CANARY}: not to be published\n", ""
    )
    with pytest.raises(Stale, match=r"test_hidden\.py lacks its canary line\. Run: autograder build tinyset"):
        build.check(tiny.NAME, built)


def test_a_model_answer_is_cut_out_of_the_release(root):
    folder = root / "assignments" / tiny.NAME
    tiny.edit(folder, "scaling/notebook.py", "# *Your answer here.*", "# Because autograd follows the product.")
    build.build(tiny.NAME, root)
    assert cells(release(root) / tiny.NOTEBOOK)["tiny-why"].source == "*Your answer here.*"
    assert "autograd follows" in cells(root / "source" / tiny.NAME / tiny.NOTEBOOK)["tiny-why"].source


def test_pycache_and_checkpoints_stay_at_home(root):
    for name in ("tinylib/__pycache__/shapes.cpython-311.pyc", "data/.ipynb_checkpoints/x.ipynb"):
        path = root / "assignments" / tiny.NAME / name
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x")
    build.build(tiny.NAME, root)
    assert not [name for name in snapshot(release(root)) if "__pycache__" in name or "checkpoint" in name]


def test_a_missing_handout_is_named(root):
    (root / "assignments" / tiny.NAME / "handout.md").unlink()
    with pytest.raises(CourseError, match=r"assignments/tinyset/handout\.md is missing"):
        build.build(tiny.NAME, root)


def test_the_handout_tells_the_points_of_the_problem_files(built):
    text = (release(built) / "handout.md").read_text()
    assert (
        "| `tiny-scale` | 3 | checks |\n| `tiny-scaler` | 2 | checks |\n| `tiny-why` | 1 | a person |\n| all | 6 | |"
        in text
    )
    assert "{{" not in text


def test_check_passes_on_fresh_products_and_writes_nothing(built):
    before = snapshot(built)
    build.check(tiny.NAME, built)
    assert snapshot(built) == before


def test_check_names_the_stale_notebook_its_source_and_the_repair(built):
    tiny.edit(built / "assignments" / tiny.NAME, "scaling/notebook.py", "# Two exercises", "# A pair of exercises")
    before = snapshot(built)
    with pytest.raises(Stale) as caught:
        build.check(tiny.NAME, built)
    wanted = (
        "release/tinyset/1_scaling.ipynb is not what assignments/tinyset/scaling builds. Run: autograder build tinyset"
    )
    assert wanted in str(caught.value).splitlines()
    assert snapshot(built) == before


@pytest.mark.parametrize("name", ["handout.md", "tests/manifest.json", tiny.NOTEBOOK])
def test_check_names_a_missing_product(built, name):
    (release(built) / name).unlink()
    with pytest.raises(Stale, match=f"release/tinyset/{name} is missing"):
        build.check(tiny.NAME, built)


@pytest.mark.parametrize(
    "name", ["tinylib/shapes.py", "kit/manifest.py", "data/numbers.txt", "tests/scaling/test_public.py"]
)
def test_check_misses_no_copy_that_git_does_not_keep(built, name):
    (release(built) / name).unlink()
    build.check(tiny.NAME, built)


@pytest.mark.parametrize(
    "name", ["tinylib/shapes.py", "kit/manifest.py", "data/numbers.txt", "tests/scaling/test_public.py"]
)
def test_check_names_a_copy_that_differs(built, name):
    (release(built) / name).write_text("# changed\n")
    with pytest.raises(Stale, match=f"release/tinyset/{name} was edited by hand"):
        build.check(tiny.NAME, built)


def test_git_keeps_what_a_build_writes_anew_and_ignores_every_copy(built):
    made = build.make(load_assignment(tiny.NAME, built))
    subprocess.run(["git", "init", "-q"], cwd=built, check=True)
    shutil.copy(REPOSITORY / ".gitignore", built)
    command = ["git", "check-ignore", "--stdin"]
    listed = subprocess.run(command, cwd=built, input="\n".join(made.files), capture_output=True, text=True).stdout
    assert set(listed.split()) == made.copies


def test_check_names_a_product_edited_by_hand(built):
    (release(built) / "handout.md").write_text("better words\n")
    with pytest.raises(Stale, match=r"release/tinyset/handout\.md was edited by hand.*--force"):
        build.check(tiny.NAME, built)


def test_a_product_edited_by_hand_is_not_overwritten_but_shown(built):
    (release(built) / "handout.md").write_text("better words\n")
    tiny.edit(built / "assignments" / tiny.NAME, "scaling/notebook.py", "# Two exercises", "# A pair of exercises")
    before = snapshot(built)
    with pytest.raises(EditedByHand) as caught:
        build.build(tiny.NAME, built)
    assert "+better words" in str(caught.value)
    assert "autograder build tinyset --force" in str(caught.value)
    assert snapshot(built) == before


def test_force_overwrites_what_was_edited_by_hand(built):
    (release(built) / "handout.md").write_text("better words\n")
    build.build(tiny.NAME, built, force=True)
    assert "better words" not in (release(built) / "handout.md").read_text()
    build.check(tiny.NAME, built)


def test_a_file_that_someone_laid_into_the_release_is_not_swept_away(built):
    (release(built) / "notes.txt").write_text("mine\n")
    with pytest.raises(EditedByHand, match=r"notes\.txt"):
        build.build(tiny.NAME, built)


def test_a_product_that_the_sources_no_longer_make_goes(built):
    (built / "assignments" / tiny.NAME / "data" / "numbers.txt").unlink()
    build.build(tiny.NAME, built)
    assert not (release(built) / "data" / "numbers.txt").exists()


def test_a_build_that_was_killed_between_its_renames_is_finished_by_the_next(built):
    tiny.edit(built / "assignments" / tiny.NAME, "scaling/notebook.py", "# Two exercises", "# A pair of exercises")
    fresh = build.make(load_assignment(tiny.NAME, built)).files
    path = f"source/{tiny.NAME}/{tiny.NOTEBOOK}"
    (built / path).write_bytes(fresh[path])  # source is in place, release and record are not
    build.build(tiny.NAME, built)
    build.check(tiny.NAME, built)


def test_a_damaged_build_record_is_named(built):
    (built / "source" / f"{tiny.NAME}.build.json").write_text("{")
    with pytest.raises(BadInput, match=r"source/tinyset\.build\.json is damaged"):
        build.build(tiny.NAME, built)


def test_a_failing_build_leaves_the_old_products(built):
    before = snapshot(built / "release") | snapshot(built / "source")
    tiny.edit(built / "assignments" / tiny.NAME, "scaling/problem.toml", "points = 3", "points = -3")
    with pytest.raises(CourseError):
        build.build(tiny.NAME, built)
    assert snapshot(built / "release") | snapshot(built / "source") == before


def test_the_command_reports_what_changed_and_check_agrees(root, monkeypatch):
    monkeypatch.chdir(root)
    first = CliRunner().invoke(commands, ["build", tiny.NAME])
    assert first.exit_code == 0
    assert "new      release/tinyset/1_scaling.ipynb" in first.output
    again = CliRunner().invoke(commands, ["build", tiny.NAME])
    assert "everything was up to date" in again.output
    assert CliRunner().invoke(commands, ["build", tiny.NAME, "--check"]).exit_code == 0


def test_an_error_to_fix_ends_the_command_with_its_own_exit_code(tmp_path):
    command = [sys.executable, "-m", "autograder", "build", "nosuch"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == BadInput.exit_code
    assert done.stderr.startswith("Error: no assignment 'nosuch' here")
    assert "Traceback" not in done.stderr


# --- the release on its own ---------------------------------------------------------------------------------------


def run_alone(code: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run code with nothing of this repository on the path: only the standard library and installed packages."""
    engine = str(Path(build.__file__).parents[2])
    block = (
        f"import sys; sys.path[:] = ['', *[p for p in sys.path if p not in ('', {engine!r})]]\n"
        "sys.meta_path[:] = [finder for finder in sys.meta_path if '__editable__' not in repr(finder)]\n"
    )
    return subprocess.run([sys.executable, "-c", block + code], cwd=cwd, capture_output=True, text=True)


def test_kit_and_library_are_imported_from_the_release_itself(built):
    code = "import kit.manifest, tinylib.shapes; print(kit.manifest.__file__, tinylib.shapes.__file__, sep='\\n')"
    done = run_alone(code, release(built))
    assert done.stderr == ""
    assert [str(release(built)) in line for line in done.stdout.splitlines()] == [True, True]


def test_pytest_in_the_release_says_which_function_to_write(built):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=release(built), capture_output=True, text=True)
    assert done.returncode == 1
    lines = done.stdout.splitlines()  # the summary's lines begin with FAILED
    assert sum(line.startswith("tiny-scale: write this function") for line in lines) == 2
    assert sum(line.startswith("tiny-scaler: write this function") for line in lines) == 1
    assert "3 failed" in done.stdout


# --- the set-up cell ----------------------------------------------------------------------------------------------


def setup_code(root: Path) -> str:
    return cells(release(root) / tiny.NOTEBOOK)["setup"].source


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def address(tmp_path_factory):
    """A folder served at a local address."""
    folder = tmp_path_factory.mktemp("served")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def online(root, address):
    """The tiny set, built to fetch its archive from a local address where the archive lies."""
    folder, url = address
    tiny.edit(root / "assignments" / tiny.NAME, "assignment.toml", 'url = ""', f'url = "{url}/tinyset-1.0.zip"')
    made, _ = build.build(tiny.NAME, root)
    build.write_archive(made, folder)
    return root


SHOW = "\nfind = importlib.util.find_spec\nprint(find('tinylib').origin, find('kit').origin, os.getcwd(), sep='\\n')"


@pytest.mark.parametrize("folder", ["source", "release"])
def test_the_title_stands_first_and_the_set_up_cell_directly_after_it(built, folder):
    title, setup = list(cells(built / folder / tiny.NAME / tiny.NOTEBOOK).values())[:2]
    assert title.source.startswith("# 1. Scaling") and setup.id == "setup"
    first = load_assignment(tiny.NAME, built).manifest.notebooks[0]
    assert [cell.id for cell in first.cells[:2]] == [
        title.id,
        "setup",
    ]


def test_without_a_title_the_set_up_cell_stands_first(root):
    tiny.edit(root / "assignments" / tiny.NAME, f"{tiny.PROBLEM}/notebook.py", "# # Scaling\n", "# Scaling\n")
    build.build(tiny.NAME, root)
    assert next(iter(cells(release(root) / tiny.NOTEBOOK))) == "setup"


def test_a_notebook_on_its_own_fetches_and_unpacks_the_archive(online, tmp_path_factory):
    alone = tmp_path_factory.mktemp("colab")
    done = run_alone(setup_code(online) + SHOW, alone)
    assert done.stderr == ""
    assert all(line.startswith(str(alone / "tinyset-1.0-")) for line in done.stdout.splitlines())
    unpacked = next(alone.iterdir())
    assert snapshot(unpacked) == {k: v for k, v in snapshot(release(online)).items() if not k.endswith(".ipynb")}


def test_the_first_cell_fetches_nothing_a_second_time(online, address, tmp_path_factory):
    alone = tmp_path_factory.mktemp("colab")
    assert run_alone(setup_code(online), alone).returncode == 0
    (address[0] / "tinyset-1.0.zip").unlink()
    assert run_alone(setup_code(online) + SHOW, alone).stderr == ""


def test_an_archive_of_the_wrong_hash_is_refused_and_not_unpacked(online, address, tmp_path_factory):
    alone = tmp_path_factory.mktemp("colab")
    path = address[0] / "tinyset-1.0.zip"
    path.write_bytes(path.read_bytes() + b"\0")
    done = run_alone(setup_code(online), alone)
    assert "is not what version 1.0 expects" in done.stderr
    assert list(alone.iterdir()) == []


def test_a_missing_archive_or_network_is_told_in_plain_words(online, address, tmp_path_factory):
    alone = tmp_path_factory.mktemp("colab")
    (address[0] / "tinyset-1.0.zip").unlink()
    done = run_alone(setup_code(online), alone)
    assert "RuntimeError: Could not fetch http://127.0.0.1" in done.stderr
    assert "Go online, or upload tinyset-1.0.zip beside this notebook, and run this cell again." in done.stderr
    assert list(alone.iterdir()) == []


def test_beside_its_folder_the_first_cell_does_nothing(online):
    before = snapshot(release(online))
    assert run_alone(setup_code(online), release(online)).stderr == ""
    assert {k: v for k, v in snapshot(release(online)).items() if "__pycache__" not in k} == before


def test_without_an_address_the_first_cell_asks_for_the_folder(built, tmp_path_factory):
    done = run_alone(setup_code(built), tmp_path_factory.mktemp("alone"))
    assert "RuntimeError: This notebook needs the folder it came in" in done.stderr


@pytest.fixture
def alone(tmp_path_factory):
    """An empty folder, far from any release."""
    return tmp_path_factory.mktemp("alone")


def packed(built: Path, path: Path, top: str = "", leave_out: str = "", version: str = "1.0") -> Path:
    """A zip file of the release as somebody makes it by hand, notebooks included."""
    with zipfile.ZipFile(path, "w") as stream:
        for file in sorted(release(built).rglob("*")):
            name = file.relative_to(release(built)).as_posix()
            if file.is_file() and not (leave_out and name.endswith(leave_out)):
                data = file.read_bytes()
                stream.writestr(top + name, data.replace(b'"version": "1.0"', f'"version": "{version}"'.encode()))
    return path


@pytest.mark.parametrize("top", ["", "tinyset/", "a/b/"])
def test_an_uploaded_zip_is_found_and_unpacked_without_its_notebooks(built, alone, top):
    packed(built, alone / "anything.zip", top)
    (alone / "a.zip").write_bytes(b"no zip")
    done = run_alone(setup_code(built) + SHOW, alone)
    assert done.stderr == "" and "a.zip is not used" in done.stdout
    assert all(line.startswith(str(alone / "tinyset-1.0-")) for line in done.stdout.splitlines()[1:])
    assert not list(alone.rglob("*.ipynb"))
    assert run_alone(setup_code(built) + SHOW, alone).stderr == ""


@pytest.mark.parametrize("folder", ["", "course"])
def test_a_zip_on_drive_is_found_and_unpacked_there_so_that_weights_survive(built, alone, folder):
    drive, here = alone / "content" / "drive" / "MyDrive" / folder, alone / "here"
    drive.mkdir(parents=True)
    here.mkdir()
    packed(built, drive / "tinyset-1.0.zip")
    code = setup_code(built).replace("/content", (alone / "content").as_posix())
    done = run_alone(code + SHOW, here)
    assert done.stderr == "" and all(str(drive) in line for line in done.stdout.splitlines())
    (drive / "tinyset-1.0.zip").unlink()
    assert run_alone(code + SHOW, here).stderr == "" and not list(here.iterdir())


@pytest.mark.parametrize("change", [{"version": "0.9"}, {"leave_out": "shapes.py"}, {"leave_out": "manifest.json"}])
def test_a_zip_of_another_version_or_with_files_missing_is_refused_by_name(built, alone, change):
    packed(built, alone / "old.zip", **change)
    done = run_alone(setup_code(built), alone)
    assert "old.zip is not used: " in done.stdout and "upload tinyset-1.0.zip" in done.stderr
    assert [path.name for path in alone.iterdir()] == ["old.zip"]


def test_a_notebook_beside_the_unpacked_folder_is_told_to_move_there(built, alone):
    shutil.copytree(release(built), alone / "tinylib")  # unpacked under the library's own name
    done = run_alone(setup_code(built), alone)
    assert f"The course's files are in {alone / 'tinylib'}: move this notebook there." in done.stderr


def test_any_other_folder_of_the_librarys_name_does_not_pass_for_it(built, alone):
    (alone / "tinylib").mkdir()
    assert "This notebook needs the folder it came in" in run_alone(setup_code(built), alone).stderr
    (alone / "tinylib" / "__init__.py").write_text("")
    (alone / "kit").mkdir()
    (alone / "kit" / "__init__.py").write_text("")
    assert f"{alone} lacks tinylib/shapes.py: unpack the course's files once more" in (
        run_alone(setup_code(built), alone).stderr
    )


def test_without_torch_the_set_up_cell_names_the_interpreter_before_anything_imports_it(built):
    done = subprocess.run(
        [sys.executable, "-S", "-c", setup_code(built)], cwd=release(built), capture_output=True, text=True
    )
    said = f"Not installed for this notebook's Python, {sys.executable}: torch, numpy, matplotlib"
    assert said in done.stderr and "Choose the kernel" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("way", ["address", "zip"])
def test_a_notebook_that_is_executed_alone_in_an_empty_folder_finds_everything(online, address, alone, way):
    notebook = nbformat.read(release(online) / tiny.NOTEBOOK, as_version=4)
    if way == "zip":
        (address[0] / "tinyset-1.0.zip").rename(alone / "tinyset-1.0.zip")
    notebook.cells.append(nbformat.v4.new_code_cell("print(os.getcwd(), width(torch.zeros(2, 3)))"))
    NotebookClient(notebook, timeout=120, allow_errors=True, resources={"metadata": {"path": str(alone)}}).execute()
    assert notebook.cells[-1].outputs[0]["text"].startswith(str(alone / "tinyset-1.0-"))
    assert "is not written yet" in str([cell.get("outputs") for cell in notebook.cells])


def test_the_handout_tells_what_assignment_toml_says_and_build_names_what_is_empty(root, monkeypatch):
    folder = root / "assignments" / tiny.NAME
    tiny.edit(folder, "handout.md", "{{points}}", "{{course}}\n\n{{points}}")
    tiny.edit(folder, "assignment.toml", "extra = []", 'extra = []\nhand_in = "Moodle"\nlate = "2 points a day"')
    monkeypatch.chdir(root)
    said = CliRunner().invoke(commands, ["build", tiny.NAME]).output
    assert (
        f"Empty in assignments/{tiny.NAME}/assignment.toml, so the handout cannot say it: questions, collaboration"
        in said
    )
    text = (release(root) / "handout.md").read_text(encoding="utf-8")
    assert "| Due | Wednesday 01 January 2020, 00:00 UTC |" in text and "| Hand in at | Moodle |" in text
    assert "| After the deadline | 2 points a day |" in text and "| Ask at | your course tells you |" in text


def test_the_handout_lists_the_steps_of_every_preset(root):
    folder = root / "assignments" / tiny.NAME
    tiny.edit(folder, "handout.md", "{{points}}", "{{presets}}\n\n{{points}}")
    tiny.edit(
        folder, f"{tiny.PROBLEM}/problem.toml", 'title = "Scaling"', 'title = "Scaling"\n[preset.small]\nsteps = 1400'
    )
    build.build(tiny.NAME, root)
    text = (release(root) / "handout.md").read_text(encoding="utf-8")
    assert "| Notebook | `small` |" in text and "| Scaling | 1,400 steps |" in text


def test_no_file_for_students_names_the_scripts_that_only_staff_have():
    course = with_every_problem("ps3", Path(__file__).resolve().parents[3])
    files = release_files.copies(course) | release_files.written(course)
    files |= {str(problem.folder): (problem.folder / "notebook.py").read_bytes() for problem in course.problems}
    assert files and not [path for path, data in files.items() if b"data_scripts" in data]


def test_the_archive_holds_no_notebook_and_is_deterministic(online):
    made = build.make(load_assignment(tiny.NAME, online))
    names = zipfile.ZipFile(BytesIO(made.archive)).namelist()
    assert "tests/manifest.json" in names
    assert not [name for name in names if name.endswith(".ipynb")]
    assert hashlib.sha256(made.archive).hexdigest() in setup_code(online)
    support = release_files.copies(made.assignment) | release_files.written(made.assignment)
    assert release_files.support_archive(dict(reversed(support.items()))) == made.archive


def test_a_strange_release_address_is_refused(root):
    tiny.edit(root / "assignments" / tiny.NAME, "assignment.toml", 'url = ""', 'url = "ftp://example.org/x.zip"')
    with pytest.raises(CourseError, match="release_url"):
        load_assignment(tiny.NAME, root)


def test_the_record_lists_every_product_with_its_hash(built):
    record = json.loads((built / "source" / f"{tiny.NAME}.build.json").read_text())["files"]
    products = snapshot(built / "release") | snapshot(built / "source" / tiny.NAME)
    assert len(record) == len(products)
    path = release(built) / "handout.md"
    assert record["release/tinyset/handout.md"] == hashlib.sha256(path.read_bytes()).hexdigest()


def test_what_the_grader_has_is_told_in_handout_requirements_set_up_and_manifest(root):
    path = root / "assignments" / tiny.NAME / "assignment.toml"
    path.write_text(path.read_text() + 'python = "3.12"\ntorch = "2.9"\npackages = ["einops", "tqdm"]\n')
    handout_path = path.with_name("handout.md")
    handout_path.write_text(handout_path.read_text() + "\n{{grader}}\n")
    build.build(tiny.NAME, root)
    said = "Python 3.12 and torch 2.9. Code may import Python's own library, torch, numpy, matplotlib, tinylib, einops"
    assert said in (release(root) / "handout.md").read_text().replace("\n", " ")
    optional = "# Optional: the grader has these too, and no others.\n# einops\n# tqdm\n"
    assert (release(root) / "requirements.txt").read_text().endswith(optional)
    cells = json.loads((release(root) / tiny.NOTEBOOK).read_text())["cells"]
    setup = "".join(next(cell for cell in cells if cell["id"] == "setup")["source"])
    assert said in setup.replace("\n# ", " ") and "{" not in setup.splitlines()[1]
    manifest = Manifest.read(release(root) / "tests" / "manifest.json")
    assert (manifest.python, manifest.torch, manifest.packages) == ("3.12", "2.9", ("einops", "tqdm"))
