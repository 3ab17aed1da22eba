"""What a file may be, judged by its name and its first bytes: a notebook, an archive, a by-product, or what is left.

A notebook that is missing counts as "not handed in" only where nothing is left that may be it. These are no
candidates: what tools and systems leave behind, the release's own files, figures, data and weights; of texts, those
that hold nothing of a notebook; everything else may be the notebook.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from autograder.files import LEFT_BEHIND
from kit.manifest import Manifest, Notebook

NOTEBOOK = ".ipynb"
# Put there by nbgrader's exchange or by an operating system; neither read nor reported.
EXPECTED = {"timestamp.txt", "submission_secret.txt", ".DS_Store", "Thumbs.db", "desktop.ini"}
# What nbgrader never copies; its default for CourseDirectory.ignore.
CHECKPOINTS = ".ipynb_checkpoints"
NOT_COPIED = re.compile(r"\.ipynb_checkpoints|.*\.pyc|__pycache__|feedback", re.DOTALL)

_TOOLS = {*LEFT_BEHIND, "__MACOSX", "feedback", "venv", "env", "node_modules", "site-packages"}
_RELEASED = {"handout.md", "requirements.txt", "license", "pytest.ini", "submission.json", "manifest.json"}
_RELEASED_FOLDERS = {"kit", "tests"}
_PRODUCTS = re.compile(
    r"\.(png|jpe?g|gif|svg|webp|bmp|tiff?|heic|ico|mp4|mov|avi|webm|mp3|wav"
    r"|pth?|ckpt|safetensors|onnx|npy|npz|pkl|pickle|bin|h5|hdf5|csv|tsv|parquet|arrow"
    r"|py[cod]|so|dll|whl|log|toml|ya?ml|cfg|ini|css|js|lock)$",
    re.IGNORECASE,
)
_ARCHIVE = re.compile(r"\.(zip|tar|tgz|gz)$", re.IGNORECASE)
_UNREAD = {
    "a placeholder: the file itself is still in the cloud or elsewhere": (
        "icloud gdoc gsheet gslides glink gcolab url webloc lnk desktop cloud cloudf placeholder"
    ),
    "a download that was not finished": "crdownload part partial download opdownload tmp",
    "an archive of a kind that is not opened: hand in a zip file": (
        "7z rar bz2 tbz tbz2 xz txz zst lz lz4 lzma z zipx dmg"
    ),
    "an export, not the notebook": (
        "html htm xhtml mht mhtml pdf docx doc odt rtf pages tex epub pptx ppt odp key xlsx xls ods numbers"
    ),
    "a mail: hand in what is attached to it": "eml emlx msg mbox",
}
_WHY = {suffix: f"it is {why}" for why, suffixes in _UNREAD.items() for suffix in suffixes.split()}
EXPORT = _WHY["docx"]
OFFICE = {"[Content_Types].xml", "mimetype", "Index/Document.iwa"}  # in the zip files that office programs write
_MAGIC = {
    b"7z\xbc\xaf\x27\x1c": _WHY["7z"],
    b"Rar!": _WHY["rar"],
    b"BZh": _WHY["bz2"],
    b"\xfd7zXZ": _WHY["xz"],
    b"(\xb5/\xfd": _WHY["zst"],
    b"%PDF": _WHY["pdf"],
    b"bplist": _WHY["icloud"],
}
_PAGE = re.compile(rb"\s*<(!doctype html|html)", re.IGNORECASE)


def is_by_product_folder(name: str) -> bool:
    """A folder of tools, systems or nbgrader: nothing in it was written for this submission."""
    return name in _TOOLS or (name.startswith(".") and not has_notebooks_name(name))


def is_by_product(parts: Sequence[str]) -> bool:
    """A file that is no notebook: what tools left, the release's own, figures, data and weights."""
    name = parts[-1]
    if any(is_by_product_folder(part) for part in parts[:-1]) or name in EXPECTED or name.startswith(("._", "~$")):
        return True
    if has_notebooks_name(name):
        return False
    released = name.lower() in _RELEASED or not _RELEASED_FOLDERS.isdisjoint(parts[:-1])
    return released or name.startswith(".") and not unread_form(name) or bool(_PRODUCTS.search(name))


def is_weights(parts: Sequence[str], manifest: Manifest) -> bool:
    """A file of weights that the assignment asks for, by its name; not one that a tool made."""
    return parts[-1] in manifest.weights and not any(is_by_product_folder(part) for part in parts[:-1])


def is_checkpoint(parts: Sequence[str]) -> bool:
    """A notebook as Jupyter kept it when it was last saved by hand."""
    return CHECKPOINTS in parts[:-1] and has_notebooks_name(parts[-1])


def library_files(paths: Iterable[str], manifest: Manifest) -> set[str]:
    """Of these files those of the released library: all but notebooks in and below the package of its name."""
    paths = list(paths)
    if not manifest.library:
        return set()
    packages = {path.rpartition("/")[0] for path in paths if path.endswith("/__init__.py")}
    roots = tuple(f"{folder}/" for folder in packages if folder.rpartition("/")[2] == manifest.library)
    return {path for path in paths if path.startswith(roots) and not has_notebooks_name(path.rpartition("/")[2])}


def has_notebooks_name(name: str) -> bool:
    """Whether .ipynb stands in the name: also x.IPYNB, x.ipynb.txt, x.ipynb (1)."""
    return NOTEBOOK in name.lower()


def has_archives_name(name: str) -> bool:
    return _ARCHIVE.search(name) is not None


def unread_form(name: str) -> str:
    """Why a file is not read, judged by the end of its name; empty where that tells nothing."""
    return _WHY.get(name.lower().rpartition(".")[2], "") if "." in name else ""


def unread_bytes(data: bytes) -> str:
    """Why a file is not read, judged by its first bytes; empty where they tell nothing."""
    if _PAGE.match(data.removeprefix(b"\xef\xbb\xbf")):
        return _WHY["html"]
    return next((why for magic, why in _MAGIC.items() if data.startswith(magic)), "")


def is_zip(data: bytes) -> bool:
    return data.startswith((b"PK\x03\x04", b"PK\x05\x06"))


def is_gzip(data: bytes) -> bool:
    return data.startswith(b"\x1f\x8b")


def is_tar(data: bytes) -> bool:
    return data[257:262] == b"ustar"


def looks_like_a_notebook(data: bytes) -> bool:
    """JSON with cells, whole or cut off."""
    text = as_text(data)
    return (
        text is not None
        and text.lstrip().startswith("{")
        and re.search(r'"(cells|cell_type|nbformat)"', text) is not None
    )


def as_text(data: bytes) -> str | None:
    """The beginning of a text file in UTF-8 or UTF-16; None for anything else."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace")
    return None if b"\0" in data else data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", errors="replace")


def named(path: str, manifest: Manifest) -> frozenset[str]:
    """The released notebooks whose names stand in a file's path; none for an archive, which may hold others too."""
    text = path.lower()
    if has_archives_name(text) or unread_form(text) == _WHY["7z"]:
        return frozenset()
    return frozenset(book.file for book in manifest.notebooks if book.file.lower().removesuffix(NOTEBOOK) in text)


def mentioned(text: str, manifest: Manifest) -> frozenset[str]:
    """The released notebooks of which a text holds something: an exercise's definition, or the id of one."""
    return frozenset(book.file for book in manifest.notebooks if _ids_in(text, book)) | {
        book.file for book in manifest.notebooks if defined(text, book, manifest)
    }


def defined(text: str, book: Notebook, manifest: Manifest) -> set[str]:
    """The exercises of a notebook of which a text defines a name; `text` may be code as JSON spells it."""
    names = set(re.findall(r"(?:def|class)\s{1,20}(\w{1,100})", text))
    exercises = (exercise for exercise in manifest.exercises if exercise.problem == book.problem)
    return {exercise.id for exercise in exercises if not names.isdisjoint(exercise.names)}


def _ids_in(text: str, book: Notebook) -> bool:
    ids = [cell.id for cell in book.cells if cell.kind.is_solution and cell.id in text]
    return any(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) for name in ids)
