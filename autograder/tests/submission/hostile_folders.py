"""Hostile things beside the notebook: links, pipes, crowds, names, archives. `CASES` holds these and all of
hostile_notebooks.py."""

from __future__ import annotations

import gzip
import io
import json
import os
import socket
import struct
import tarfile
import zipfile
from pathlib import Path
from typing import Any

from autograder.tests.submission.hostile_notebooks import CASES, SCRIPT, SECRET, Case, Scene, case, write

__all__ = ["CASES", "SCRIPT", "SECRET", "Case", "Scene", "write"]


@case(accepted=False, noted="it is a link")
def a_link_to_a_secret(scene: Scene) -> None:
    scene.path.symlink_to(scene.secret)


@case(accepted=False, noted="hard link")
def a_hard_link_to_a_secret(scene: Scene) -> None:
    os.link(scene.secret, scene.path)


@case(accepted=False, noted="it is a link")
def a_link_to_a_device(scene: Scene) -> None:
    scene.path.symlink_to("/dev/zero")


@case(accepted=False, noted="not a regular file")
def a_pipe(scene: Scene) -> None:
    os.mkfifo(scene.path)


@case(accepted=False, noted="not a regular file")
def a_socket(scene: Scene) -> None:
    here = os.open(scene.folder, os.O_RDONLY)
    try:  # by way of /proc: the path of a socket may be 107 bytes long
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(f"/proc/self/fd/{here}/{scene.file}")
    finally:
        os.close(here)


@case(accepted=True, noted="was found under the name")
def a_folder_with_the_notebooks_name(scene: Scene) -> None:
    scene.path.mkdir()
    (scene.path / scene.file).write_text(json.dumps(scene.notebook))


@case(accepted=False, noted="linked (a link)")
def a_linked_folder(scene: Scene) -> None:
    (scene.folder / "linked").symlink_to(scene.secret.parent)


@case(accepted=True, noted="notes.txt (a link)")
def a_link_beside_the_notebook(scene: Scene) -> None:
    scene.save()
    (scene.folder / "notes.txt").symlink_to(scene.secret)


@case(accepted=True, noted="conftest.py")
def modules_that_shadow_others(scene: Scene) -> None:
    scene.save()
    for name in ("torch.py", "conftest.py", "sitecustomize.py", "kit.py", "usercustomize.py"):
        (scene.folder / name).write_text(f"raise SystemExit({SECRET!r})")
    (scene.folder / "tests").mkdir()
    (scene.folder / "tests" / "test_hidden.py").write_text("")


@case(accepted=True, noted="not kept: ")
def hostile_file_names(scene: Scene) -> None:
    scene.save()
    names = [
        b"a\nb.py",
        b"\xff\xfe.ipynb.txt",
        b"<img src=x onerror=alert(1)>.py",
        b"[bold red]x.py",
        b"\x1b[31mred.py",
    ]
    for name in [*names, b"n" * 250, b"$(reboot).py", "\u202efdp.py".encode()]:
        Path(os.fsdecode(os.fsencode(scene.folder) + b"/" + name)).write_text("")


@case(accepted=True, noted="was not read")
def a_second_notebook_with_a_hostile_name(scene: Scene) -> None:
    scene.save()
    (scene.folder / "<script>\n.ipynb").write_text("{")


@case(accepted=True, unchanged=True)
def checkpoints(scene: Scene) -> None:
    scene.save()
    folder = scene.folder / ".ipynb_checkpoints"
    folder.mkdir()
    (folder / f"{scene.file[:-6]}-checkpoint.ipynb").write_text(json.dumps(SECRET))


@case(accepted=True, noted="were looked at")
def a_crowd_of_files(scene: Scene) -> None:
    scene.save()
    for number in range(300):
        (scene.folder / f"0{number}.ipynb").write_text("{")


# --- archives -------------------------------------------------------------------------------------------------------

ZIP = "hand-in.zip"


def zip_of(scene: Scene, members: dict[str, Any]) -> None:
    """A zip file; a value is the content, or (content, mode)."""
    with zipfile.ZipFile(scene.folder / ZIP, "w") as archive:
        for path, content in members.items():
            info = zipfile.ZipInfo(path, (2026, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            content, mode = content if isinstance(content, tuple) else (content, 0o100644)
            info.external_attr = mode << 16
            archive.writestr(info, content)


@case(accepted=False, noted="leads out of the archive")
def a_zip_that_slips(scene: Scene) -> None:
    text = json.dumps(scene.notebook)
    zip_of(scene, {f"../../{scene.file}": text, f"/tmp/{scene.file}": text, f"..\\{scene.file}": text})


@case(accepted=False, noted="it is a link")
def a_zip_with_links(scene: Scene) -> None:
    zip_of(scene, {scene.file: (str(scene.secret), 0o120777)})


@case(accepted=False, noted="grows more than a notebook can")
def a_zip_bomb(scene: Scene) -> None:
    zip_of(scene, {scene.file: b" " * 20_000_000})


@case(accepted=False, noted="it is damaged in the archive")
def a_zip_that_lies_about_sizes(scene: Scene) -> None:
    zip_of(scene, {scene.file: json.dumps(scene.notebook).encode() + b" " * 3_000_000})
    path = scene.folder / ZIP
    data = bytearray(path.read_bytes())
    at = data.rfind(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 1_000)
    path.write_bytes(data)


@case(accepted=False, noted="holds too many files")
def a_zip_of_thousands(scene: Scene) -> None:
    zip_of(scene, {f"{number:0200}.txt": b"" for number in range(9_000)})


@case(accepted=False, noted="damaged, or not an archive")
def a_zip_that_is_none(scene: Scene) -> None:
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1, 1, 100, 50, 0)
    (scene.folder / ZIP).write_bytes(b"PK\x03\x04" + bytes(1_000) + end)


@case(accepted=True, noted="read from the archive hand-in.zip/inner.zip")
def a_zip_inside_a_zip(scene: Scene) -> None:
    zip_of(scene, {"inner.zip": _zipped(scene.file, json.dumps(scene.notebook))})


@case(accepted=False, noted="an archive inside an archive inside an archive")
def a_zip_in_a_zip_in_a_zip(scene: Scene) -> None:
    inner = _zipped("inner.zip", _zipped(scene.file, json.dumps(scene.notebook)))
    zip_of(scene, {"outer.zip": inner})


@case(accepted=False, noted="grows more than")
def a_zip_bomb_in_a_zip(scene: Scene) -> None:
    zip_of(scene, {"inner.zip": _zipped(scene.file, b" " * 20_000_000)})


@case(accepted=False, noted="it is encrypted")
def a_zip_with_a_password(scene: Scene) -> None:
    zip_of(scene, {scene.file: json.dumps(scene.notebook)})
    path = scene.folder / ZIP
    data = bytearray(path.read_bytes())
    data[data.rfind(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)


def _zipped(name: str, content: str | bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


@case(accepted=True, noted="read from the archive")
def a_zip_with_unwanted_company(scene: Scene) -> None:
    members = {"torch.py": "raise SystemExit", "__MACOSX/._x.ipynb": "{", "../evil.py": "x"}
    zip_of(scene, members | {f"hand in/{scene.file}": json.dumps(scene.notebook)})


@case(accepted=False, noted="it is a link or no regular file")
def a_tar_with_links(scene: Scene) -> None:
    with tarfile.open(scene.folder / "hand-in.tar.gz", "w:gz") as archive:
        for name, kind in ((scene.file, tarfile.SYMTYPE), (f"2{scene.file}", tarfile.LNKTYPE)):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, str(scene.secret)
            archive.addfile(member)


@case(accepted=False, noted="leads out of the archive")
def a_tar_that_slips(scene: Scene) -> None:
    _tar(scene, {f"../../{scene.file}": json.dumps(scene.notebook).encode(), f"/tmp/{scene.file}": b"{}"})


@case(accepted=False, noted="it is a link or no regular file")
def a_tar_with_a_hole_of_a_terabyte(scene: Scene) -> None:
    with tarfile.open(scene.folder / "hand-in.tar", "w", format=tarfile.PAX_FORMAT) as archive:
        member = tarfile.TarInfo(scene.file)
        member.pax_headers = {"GNU.sparse.map": "0,1", "GNU.sparse.size": str(10**12), "GNU.sparse.numblocks": "1"}
        member.size = 1
        archive.addfile(member, io.BytesIO(b"{"))


@case(accepted=False, noted="grows more than notebooks can")
def a_gzip_bomb(scene: Scene) -> None:
    (scene.folder / f"{scene.file}.gz").write_bytes(gzip.compress(b" " * 60_000_000))


@case(accepted=False, noted="damaged, or not an archive")
def a_gzip_file_that_was_cut_off(scene: Scene) -> None:
    whole = gzip.compress(json.dumps(scene.notebook).encode())
    (scene.folder / f"{scene.file}.gz").write_bytes(whole[: len(whole) // 2])


@case(accepted=False, noted="folders deep")
def folders_in_folders_without_end(scene: Scene) -> None:
    folder = scene.folder
    for _ in range(30):
        folder = folder / "d"
    folder.mkdir(parents=True)
    (folder / scene.file).write_text(json.dumps(scene.notebook))


@case(accepted=False, noted="linked (a link)")
def a_linked_folder_below_a_folder(scene: Scene) -> None:
    (scene.folder / "mine").mkdir()
    (scene.folder / "mine" / "linked").symlink_to(scene.secret.parent)


def _tar(scene: Scene, members: dict[str, bytes]) -> None:
    with tarfile.open(scene.folder / "hand-in.tar", "w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
