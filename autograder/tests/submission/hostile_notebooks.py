"""Hostile notebook files: one writer each, and what must be true of them after reading.

`write(case, folder, file, notebook)` lays a submission down: `notebook` is a released notebook as JSON, `file` its
name. Beside the folder lies a file with SECRET, which must never be read. hostile_folders.py adds to `CASES`.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECRET = "secret-of-another-file-5f1c"
SCRIPT = "<script>document.title='taken'</script>"


@dataclass(frozen=True)
class Scene:
    """Where a writer works: the submission's folder, the notebook's name and content, and a file out of bounds."""

    folder: Path
    file: str
    notebook: dict[str, Any]
    secret: Path

    @property
    def path(self) -> Path:
        return self.folder / self.file

    def save(self, notebook: Any = None) -> None:
        self.path.write_text(json.dumps(self.notebook if notebook is None else notebook), encoding="utf-8")

    def cells(self, *, solution: bool, grade: bool) -> list[dict[str, Any]]:
        """The graded cells with these nbgrader settings."""
        graded = [cell for cell in self.notebook["cells"] if "nbgrader" in cell["metadata"]]
        settings = [cell["metadata"]["nbgrader"] for cell in graded]
        return [
            cell
            for cell, found in zip(graded, settings, strict=True)
            if (found["solution"], found["grade"]) == (solution, grade)
        ]

    @property
    def exercises(self) -> list[dict[str, Any]]:
        return self.cells(solution=True, grade=False)

    @property
    def checks(self) -> list[dict[str, Any]]:
        return self.cells(solution=False, grade=True)

    def delete(self, cells: list[dict[str, Any]]) -> None:
        gone = {cell["id"] for cell in cells}
        self.notebook["cells"] = [cell for cell in self.notebook["cells"] if cell["id"] not in gone]


@dataclass(frozen=True)
class Case:
    """accepted: the notebook goes on to grading. noted: this stands in the notes. unchanged: nbgrader may follow."""

    name: str
    write: Callable[[Scene], None]
    accepted: bool
    noted: str
    unchanged: bool


CASES: list[Case] = []


def case(*, accepted: bool, noted: str = "", unchanged: bool = False) -> Callable[[Any], Any]:
    """Register a writer, with what must come of its submission."""

    def register(write: Callable[[Scene], None]) -> Callable[[Scene], None]:
        CASES.append(Case(write.__name__, write, accepted, noted, unchanged))
        return write

    return register


def write(chosen: Case, folder: Path, file: str, notebook: dict[str, Any]) -> Scene:
    """Lay one hostile submission down in `folder`, which is made."""
    folder.mkdir(parents=True)
    secret = folder.parent / "secret.ipynb"
    stolen = {"cell_type": "code", "metadata": {}, "source": SECRET, "outputs": []}
    secret.write_text(json.dumps(notebook | {"cells": [stolen, *notebook["cells"]]}))
    scene = Scene(folder, file, _with_a_remark(notebook), secret)
    chosen.write(scene)
    return scene


def _with_a_remark(notebook: dict[str, Any]) -> dict[str, Any]:
    """A copy in which the student wrote something: beside an untouched notebook much else may be the work."""
    remark = {"id": "remark", "cell_type": "markdown", "metadata": {}, "source": "I worked alone."}
    return copy.deepcopy(notebook) | {"cells": [*copy.deepcopy(notebook["cells"]), remark]}


# --- cells ----------------------------------------------------------------------------------------------------------


@case(accepted=True, noted="the course's own points and settings are used")
def inflated_points(scene: Scene) -> None:
    for cell in scene.checks:
        cell["metadata"]["nbgrader"]["points"] = 1e9
    scene.save()


@case(accepted=True, noted="the course's own points and settings are used")
def points_that_are_no_numbers(scene: Scene) -> None:
    for cell, points in zip(scene.checks, ("nan", {"a": 1}), strict=False):
        cell["metadata"]["nbgrader"]["points"] = points
    scene.save()


@case(accepted=True, noted="locked cells were altered", unchanged=True)
def altered_locked_cells(scene: Scene) -> None:
    for cell in [*scene.checks, *scene.cells(solution=False, grade=False)]:
        cell["source"] = "print('100 points')"
    scene.save()


@case(accepted=True, noted="the course's own points and settings are used")
def checks_turned_into_solutions(scene: Scene) -> None:
    for cell in scene.checks:
        cell["metadata"]["nbgrader"] |= {"solution": True, "locked": False}
        cell["source"] = "print('all passed')"
    scene.save()


@case(accepted=True, noted="claim to be graded")
def graded_cells_of_its_own(scene: Scene) -> None:
    made = copy.deepcopy(scene.checks[0])
    made["metadata"]["nbgrader"] |= {"grade_id": "bonus", "points": 500}
    scene.notebook["cells"].append(made | {"id": "bonus"})
    scene.save()


@case(accepted=True)
def duplicated_solution_cells(scene: Scene) -> None:
    scene.notebook["cells"] += copy.deepcopy(scene.exercises)
    scene.save()


@case(accepted=True, noted="appears 3 times")
def duplicated_check_cells(scene: Scene) -> None:
    scene.notebook["cells"] += copy.deepcopy(scene.checks) * 2
    scene.save()


@case(accepted=True)
def deleted_solution_cells(scene: Scene) -> None:
    scene.delete(scene.exercises)
    scene.save()


@case(accepted=True, noted="deleted cells")
def deleted_check_cells(scene: Scene) -> None:
    scene.delete(scene.checks)
    scene.save()


@case(accepted=True, noted="in another order")
def reordered_cells(scene: Scene) -> None:
    scene.notebook["cells"].reverse()
    scene.save()


@case(accepted=True, noted="of another type")
def cells_of_another_type(scene: Scene) -> None:
    for cell in scene.notebook["cells"]:
        cell["cell_type"] = "markdown" if cell["cell_type"] == "code" else "code"
    scene.save()


@case(accepted=True, unchanged=True)
def emptied_cells(scene: Scene) -> None:
    for cell in scene.exercises:
        cell["source"] = ""
    scene.save()


@case(accepted=True)
def cells_without_ids(scene: Scene) -> None:
    for cell in scene.notebook["cells"]:
        cell["metadata"] = {}
        del cell["id"]
    scene.save()


@case(accepted=True, noted="damaged")
def cells_of_wrong_types(scene: Scene) -> None:
    junk: list[object] = [None, 3, "text", [], {}, {"cell_type": ["code"], "metadata": [], "source": 7, "id": {}}]
    junk += [{"cell_type": "code", "metadata": {"nbgrader": "x"}, "source": [1, None], "outputs": {"a": 1}}]
    junk += [{"cell_type": "code", "metadata": {"nbgrader": {"grade_id": ["x"]}}, "source": "", "outputs": [1, [], {}]}]
    scene.notebook["cells"] = junk + scene.notebook["cells"]
    scene.save()


@case(accepted=True)
def thousands_of_cells(scene: Scene) -> None:
    scene.notebook["cells"] += [{"cell_type": "code", "metadata": {}, "source": "x = 1", "outputs": []}] * 5_000
    scene.save()


@case(accepted=True, unchanged=True)
def a_cell_of_three_million_characters(scene: Scene) -> None:
    scene.exercises[0]["source"] = "x = 1\n" * 500_000
    scene.save()


@case(accepted=True, noted="another kernel", unchanged=True)
def an_odd_kernel(scene: Scene) -> None:
    scene.notebook["metadata"]["kernelspec"] = {"name": "bash", "language": "bash", "argv": ["rm", "-rf", "/"]}
    scene.save()


@case(accepted=True, unchanged=True)
def magics_and_shell(scene: Scene) -> None:
    scene.exercises[0]["source"] = f"%%html\n{SCRIPT}\n!cat /etc/passwd\n%run ../secret.ipynb"
    scene.save()


# --- outputs and text -----------------------------------------------------------------------------------------------


@case(accepted=True, unchanged=True)
def baked_outputs(scene: Scene) -> None:
    for cell in scene.checks:
        cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "7 public checks passed; score 100"}]
    scene.save()


@case(accepted=True, noted="outputs that could run in a browser", unchanged=True)
def script_in_outputs(scene: Scene) -> None:
    bundle = {
        "text/html": SCRIPT,
        "application/javascript": "document.title='taken'",
        "image/svg+xml": f"<svg onload=\"document.title='taken'\">{SCRIPT}</svg>",
        "text/markdown": SCRIPT,
        "text/latex": r"$\href{javascript:document.title='taken'}{x}$",
        "image/png": f'"/>{SCRIPT}',
        "application/vnd.jupyter.widget-view+json": {"model_id": SCRIPT},
        "text/plain": SCRIPT,
    }
    for cell in scene.notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"] = [
                {"output_type": "display_data", "metadata": {}, "data": {kind: value}} for kind, value in bundle.items()
            ]
            cell["outputs"] += [{"output_type": "stream", "name": SCRIPT, "text": [SCRIPT, "\x1b]8;;x\x07"]}]
            cell["outputs"] += [{"output_type": "error", "ename": SCRIPT, "evalue": SCRIPT, "traceback": [SCRIPT]}]
    scene.save()


@case(accepted=True, noted="attached to text")
def script_in_text(scene: Scene) -> None:
    for cell in scene.notebook["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = f"{SCRIPT}\n\n[click](javascript:alert(1)) ![x](attachment:x.png)"
            cell["attachments"] = {"x.png": {"text/html": SCRIPT}}
    scene.notebook["cells"] += [
        {"cell_type": "raw", "metadata": {"format": "text/html"}, "source": SCRIPT},
        {"cell_type": "markdown", "metadata": {"nbgrader": {"grade_id": SCRIPT}}, "source": SCRIPT},
        {"cell_type": "code", "metadata": {"tags": [SCRIPT]}, "source": SCRIPT, "outputs": []},
    ]
    scene.save()


@case(accepted=True, unchanged=True)
def odd_unicode(scene: Scene) -> None:
    scene.exercises[0]["source"] = "# \u202e evil \u2066 \ufeff \x00 \x1b[31m \u2028 é 💥\nx = 1"
    scene.save()


@case(accepted=True)
def lone_surrogates(scene: Scene) -> None:
    scene.exercises[0]["source"] = "x = '\ud800'"
    scene.save()


# --- the file -------------------------------------------------------------------------------------------------------


@case(accepted=False, noted="too large")
def three_hundred_megabytes(scene: Scene) -> None:
    with scene.path.open("wb") as file:
        file.write(b'{"cells": [')
        file.truncate(300_000_000)


@case(accepted=False, noted="more than 60 levels deep")
def a_hundred_thousand_levels(scene: Scene) -> None:
    scene.path.write_text('{"cells": ' + "[" * 100_000 + "]" * 100_000 + "}")


@case(accepted=False, noted="more than 60 levels deep")
def levels_hidden_behind_quotes(scene: Scene) -> None:
    scene.path.write_text('{"a": "\\\\", "b": "[\\"", "cells": ' + '{"a":' * 1_000 + "1" + "}" * 1_001)


@case(accepted=False, noted="not valid JSON")
def a_string_that_never_ends(scene: Scene) -> None:
    scene.path.write_text('{"cells": "' + '\\"' * 1_000_000)


@case(accepted=False, noted="more than 1,000,000 values")
def millions_of_values(scene: Scene) -> None:
    scene.path.write_text('{"cells": [' + "{}," * 1_000_000 + "{}]}")


@case(accepted=False, noted="not valid JSON (line 1, column")
def broken_json(scene: Scene) -> None:
    scene.save()
    scene.path.write_text(scene.path.read_text()[:-20])


@case(accepted=False, noted="no cells")
def a_notebook_without_cells(scene: Scene) -> None:
    scene.save({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": {}})


@case(accepted=False, noted="no notebook")
def json_of_another_kind(scene: Scene) -> None:
    scene.save([1, 2, 3])


@case(accepted=False, noted="it is empty")
def an_empty_file(scene: Scene) -> None:
    scene.path.write_bytes(b"")


@case(accepted=False, noted="not UTF-8")
def bytes_of_nothing(scene: Scene) -> None:
    scene.path.write_bytes(bytes(range(256)) * 100)


@case(accepted=True, noted="a JSON key stands twice")
def repeated_keys(scene: Scene) -> None:
    scene.save()
    scene.path.write_text('{"cells": "nothing", "metadata": [], ' + scene.path.read_text()[1:])


@case(accepted=True, unchanged=True)
def numbers_beyond_measure(scene: Scene) -> None:
    scene.save()
    text = scene.path.read_text()
    scene.path.write_text(f'{{"a": NaN, "b": -Infinity, "c": {"9" * 9_000}, "d": 1e999, ' + text[1:])


@case(accepted=True)
def a_byte_order_mark(scene: Scene) -> None:
    scene.save()
    scene.path.write_bytes(b"\xef\xbb\xbf" + scene.path.read_bytes())


@case(accepted=True, noted="format 3 and has been converted")
def format_three(scene: Scene) -> None:
    cells = []
    for cell in scene.notebook["cells"]:
        if cell["cell_type"] == "code":
            text = {"input": cell["source"], "language": "python", "outputs": [], "prompt_number": 1}
        else:
            text = {"source": cell["source"]}
        cells.append({"cell_type": cell["cell_type"], "metadata": cell["metadata"], **text})
    scene.save({"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": "x"}, "worksheets": [{"cells": cells}]})


@case(accepted=False, noted="format 3 and cannot be converted")
def a_damaged_format_three(scene: Scene) -> None:
    scene.save({"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code"}, 3]}]})


@case(accepted=False, noted="its notebook format is 9")
def a_format_of_the_future(scene: Scene) -> None:
    scene.save(scene.notebook | {"nbformat": 9})


@case(accepted=True, noted="does not say its notebook format")
def no_format(scene: Scene) -> None:
    del scene.notebook["nbformat"]
    scene.save()
