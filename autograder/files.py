"""nbgrader starts `alembic` by name; it lies beside the interpreter, whose folder need not be on PATH."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def put_interpreter_on_path() -> None:
    """Put this interpreter's folder first on PATH, unless it is there."""
    folder = str(Path(sys.executable).parent)
    folders = os.environ.get("PATH", "").split(os.pathsep)
    if folder not in folders:
        os.environ["PATH"] = os.pathsep.join([folder, *folders])
