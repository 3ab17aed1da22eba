"""Puts an update's files in their places, all of them, however often it is stopped in between.

An update is first written whole into a folder beside the notebooks; a plan in it, written last, says that it is whole.
Until then nothing has changed; from then on whoever runs this again ends it. This file is copied into that folder, and
runs there alone: it needs nothing but Python.
"""

import json
import os
import shutil
import sys
from pathlib import Path

FOLDER = "unfinished-update"
PLAN = "plan.json"
NEW = "new"


def finish(root: Path) -> str:
    """End an update that was stopped, or take away one that was not yet whole; returns what to tell of one that ended.

    Empty where there was none to end.
    """
    staged = root / FOLDER
    if not staged.is_dir():
        return ""
    if not (staged / PLAN).is_file():
        shutil.rmtree(staged)
        return ""
    plan = json.loads((staged / PLAN).read_text(encoding="utf-8"))
    for name in plan["write"]:
        if (staged / NEW / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(staged / NEW / name, root / name)
    for name in plan["remove"]:
        (root / name).unlink(missing_ok=True)
    (staged / PLAN).unlink()
    shutil.rmtree(staged)
    return str(plan["told"])


if __name__ == "__main__":
    told = finish(Path(__file__).resolve().parent.parent)
    said = told.encode("ascii", "replace").decode() or "Nothing is unfinished here."
    sys.stdout.write(f"{said}\n")  # it stands alone: kit.text is not there
