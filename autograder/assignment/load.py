"""Reads an assignment (its tables, notebook sources, tests and rubrics) and refuses contradictions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from autograder.assignment import notebook_source, test_files
from autograder.assignment.forbidden import uses, why_no_means
from autograder.assignment.model import DATA, LESSON, TOLD, Assignment, HandoutPart, Problem
from autograder.assignment.notebook_source import (
    CLOSING_ID,
    PREVIEW_ID,
    SETUP_ID,
    SourceCell,
    SourceError,
)
from autograder.assignment.numbering import number_notebooks
from autograder.assignment.pictures import with_pictures
from autograder.assignment.policy import read_policy
from autograder.assignment.test_files import DeclaredTest, SuiteError
from autograder.assignment.text_files import complain_of_unreadable
from autograder.assignment.toml import Complaints, TomlTable, not_utf8
from autograder.course_folders import CourseFolders
from autograder.errors import BadInput
from autograder.files import is_left_behind
from autograder.names import assignment_name
from kit.conflicts import conflict_in
from kit.manifest import CHECK, Answer, CellKind, Exercise, check_id
from kit.notebooks import CodeCell
from kit.versions import MIN_PYTHON
from kit.weights import SUFFIX

MISTAKE_LIMIT = 0.5  # of an exercise's points, for one mistake, where problem.toml does not say
FEEDBACK_A_DAY = 3  # pages before the deadline, where assignment.toml does not say
PICTURES = (".jpg", ".jpeg", ".png", ".gif", ".webp")  # most of what a set's folder weighs
LINE = r"[^\n|]*"  # what fits into a cell of a table
PROBLEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
T = TypeVar("T")
_RESERVED = re.compile(rf"{SETUP_ID}|{CLOSING_ID}|{PREVIEW_ID}|given-\d+|c-[0-9a-f]{{12}}.*|.*{CHECK}")


def load_assignment(name: str, root: Path | None = None) -> Assignment:
    """Read assignments/<name> under `root` (default: here). BadInput where it is not there.

    CourseError lists every contradiction and how to fix it.
    """
    root = (root or Path.cwd()).resolve()
    name = assignment_name(name)
    folder = CourseFolders(root).assignments / name
    path = folder / "assignment.toml"
    known = sorted(p.parent.name for p in root.glob("assignments/*/assignment.toml"))
    if name not in known:  # also where the file system takes PS3 for ps3
        there = f"there are: {', '.join(known)}" if known else f"{root} holds no assignments/<name>/assignment.toml"
        raise BadInput(f"no assignment {name!r} here; {there}. Run the command in the course's top folder")
    _refuse_alike(name, known)
    complaints = Complaints(root)
    _check_merges(folder, complaints)
    data = TomlTable.read(path, complaints)
    complain_of_unreadable(folder, complaints)
    complaints.raise_if_any()
    core, extra = data.strings("core"), data.strings("extra", ())
    if core == () and not complaints.lines:
        data.complain(f"core names no problem: name at least one folder of {folder.name}/", "core")
    call_seconds = data.positive("call_seconds", 5.0)
    fields: dict[str, Any] = {
        "title": data.text("title"),
        "version": data.text("version", pattern="[A-Za-z0-9._-]+"),
        "due": data.moment("due"),
        "feedback_a_day": data.count("feedback_a_day", FEEDBACK_A_DAY),
        "library": data.text("library", "", pattern="([a-z_][a-z0-9_]*)?"),
        "release_url": data.text("release_url", "", pattern=r"(https?://[^\s\"\\{}]+)?"),
        "submission_seconds": data.positive("submission_seconds", 120.0),
        "canary": data.text("canary", pattern="[A-Za-z0-9-]{16,80}"),
        "public_lines": data.strings("public_lines", ()),
        "packages": data.strings("packages", ()),
        "python": data.text("python", ".".join(map(str, MIN_PYTHON)), pattern=r"3\.\d+"),
        "torch": data.text("torch", "", pattern=r"(\d+\.\d+)?"),
        "dropped": data.strings("dropped", ()),
        "was": data.names("was") if data.holds("was") else None,
        "alphabet": data.texts("alphabet", {}),
        "glossary": data.texts("glossary", {}),
    }
    fields["policy"] = read_policy(data, fields["due"])
    fields["told"] = {name: data.text(name, "", LINE) for name in TOLD}
    for package in fields["packages"]:
        if not package.isidentifier():
            complaints.add(path, f"packages: {package!r} should be the name by which code imports it, such as 'PIL'")
    data.refuse_others()
    for before in fields["was"] or ():
        if before in known:
            data.complain(f"was names {before!r}, which is a set of this course too", "was")
    if fields["library"] and not (folder / fields["library"] / "__init__.py").is_file():
        complaints.add(path, f"library = {fields['library']!r}, but {folder.name}/{fields['library']}/ is no package")
    if fields["library"] in ("kit", "tests", "worker", DATA):
        data.complain(f"library = {fields['library']!r} is a name that a release or the engine uses itself", "library")
    problems = []
    for number, problem_name in enumerate((*core, *extra), 1):
        place = number if number <= len(core) else None
        if (core + extra).index(problem_name) != number - 1:
            complaints.add(path, f"problem {problem_name!r} is listed twice")
        elif not PROBLEM.fullmatch(problem_name):
            text = f"problem {problem_name!r} should be a folder's name of letters, digits, _ and -"
            complaints.add(path, text)
        elif (problem := _problem(folder / problem_name, place, call_seconds, complaints)) is not None:
            problems.append(problem)
    _check_library(problems, fields["library"], complaints)
    _check_ids_are_unique(problems, complaints)
    _check_earlier_ids(problems, fields["dropped"], complaints)
    problems = [with_pictures(problem, complaints) for problem in problems]
    problems, references = number_notebooks(problems, complaints)
    complaints.raise_if_any()
    return Assignment(root=root, name=name, problems=tuple(problems), references=references, **fields)


def _refuse_alike(name: str, known: list[str]) -> None:
    """BadInput where another set of the course would write over this one's files."""
    for other in known:
        if other != name and other.casefold() == name.casefold():
            raise BadInput(f"the sets {name} and {other} have one name on some file systems: rename one")
        for one, two in ((name, other), (other, name)):
            if two == f"{one}-leaderboard":
                raise BadInput(f"the set {two} has the name of {one}'s leaderboard in feedback/: rename it")


def _check_merges(folder: Path, complaints: Complaints) -> None:
    """Refuse at once what git has left in the middle of a merge: the rest would be said of half-merged files."""
    for path in sorted(path for path in folder.rglob("*") if path.suffix not in PICTURES and path.is_file()):
        if not is_left_behind(path.relative_to(folder)) and (line := conflict_in(path.read_bytes())):
            text = "a merge conflict begins here: keep what is right of both sides, without the marks, then git add"
            complaints.add(path, text, line)
    complaints.raise_if_any()


def _problem(folder: Path, number: int | None, call_seconds: float, complaints: Complaints) -> Problem | None:
    path = folder / "problem.toml"
    if not path.is_file():
        complaints.add(folder.parent / "assignment.toml", f"names problem {folder.name!r}, but there is no {path.name}")
        return None
    before = len(complaints.lines)
    data = TomlTable.read(path, complaints)
    title = data.text("title")
    tables, answer_tables = data.tables("exercise"), data.tables("answer")
    presets = {name: table.numbers() for name, table in data.tables("preset").items()}
    limit = data.share("mistake_limit", MISTAKE_LIMIT)
    handout = HandoutPart(
        data.text("time", "", LINE),
        data.text("computing", "", LINE),
        data.texts("alphabet", {}),
        data.texts("glossary", {}),
    )
    packs = data.strings("data", ())
    for pack in packs:
        if not (folder.parent / DATA / pack).is_dir():
            data.complain(f"data names {pack!r}, but there is no {folder.parent.name}/{DATA}/{pack}/", "data")
    data.refuse_others()
    cells = _read(folder / "notebook.py", notebook_source.read, complaints)
    public, hidden = (
        _read(file, test_files.read, complaints) if tables or file.is_file() else ()
        for file in (folder / "test_public.py", folder / "test_hidden.py")
    )
    if len(complaints.lines) > before:
        return None
    _check_cells(folder, cells, set(tables), set(answer_tables), complaints)
    _check_cases(folder, public, hidden, set(tables), complaints)
    if len(complaints.lines) > before:
        return None
    order = [cell.name for cell in cells if cell.kind == CellKind.EXERCISE]
    exercises = tuple(
        _exercise(tables[cell.name], cell, folder.name, order, public, hidden, call_seconds)
        for cell in cells
        if cell.kind == CellKind.EXERCISE
    )
    answers = tuple(
        Answer(cell.name, folder.name, answer_tables[cell.name].positive("points"))
        for cell in cells
        if cell.kind.is_answer
    )
    was = {name: table.names("was") for name, table in (tables | answer_tables).items()}
    limits = {name: table.share("mistake_limit", limit) for name, table in tables.items()}
    forbidden = {name: means for name, table in tables.items() if (means := table.strings("forbidden", ()))}
    _check_forbidden(forbidden, cells, tables, complaints)
    for table in (*tables.values(), *answer_tables.values()):
        table.refuse_others()
    _check_rubric(folder / "rubric.md", answers, complaints)
    return Problem(
        folder.name, title, folder, number, cells, exercises, answers, presets, was, limits, public, hidden,
        handout, packs, forbidden,
    )  # fmt: skip


def _exercise(
    table: TomlTable,
    cell: SourceCell,
    problem: str,
    order: list[str],
    public: tuple[DeclaredTest, ...],
    hidden: tuple[DeclaredTest, ...],
    call_seconds: float,
) -> Exercise:
    depends = table.strings("depends", ())
    for other in depends:
        if other not in order[: order.index(cell.name)]:
            table.complain(f"depends on {other!r}, which is no earlier exercise of {problem}")
    return Exercise(
        id=cell.name,
        problem=problem,
        points=table.positive("points"),
        depends=depends,
        names=cell.defines,
        public_tests=sum(case.cases for case in public if case.exercise == cell.name),
        hidden_tests=sum(case.cases for case in hidden if case.exercise == cell.name),
        call_seconds=table.positive("call_seconds", call_seconds),
        weights=table.text("weights", "", pattern=rf"([A-Za-z0-9_-]+{re.escape(SUFFIX)})?"),
        leaderboard=table.text("leaderboard", "", LINE),
    )


def _check_forbidden(
    forbidden: dict[str, tuple[str, ...]],
    cells: tuple[SourceCell, ...],
    tables: dict[str, TomlTable],
    complaints: Complaints,
) -> None:
    """Each entry can be found, and not in the reference."""
    for name, entries in forbidden.items():
        for entry in entries:
            if (why := why_no_means(entry)) is not None:
                tables[name].complain(f"forbidden names {entry!r}, which {why}", "forbidden")
    code = [
        CodeCell(cell.name or cell.id, cell.source, cell.name if cell.kind is CellKind.EXERCISE else None)
        for cell in cells
        if cell.kind in (CellKind.GIVEN, CellKind.EXERCISE)
    ]
    for use in uses(code, forbidden):
        text = f"forbidden names {use.means!r}, which its reference uses (line {use.line} of {use.label})"
        tables[use.exercise].complain(text, "forbidden")


def _check_cells(
    folder: Path, cells: tuple[SourceCell, ...], exercises: set[str], answers: set[str], complaints: Complaints
) -> None:
    notebook, toml = folder / "notebook.py", folder / "problem.toml"
    seen: dict[str, SourceCell] = {}
    for cell in cells:
        if cell.id in seen:
            complaints.add(notebook, f"{cell.id!r} stands a second time (first: line {seen[cell.id].line})", cell.line)
        seen.setdefault(cell.id, cell)
        if cell.kind.is_solution and _RESERVED.fullmatch(cell.name):
            complaints.add(notebook, f"{cell.name!r} is a name that the builder uses itself; choose another", cell.line)
        if cell.kind == CellKind.EXERCISE and cell.name not in exercises:
            complaints.add(
                notebook, f"exercise {cell.name} has no points: add [exercise.{cell.name}] to {toml.name}", cell.line
            )
        if cell.kind.is_answer and cell.name not in answers:
            complaints.add(
                notebook, f"answer {cell.name} has no points: add [answer.{cell.name}] to {toml.name}", cell.line
            )
    for name in sorted(exercises):
        if name not in seen:
            complaints.add(toml, f"[exercise.{name}] has no cell: tag one exercise:{name} in {notebook.name}")
        elif check_id(name) not in seen:
            complaints.add(
                notebook, f'no check cell: add one tagged check:{name} holding check("{name}")', seen[name].line
            )
    for name in sorted(answers - {cell.name for cell in cells if cell.kind.is_answer}):
        complaints.add(toml, f"[answer.{name}] has no cell: tag a cell answer:{name} in {notebook.name}")
    for cell in cells:
        if cell.kind == CellKind.CHECK and cell.name not in seen:
            complaints.add(notebook, f"check:{cell.name} belongs to no exercise cell", cell.line)


def _check_cases(
    folder: Path,
    public: tuple[DeclaredTest, ...],
    hidden: tuple[DeclaredTest, ...],
    exercises: set[str],
    complaints: Complaints,
) -> None:
    for file, cases in (("test_public.py", public), ("test_hidden.py", hidden)):
        for case in cases:
            if case.exercise not in exercises:
                complaints.add(folder / file, f"{case.name} names an unknown exercise {case.exercise!r}", case.line)
        for name in sorted(exercises - {case.exercise for case in cases}):
            complaints.add(folder / file, f'no test for {name}: add at least one, marked by exercise("{name}")')
    public_names = {case.name for case in public}
    for case in hidden:
        if case.name in public_names:
            complaints.add(folder / "test_hidden.py", f"{case.name} is also a public test: rename one", case.line)


def _check_rubric(path: Path, answers: tuple[Answer, ...], complaints: Complaints) -> None:
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    headings = [line for line in text.splitlines() if line.startswith("#")]
    for answer in answers:
        if not any(re.search(rf"(?<![\w-]){re.escape(answer.id)}(?![\w-])", heading) for heading in headings):
            complaints.add(path, f'no heading for the answer {answer.id}: add "## {answer.id}" and its marks')


def _check_library(problems: list[Problem], library: str, complaints: Complaints) -> None:
    """What ships within the library needs one."""
    for problem in problems if not library else ():
        owns = [name for name, there in (("lesson/", (problem.folder / LESSON).is_dir()), ("presets", problem.presets))
                if there]  # fmt: skip
        if owns:
            text = f"{' and '.join(owns)} of {problem.name} ship in the library, and assignment.toml names none: add "
            complaints.add(problem.folder.parent / "assignment.toml", text + 'library = "NAME" and a package NAME/')


def _check_ids_are_unique(problems: list[Problem], complaints: Complaints) -> None:
    owners: dict[str, str] = {}
    for problem in problems:
        for graded in [exercise.id for exercise in problem.exercises] + [answer.id for answer in problem.answers]:
            if graded in owners:
                complaints.add(problem.folder / "problem.toml", f"id {graded!r} is also used by {owners[graded]}")
            owners.setdefault(graded, problem.name)
        for exercise in problem.exercises:
            if exercise.leaderboard and not exercise.weights:
                text = f"{exercise.id} has a leaderboard, which compares what weights reach, but no weights"
                complaints.add(problem.folder / "problem.toml", text)
            if exercise.weights and exercise.weights in owners:
                text = f"weights = {exercise.weights!r} is also asked for by {owners[exercise.weights]}"
                complaints.add(problem.folder / "problem.toml", text)
            owners.setdefault(exercise.weights, exercise.id)


def _check_earlier_ids(problems: list[Problem], dropped: tuple[str, ...], complaints: Complaints) -> None:
    """An id of an earlier release is nobody's now. It has one successor, or is split into several exercises."""
    now = {name: name for problem in problems for name in problem.was}
    owners = now | {name: "dropped" for name in dropped}
    exercises = {exercise.id for problem in problems for exercise in problem.exercises}
    heirs = Counter(old for problem in problems for earlier in problem.was.values() for old in set(earlier))
    for problem in problems:
        for name, earlier in problem.was.items():
            for old in earlier:
                owner = owners.get(old, "")
                of_exercises = name in exercises and owner in {"dropped", *exercises} - {name}
                is_split = of_exercises and old not in now and heirs[old] > 1
                if owner and not is_split:
                    text = f"{name} was {old!r}, but that is {owner!r} too: an earlier id has one successor"
                    complaints.add(problem.folder / "problem.toml", text)
                owners.setdefault(old, name)
    for name in set(dropped) & set(now):
        complaints.add(problems[0].folder.parent / "assignment.toml", f"dropped names {name!r}, which is still there")


def _read(path: Path, reader: Callable[[Path], tuple[T, ...]], complaints: Complaints) -> tuple[T, ...]:
    try:
        return reader(path)
    except FileNotFoundError:
        complaints.add(path, "the file is missing")
    except UnicodeDecodeError as error:
        complaints.add(path, not_utf8(error))
    except OSError as error:
        complaints.add(path, f"cannot be read ({error.strerror})")
    except (SourceError, SuiteError) as error:
        complaints.add(path, str(error), error.line)
    return ()
