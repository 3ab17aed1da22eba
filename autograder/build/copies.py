"""The copies in a release (library, kit, data, public tests), which git ignores: made again without a whole build."""

from __future__ import annotations

from autograder.assignment.model import Assignment
from autograder.build import release_files
from autograder.build.on_disk import Products, digest_of
from autograder.errors import BadInput, EditedByHand


def refresh(assignment: Assignment) -> None:
    """Bring the copies up to the sources as they are now: what `verify` and `solve` work with.

    EditedByHand where one of them was changed since it was made.
    """
    try:
        Products(assignment).copy(_copies(assignment))
    except EditedByHand as error:
        raise EditedByHand(f"{error}. To overwrite it: autograder build {assignment.name} --force") from None


def restore(assignment: Assignment) -> None:
    """Have the library as it was released: what `grade` works with. In a fresh clone it is copied again.

    BadInput where the sources have changed since, so that only a build can bring it back.
    """
    if not assignment.library:
        return
    recorded = Products(assignment).recorded()
    prefix = f"{_release(assignment)}/{assignment.library}/"
    library = {path: digest for path, digest in recorded.items() if path.startswith(prefix)}
    if all(_digest_on_disk(assignment, path) == digest for path, digest in library.items()):
        return
    copies = _copies(assignment)
    if any(path not in copies or digest_of(copies[path]) != digest for path, digest in library.items()):
        raise BadInput(
            f"{prefix} is not the library that was released, and its sources have changed since: "
            f"run `autograder build {assignment.name}`"
        )
    refresh(assignment)


def _copies(assignment: Assignment) -> dict[str, bytes]:
    release = _release(assignment)
    return {f"{release}/{path}": data for path, data in release_files.copies(assignment).items()}


def _release(assignment: Assignment) -> str:
    return assignment.release.relative_to(assignment.root).as_posix()


def _digest_on_disk(assignment: Assignment, path: str) -> str:
    file = assignment.root / path
    return digest_of(file.read_bytes()) if file.is_file() else ""
