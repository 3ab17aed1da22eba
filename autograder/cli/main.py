"""The command line: one command for each step of the term, its work in the packages below."""

from __future__ import annotations

import errno
import sys

import click

from autograder import __version__, interrupts
from autograder.cli import collect, doctor, export, grade, instructor, leaderboard, report, similar, staff
from autograder.cli.release import release
from autograder.cli.screen import say
from autograder.errors import AutograderError

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__)
def commands() -> None:
    """Build an assignment, prove its tests, grade a class.

    Run every command in the course's top folder (the one that holds assignments/).
    """


for command in (
    instructor.build,
    instructor.verify,
    instructor.solve,
    instructor.demo,
    release,
    grade.grade,
    staff.rerun,
    staff.table,
    staff.feedback,
    collect.collect,
    export.export,
    report.report,
    leaderboard.leaderboard,
    similar.similar,
    doctor.doctor,
):
    commands.add_command(command)


def main() -> None:
    """Run a command; an error that its reader can fix prints as a message, with its own exit code."""
    interrupts.install()
    try:
        commands()
    except AutograderError as error:
        say(f"Error: {error}", err=True)
        sys.exit(error.exit_code)
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        where = f" ({error.filename})" if error.filename else ""
        say(f"Error: {error.strerror}{where}. Finished results are kept: free space, then run again.", err=True)
        sys.exit(1)
