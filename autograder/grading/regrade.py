"""A regrade: one run over the class after a fix, with its reason, and with what every score was before it.

`<out>/<assignment>/regrades/<number>/run.json` is written before anything is graded, so that a run that was stopped and
is repeated still compares with the results from before its first start.
"""

from __future__ import annotations

import dataclasses
import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path

from autograder import clock
from autograder.errors import BadInput
from autograder.files import write_atomically
from autograder.grading.changes import ScoreChange, differences
from autograder.results import ResultFolder
from kit.manifest import Manifest
from kit.text import on_one_line

RUN = "run.json"
MAX_WHY = 300  # characters: students read it


@dataclass(frozen=True)
class Regrade:
    """One regrade. Times are UTC, as people read them.

    before: student to the number of the result at the start. student: the one of --student. ended: empty while it is
    not finished. changed: those with another score.
    """

    number: int
    why: str
    begun: str
    before: Mapping[str, int]
    student: str | None = None
    ended: str = ""
    changed: tuple[str, ...] = field(default=())

    @property
    def day(self) -> str:
        return self.ended[:10]


def regrades_folder(results: ResultFolder) -> Path:
    return results.path / "regrades"


def folder_of(results: ResultFolder, regrade: Regrade) -> Path:
    """Where its record, table and page lie."""
    return regrades_folder(results) / str(regrade.number)


def all_regrades(results: ResultFolder) -> list[Regrade]:
    """Every regrade by number. BadInput for a record that is damaged."""
    return [_read(path) for path in sorted(regrades_folder(results).glob(f"*/{RUN}"), key=_number)]


def finished(results: ResultFolder) -> list[Regrade]:
    """Those that came to their end."""
    return [regrade for regrade in all_regrades(results) if regrade.ended]


def begin(results: ResultFolder, why: str, students: Iterable[str], student: str | None = None) -> tuple[Regrade, bool]:
    """Start a regrade, or take up the one that was stopped; True: taken up.

    BadInput for a reason without words or too long, where nothing was graded before, and where a regrade for another
    reason is not finished.
    """
    why = _reason(why)
    known = all_regrades(results)
    if known and not known[-1].ended:
        return _taken_up(results, known[-1], why, student), True
    before = {name: results.number(name) for name in students if results.report_path(name).is_file()}
    if not before:
        whose = f" of {student}" if student else ""
        fix = "omit --regrade and --why for a first grading"
        raise BadInput(f"{results.path} holds no result{whose} to compare with: {fix}")
    regrade = Regrade(known[-1].number + 1 if known else 1, why, _now(), before, student)
    _write(results, regrade)
    return regrade, False


def changes_of(results: ResultFolder, regrade: Regrade, manifest: Manifest) -> list[ScoreChange]:
    """What is another score now than at the start of the regrade, by student."""
    found = []
    for student, number in sorted(regrade.before.items()):
        before, now = results.numbered_unchecked(student, number), results.read(student)
        if before is not None and now is not None and number != results.number(student):
            found += differences(before, now, manifest)
    return found


def finish(results: ResultFolder, regrade: Regrade, changes: Iterable[ScoreChange]) -> Regrade:
    """Write down that it came to its end, and whose score it changed."""
    changed = tuple(dict.fromkeys(change.student for change in changes))
    done = dataclasses.replace(regrade, ended=_now(), changed=changed)
    _write(results, done)
    return done


def _reason(why: str) -> str:
    text = on_one_line(" ".join(why.split()), MAX_WHY + 1)
    if not any(letter.isalnum() for letter in text):
        raise BadInput("--why is empty: say in a sentence what was mended, for the record and for students")
    if len(text) > MAX_WHY:
        raise BadInput(f"--why has more than {MAX_WHY} characters: students read it on their page; say it shorter")
    return text


def _taken_up(results: ResultFolder, stopped: Regrade, why: str, student: str | None) -> Regrade:
    if (stopped.why, stopped.student) == (why, student):
        return stopped
    whose = f" --student {stopped.student}" if stopped.student else ""
    folder = folder_of(results, stopped)
    raise BadInput(
        f"regrade {stopped.number} was stopped before its end: finish it first, with "
        f"--regrade --why {shlex.quote(stopped.why)}{whose} (or delete {folder}, and its table will never be made)"
    )


def _number(path: Path) -> int:
    try:
        return int(path.parent.name)
    except ValueError:
        raise BadInput(f"{path.parent} is no regrade: its name is no number; move it elsewhere") from None


def _read(path: Path) -> Regrade:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        before = {str(name): int(number) for name, number in data.pop("before").items()}
        changed = tuple(map(str, data.pop("changed")))
        return Regrade(number=_number(path), before=before, changed=changed, **_texts(data))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BadInput(f"{path} is damaged ({error}): restore it, or delete its folder") from error


def _texts(data: Mapping[str, object]) -> dict[str, str]:
    """The fields that are words, or none."""
    return {name: str(value) for name, value in data.items() if name != "number" and value is not None}


def _write(results: ResultFolder, regrade: Regrade) -> None:
    text = json.dumps(dataclasses.asdict(regrade), indent=1, ensure_ascii=False) + "\n"
    write_atomically(folder_of(results, regrade) / RUN, text.encode("utf-8", "backslashreplace"))


def _now() -> str:
    return clock.now().astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
