"""The command line: one command for each step of the term, its work in the packages below."""

from __future__ import annotations

import errno
import os
import sys

import click

from autograder import __version__, interrupts
from autograder.cli import (
    collect,
    completion,
    doctor,
    export,
    grade,
    instructor,
    json_output,
    leaderboard,
    proving,
    report,
    similar,
    staff,
    starting,
)
from autograder.cli.release import release
from autograder.cli.screen import print_on_any_terminal, say, say_data
from autograder.errors import AutograderError, BadInput

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
# What a path of the wrong kind gives, wherever it was named: a file for a folder, one that may not be read.
_WRONG_PATH = (errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__)
def commands() -> None:
    """Build an assignment, prove its tests, grade a class.

    Run every command in the course's top folder (the one that holds assignments/).
    """


for command in (
    starting.new,
    starting.import_,
    instructor.build,
    proving.verify,
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
    completion.completion,
):
    commands.add_command(command)


json_output.add_to(commands.commands.values())
completion.add_to(commands.commands.values())


def main() -> None:
    """Run a command; an error that its reader can fix prints as a message, with its own exit code."""
    interrupts.install()
    print_on_any_terminal()
    arguments = sys.argv[1:]
    document = json_output.begin("--json" in arguments)
    code, error = 1, None
    try:
        code, error = _run()
    except SystemExit as stopped:
        code = stopped.code if isinstance(stopped.code, int) else 1
    except BaseException as fault:
        error = (type(fault).__name__, str(fault))
        raise
    finally:
        if document is not None:
            json_output.begin(False)
            say_data(document.text(" ".join(arguments), code, error))
    sys.exit(code)


def _run() -> tuple[int, tuple[str, str] | None]:
    """The exit code, and the kind and the message of an error that ended the command."""
    try:
        code = commands(standalone_mode=False)
        return code if isinstance(code, int) else 0, None
    except click.ClickException as error:
        error.show()
        return error.exit_code, (type(error).__name__, error.format_message())
    except click.Abort:
        say("Stopped.", err=True)
        return 1, ("Abort", "stopped")
    except AutograderError as error:
        say(f"Error: {error}", err=True)
        return error.exit_code, (type(error).__name__, str(error))
    except BrokenPipeError:  # whoever read our output, such as `head`, has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1, ("BrokenPipeError", "nobody reads the output any more")
    except OSError as error:
        if error.errno in _WRONG_PATH and error.filename is not None:
            said = f"{os.fsdecode(error.filename)}: {error.strerror}. Give another path, or change its permissions"
            say(f"Error: {said}", err=True)
            return BadInput.exit_code, ("OSError", said)
        if error.errno not in _NO_ROOM:
            raise
        where = f" ({error.filename})" if error.filename else ""
        said = f"{error.strerror}{where}. Finished results are kept: free space, then run again."
        say(f"Error: {said}", err=True)
        return 1, ("OSError", said)
