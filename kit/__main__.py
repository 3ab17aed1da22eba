"""`python -m kit`: what a student can ask for outside a notebook."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from kit.pack import run as run_pack
from kit.preview import run as run_preview
from kit.release import ReleaseError, find_release
from kit.text import say
from kit.update import finish
from kit.update import run as run_update

EXAMPLES = """\
examples:
  python -m kit preview                 what will be graded of every notebook here
  python -m kit preview FILE.ipynb      of one notebook
  python -m kit pack                    the file to hand in, beside the notebooks
  python -m kit pack --out ~/mine.zip   the same, elsewhere
  python -m kit update ps3-1.1.zip      bring this folder to a new version; what you wrote is kept

Nothing is executed by any of them. To run the public tests on the saved notebooks: pytest
Exit codes: 0 done, 1 a file could not be read or written, 2 wrong usage.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command; returns the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    options = _parser().parse_args(arguments)
    try:
        code = _carry_out(options)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # whoever reads this, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _carry_out(options: argparse.Namespace) -> int:
    try:
        finish(find_release().root)
        release = find_release()
        if options.command == "update":
            return run_update(release, options.zip_file)
        if options.command == "pack":
            return run_pack(release, options.notebooks, options.out)
        return run_preview(release, options.notebooks)
    except ReleaseError as error:
        say(f"error: {error}", sys.stderr)
        return 1


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(2, f"Try 'python -m kit --help' for help.\n\nerror: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m kit",
        description="See what will be graded, make the file to hand in, move to a new version.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="preview|pack|update")
    preview = commands.add_parser("preview", help="show what of the saved notebooks will be graded, and what will not")
    pack = commands.add_parser("pack", help="make the one file to hand in")
    pack.add_argument("--out", type=Path, help="where to write it (default: <assignment>-submission.zip here)")
    update = commands.add_parser("update", help="bring this folder to a new version, with everything you wrote")
    update.add_argument("zip_file", metavar="NEW.zip", type=Path, help="the release that the course gave out")
    for command in (preview, pack):
        command.add_argument("notebooks", nargs="*", type=Path, help="notebook files (default: all in the release)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
