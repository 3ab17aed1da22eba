"""What an installed engine needs beside its modules is part of its package."""

import tomllib
from importlib import metadata
from pathlib import Path

import autograder
from autograder.files import is_left_behind

ROOT = Path(__file__).parents[2]
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]


def is_module(path: Path) -> bool:
    folders = [folder for folder in path.parents if folder.is_relative_to(ROOT) and folder != ROOT]
    return path.suffix == ".py" and all((folder / "__init__.py").is_file() for folder in folders)


def data_of(package: str) -> set[Path]:
    """Every file of a package that is no module of it, its tests left out."""
    files = {path for path in (ROOT / package).rglob("*") if path.is_file()}
    return {
        path
        for path in files
        if not is_module(path)
        and not is_left_behind(path.relative_to(ROOT))
        and not path.is_relative_to(ROOT / "autograder" / "tests")
    }


def test_every_file_beside_the_modules_is_package_data() -> None:
    for package in ("autograder", "kit"):
        listed = {path for pattern in SETUPTOOLS["package-data"][package] for path in (ROOT / package).glob(pattern)}
        assert {path for path in listed if not is_left_behind(path.relative_to(ROOT))} == data_of(package)


def test_every_folder_with_modules_is_a_package() -> None:
    assert {path for path in data_of("autograder") if path.suffix == ".py"} == set()


def test_the_version_has_one_home() -> None:
    assert SETUPTOOLS["dynamic"]["version"] == {"attr": "autograder.__version__"}
    assert metadata.version("autograder") == autograder.__version__
