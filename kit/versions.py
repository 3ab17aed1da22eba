"""What the kit needs from Python and torch, and what it says where that is missing."""

import platform
import sys
from collections.abc import Collection
from importlib import metadata

MIN_PYTHON = (3, 11)
# Run with torch 2.2.2 (numpy 1.26), 2.13.0 and 2.14.1, and with pytest 7.4, 8.0 and 9.2. torch 2.2 is the first that
# installs on Python 3.12; nothing older is tried.
MIN_TORCH = (2, 2)
TESTED_TORCH = (2, 14)
NEEDED = ("pytest", "ipykernel")


def require(libraries: Collection[str]) -> None:
    """Raise ImportError, saying what to do, where Python, or the torch that a set names, is missing or too old."""
    if sys.version_info[:2] < MIN_PYTHON:
        raise ImportError(f"this problem set needs Python {_dots(MIN_PYTHON)} or newer; this is {_python()}")
    if "torch" not in libraries:
        return
    found = version_of("torch")
    if found is None:
        raise ImportError(
            f"this problem set needs torch, which {sys.executable} does not have: see https://pytorch.org"
        )
    if numbers(found) < MIN_TORCH:
        raise ImportError(
            f"this problem set needs torch {_dots(MIN_TORCH)} or newer; here is {found}. "
            "Install a newer one (pip install --upgrade torch) and restart the kernel."
        )


def remarks(libraries: Collection[str]) -> list[str]:
    """What may be odd about the versions here: newer than tested, or a package that is missing."""
    found = version_of("torch") if "torch" in libraries else None
    said = [f"{name} is not installed here" for name in (*libraries, *NEEDED) if version_of(name) is None]
    if found is not None and numbers(found) > TESTED_TORCH:
        said.append(f"torch {found} is newer than the {_dots(TESTED_TORCH)} that this release was tested with")
    return said


def summary(libraries: Collection[str]) -> str:
    """One line: Python and the packages that matter, with their versions."""
    found = [(name, version_of(name)) for name in (*libraries, *NEEDED)]
    return ", ".join([f"Python {_python()}", *(f"{name} {version}" for name, version in found if version is not None)])


def version_of(package: str) -> str | None:
    """The version of an installed package; None if it is not installed."""
    loaded = getattr(sys.modules.get(package), "__version__", None)
    if loaded is not None:
        return str(loaded)
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def numbers(version: str) -> tuple[int, int]:
    """(2, 13) of "2.13.0a0+cpu"; (0, 0) where there are no numbers."""
    parts = [int("".join(char for char in part if char.isdigit()) or 0) for part in version.split("+")[0].split(".")]
    return (parts + [0, 0])[0], (parts + [0, 0])[1]


def _dots(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


def _python() -> str:
    return platform.python_version()
