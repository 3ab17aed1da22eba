"""What the runs of the extra problems must show, a module for each.

A module has `run(pictures, preset, seed)`, which yields for each method its name, its features of the labelled
training and of the test images (None where they are not judged), and what is worth keeping: steps, loss, and numbers
of its own under "measured". And DEMANDS: what one seed's rows must show, how that is read from them, at least how much.
"""

import importlib
import pkgutil
from types import ModuleType


def by_problem() -> dict[str, ModuleType]:
    """The modules of this package, each imported, by the problem's name."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return {name: importlib.import_module(f"{__name__}.{name}") for name in names}
