"""How Canvas, Moodle, Gradescope and people name what was handed in, and whose it says it is."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import yaml

from autograder.collecting.sources import Source
from autograder.errors import BadInput
from autograder.submission import exchange_files
from autograder.submission.received import Item, Refused, whole

METADATA = "submission_metadata.yml"
MAX_METADATA = 50_000_000
MAX_DEPTH = 50
MAX_TIMESTAMP = 200
Files = dict[tuple[str, ...], Item]

# As Canvas names a file: last name and first, LATE, Canvas's number of the student, that of the file, its own name.
_CANVAS = re.compile(
    r"(?P<name>.+?)_(?:(?P<late>LATE)_)?(?P<user>\d+)_(?:\d+_(?P<file>.+)|(?P<text>text\.html))", re.DOTALL
)
_AGAIN = re.compile(r"(?P<stem>.+)-(?P<number>\d{1,3})(?P<suffix>\.[^.]*)?", re.DOTALL)
_MOODLE = re.compile(r"(?P<name>.+)_\d+_assignsubmission_[a-z]+(?:_(?P<file>.*))?", re.DOTALL)


@dataclass(frozen=True)
class Claim:
    """Whose a hand-in says it is.

    ids: ids and e-mail addresses that a course system gave. number: Canvas's number. name: a full name. label: what
    people called a folder or a file.
    """

    ids: tuple[str, ...] = ()
    number: str = ""
    name: str = ""
    label: str = ""


@dataclass(frozen=True)
class HandIn:
    """One hand-in of a download.

    label: how it is called there. files: by path inside the submission. moment: when, by the course system's word.
    number: of several without a time, in which order. notes: what was left out, or is to be said.
    """

    label: str
    claim: Claim
    files: dict[str, Item]
    moment: datetime | None = None
    number: int | None = None
    notes: tuple[str, ...] = ()


@dataclass
class Layout:
    """What a download holds. system: whose form it has. left: files that belong to no hand-in, each with the reason."""

    system: str
    hand_ins: list[HandIn] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)


def layout(source: Source, assignment: str, is_label: Callable[[str], bool]) -> Layout:
    """The hand-ins of a download. is_label: whether a name may be a student's, so that it is no folder round them all.

    BadInput where a part of it that says whose the rest is cannot be read.
    """
    files = _without_outer_folder(source.files, lambda name: is_label(name) or bool(_MOODLE.fullmatch(name)))
    if (METADATA,) in files:  # one deeper is a student's, who would tell whose work the rest is
        return _gradescope(source.path, files)
    if any(_MOODLE.fullmatch(parts[0]) for parts in files):
        return _moodle(files)
    if any(len(parts) == 1 and _CANVAS.fullmatch(parts[0]) for parts in files):
        return _canvas(files)
    return _folders(files, assignment)


def _without_outer_folder(files: Files, is_label: Callable[[str], bool]) -> Files:
    """Without the one folder round all files, unless it is a student's."""
    while len({parts[0] for parts in files}) == 1 and all(len(parts) > 1 for parts in files):
        if is_label(next(iter(files))[0]):
            break
        files = {parts[1:]: item for parts, item in files.items()}
    return files


# Canvas


def _canvas(files: Files) -> Layout:
    made = Layout("Canvas")
    by_student: dict[tuple[str, str], list[tuple[re.Match[str], Item]]] = defaultdict(list)
    for parts, item in files.items():
        found = _CANVAS.fullmatch(parts[0]) if len(parts) == 1 else None
        if found is None:
            made.left["/".join(parts)] = "not named as Canvas names files"
        elif found["text"]:
            made.left[parts[0]] = "a text typed into Canvas, which is not read"
        else:
            by_student[found["name"], found["user"]].append((found, item))
    for (name, user), entries in by_student.items():
        for number, attempt in _canvas_attempts(entries):
            members = {name: item for name, _, item in attempt}
            late = ("Canvas says LATE",) if any(is_late for _, is_late, _ in attempt) else ()
            again = f", handed in again ({number})" if number else ""
            claim = Claim(number=user, name=name)
            made.hand_ins.append(_hand_in(f"{name}_{user}{again}", claim, members, number=number, notes=late))
    return made


CanvasFile = tuple[str, bool, Item]  # its name, without the number of the hand-in where there are several; whether late


def _canvas_attempts(entries: list[tuple[re.Match[str], Item]]) -> Iterator[tuple[int | None, list[CanvasFile]]]:
    """A student's files by number of the hand-in; all of them as one where no file is there in two editions."""
    files = [(_AGAIN.fullmatch(found["file"]), found["file"], bool(found["late"]), item) for found, item in entries]
    bases = [again["stem"] + (again["suffix"] or "") if again else name for again, name, _, _ in files]
    if len(set(bases)) == len(bases):
        numbers = {int(again["number"]) if again else 0 for again, _, _, _ in files}
        yield (numbers.pop() if len(numbers) == 1 else None), [(name, late, item) for _, name, late, item in files]
        return
    attempts: dict[int, dict[str, CanvasFile]] = defaultdict(dict)
    for (again, _, late, item), base in zip(files, bases, strict=True):
        attempts[int(again["number"]) if again else 0][base] = (base, late, item)
    yield from ((number, list(attempt.values())) for number, attempt in sorted(attempts.items()))


# Moodle


def _moodle(files: Files) -> Layout:
    """Folders, or files with the folder's name before their own."""
    made, by_name = Layout("Moodle"), defaultdict[str, dict[str, Item]](dict)
    for parts, item in files.items():
        found = _MOODLE.fullmatch(parts[0])
        inner = "/".join(parts[1:]) if len(parts) > 1 else (found["file"] or "") if found else ""
        if found is None or not inner:
            made.left["/".join(parts)] = "not named as Moodle names files"
        elif "_assignsubmission_onlinetext" in parts[0]:
            made.left["/".join(parts)] = "a text typed into Moodle, which is not read"
        else:
            label = parts[0] if len(parts) > 1 else parts[0].removesuffix(inner)
            by_name[label][inner] = item
    for label, members in by_name.items():
        found = _MOODLE.fullmatch(label)
        made.hand_ins.append(_hand_in(label, Claim(name=found["name"] if found else label), members))
    return made


# Gradescope


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Plain values alone; what Ruby's own types hold is read as the mapping that it is."""

    def flatten_mapping(self, node: Any) -> None:
        """Nothing is merged: merges of merges grow without end."""


def _plain_mapping(loader: Any, _suffix: str, node: Any) -> Any:
    return loader.construct_mapping(node, deep=True) if isinstance(node, yaml.MappingNode) else None


_Loader.add_multi_constructor("!", _plain_mapping)


def _gradescope(path: Path, files: Files) -> Layout:
    made, said = Layout("Gradescope"), _metadata(path, files[METADATA,])
    folders: dict[str, dict[str, Item]] = defaultdict(dict)
    for parts, item in files.items():
        if len(parts) > 1 and parts[0] in said:
            folders[parts[0]]["/".join(parts[1:])] = item
        elif parts != (METADATA,):
            made.left["/".join(parts)] = f"{METADATA} does not name it"
    for name, members in folders.items():
        record = said[name]
        people = [person for person in _list(record.get(":submitters")) if isinstance(person, dict)]
        moment = _moment(record.get(":created_at"))
        together = (f"handed in by a group of {len(people)}",) if len(people) > 1 else ()
        for person in people or [{}]:
            ids = (person.get(key) for key in (":email", ":sid"))
            claim = Claim(tuple(text for text in map(_text, ids) if text), name=_text(person.get(":name")))
            made.hand_ins.append(_hand_in(name, claim, members, moment=moment, notes=together))
    made.left |= {name: "no file of it is in the download" for name in said if name not in folders}
    return made


def _metadata(path: Path, item: Item) -> dict[str, dict[str, Any]]:
    where = f"{path}: {METADATA}"
    try:
        text = whole(item, MAX_METADATA)
        _check_depth(text)
        data = yaml.load(text, Loader=_Loader)  # a subclass of the safe loader
    except (yaml.YAMLError, Refused, OSError, ValueError, RecursionError) as error:
        raise BadInput(f"{where} cannot be read ({type(error).__name__}): export the submissions again") from error
    if not isinstance(data, dict) or not all(isinstance(record, dict) for record in data.values()):
        raise BadInput(f"{where} does not list submissions: export them again")
    return {str(name): record for name, record in data.items()}


def _check_depth(text: bytes) -> None:
    """ValueError where it is nested deeper than any export; the C loader, which recurses, would end the process."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise ValueError("nested too deep")


def _moment(value: Any) -> datetime | None:
    if isinstance(value, dict):
        value = value.get("utc")
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.replace(" Z", "Z").replace(" UTC", "Z"))
        except ValueError:
            return None
    if not isinstance(value, datetime) or not isinstance(value, date):
        return None
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def _text(value: Any) -> str:
    """A plain value alone: what refers to itself many times over is never written out."""
    return str(value) if isinstance(value, str | int) else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


# People


def _folders(files: Files, assignment: str) -> Layout:
    """A folder a student, perhaps with nbgrader's folder of the assignment in it; or files that begin with a name."""
    made, by_label = Layout("folders"), defaultdict[str, dict[str, Item]](dict)
    for parts, item in files.items():
        if len(parts) == 1:
            made.hand_ins.append(_hand_in(parts[0], Claim(label=_stem(parts[0])), {parts[0]: item}))
        else:
            by_label[parts[0]]["/".join(parts[1:])] = item
    inner = f"{assignment}/"
    is_nbgrader = _is_nbgrader(by_label.values(), inner)
    for label, members in by_label.items():
        own = {path.removeprefix(inner): item for path, item in members.items() if path.startswith(inner)}
        if is_nbgrader:
            made.left |= {
                f"{label}/{path}": f"not in {label}/{inner}" for path in members if not path.startswith(inner)
            }
        elif len(own) < len(members):
            own = members
        moment = _timestamp(own[exchange_files.TIMESTAMP]) if is_nbgrader and own else None
        if own:
            made.hand_ins.append(_hand_in(label, Claim(label=label), own, moment=moment, is_timed=is_nbgrader))
    return made


def _is_nbgrader(students: Iterable[Mapping[str, Item]], inner: str) -> bool:
    """Whether nbgrader laid everything out: what lies in a folder of the assignment has its time beside it, always.

    One folder with a time among others without is not believed: a student may have packed it.
    """
    with_it = [paths for paths in map(set, students) if any(path.startswith(inner) for path in paths)]
    timed = [paths for paths in with_it if f"{inner}{exchange_files.TIMESTAMP}" in paths]
    return bool(timed) and len(timed) == len(with_it) and all("/" in path for paths in with_it for path in paths)


def _stem(name: str) -> str:
    return name.rpartition(".")[0] or name


def _timestamp(item: Item) -> datetime | None:
    """The time that nbgrader wrote beside a submission."""
    try:
        data = whole(item, MAX_TIMESTAMP)
    except (Refused, OSError):
        return None
    moment, _ = exchange_files.parsed(data.decode("utf-8", "replace").strip()) if data else (None, None)
    return None if moment is None else moment.replace(tzinfo=UTC)


def _hand_in(
    label: str, claim: Claim, members: Mapping[str, Item], *, moment: datetime | None = None,
    number: int | None = None, notes: Iterable[str] = (), is_timed: bool = False,
) -> HandIn:  # fmt: skip
    """Without the files that only nbgrader or the course system may write: a student could date the work with one."""
    forged = [name for name in (exchange_files.TIMESTAMP, exchange_files.SECRET) if name in members]
    files = {path: item for path, item in members.items() if path not in forged}
    said = [f"{name} left out: the download says when work was handed in" for name in forged if not is_timed]
    return HandIn(label, claim, files, moment, number, (*notes, *said))
