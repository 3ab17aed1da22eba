"""Where the command `autograder` starts: from here on Ctrl-C is told as that, also while the rest is loading."""

from __future__ import annotations

from autograder import interrupts


def main() -> None:
    """Run the command line."""
    interrupts.install()
    from autograder.cli.main import main as run

    run()
