"""The script that makes the emoji pack, on tiny packages of the same form."""

import hashlib
import io
import json
import sys

import make_emoji_pack
import pytest
from PIL import Image

from ps3 import captions
from ps3.data import DataError

EMOJI = [("1F436", "dog-face", "Animals & Nature"), ("2764-FE0F", "red-heart", "Smileys & Emotion")]
LEFT_OUT = [("1F6A9", "flag", "Flags"), ("1F47B", "ghost", "Smileys & Emotion")]  # no drawing by Fluent of the ghost
COLOURS = {"twitter": (200, 0, 0, 255), "google": (0, 200, 0, 255), "svg": (0, 0, 200, 255)}


def png(colour, size=(64, 64), inset=16):
    picture = Image.new("RGBA", size)
    picture.paste(colour, (inset, inset, size[0] - inset, size[1] - inset))
    stream = io.BytesIO()
    picture.save(stream, "png")
    return stream.getvalue()


def entry(code, category, number):
    shared = {"unified": code, "image": f"{code.lower()}.png", "category": category, "subcategory": "some group"}
    return shared | {"has_img_google": True, "has_img_twitter": True, "sort_order": number}


def packages(tar_of, drawn=None):
    """The content of the four archives, by vendor; `drawn`: Twitter's drawings that are not as usual, by code."""
    everything = EMOJI + LEFT_OUT
    table = json.dumps([entry(code, category, n) for n, (code, _, category) in enumerate(everything)]).encode()
    found = {}
    for vendor in ("twitter", "google"):
        usual = {code: png(COLOURS[vendor]) for code, _, _ in everything}
        pictures = usual | (drawn or {} if vendor == "twitter" else {})
        files = {f"package/img/{vendor}/64/{code.lower()}.png": content for code, content in pictures.items()}
        found[vendor] = tar_of({"package/emoji.json": table} | files)
    names = {code.replace("-FE0F", "").lower(): name for code, name, _ in everything[:3]}
    icons = {"width": 32, "height": 32, "icons": {name: {"body": "<g/>"} for name in names.values()}}
    fluent = {"package/chars.json": json.dumps(names).encode(), "package/icons.json": json.dumps(icons).encode()}
    rows = 'hexcode,tags\n1F436,"animal, pet"\n2764,\n'
    svgs = {f"package/color/svg/{code.replace('-FE0F', '')}.svg": b"<svg/>" for code, _, _ in everything}
    openmoji = {"package/data/openmoji.csv": rows.encode(), "package/LICENSE.txt": b"share alike\n"} | svgs
    return found | {"fluent": tar_of(fluent), "openmoji": tar_of(openmoji)}


@pytest.fixture
def run(tmp_path, made, monkeypatch):
    """Runs the script on tiny packages: run(*more arguments, drawn=..., names=...)."""
    monkeypatch.setattr(make_emoji_pack, "renderer", lambda: lambda svg: png(COLOURS["svg"]))

    def start(*more, drawn=None, names=2, spoilt=None):
        lines, files = [], []
        for vendor, content in packages(made["tar"], drawn).items():
            package, digest = make_emoji_pack.PACKAGES[vendor], hashlib.sha256(content).hexdigest()
            lines += [f"[{package}]", f'file = "{package}.tgz"', 'url = "http://127.0.0.1:9"', f'sha256 = "{digest}"']
            lines += [f"bytes = {len(content)}", f"counts = {{ names = {names} }}"]
            files.append(tmp_path / f"{package}.tgz")
            files[-1].write_bytes(b"something else" if vendor == spoilt else content)
        table = tmp_path / "checksums.toml"
        table.write_text("\n".join(lines) + "\n")
        given = ["--from", *map(str, files), "--to", str(tmp_path / "pack"), *more]
        return make_emoji_pack.main(given, table)

    return start


def test_the_pack_holds_what_all_four_draw_with_names_and_tags(run, tmp_path):
    assert run() == 0
    emoji = captions.load(tmp_path / "pack")
    assert emoji.names == ("dog face", "red heart") and emoji.tags == (("animal", "pet"), ())
    assert emoji.caption(0) == "dog face animal pet" and emoji.groups == ("some group",) * 2
    assert emoji.drawings.shape == (2, 4, 3, 32, 32)
    assert emoji.by("google")[0, :, 16, 16].tolist() == [0, 200, 0]
    assert emoji.by("openmoji")[0, :, 0, 0].tolist() == [255, 255, 255]


def test_licences_and_the_note_lie_in_the_pack(run, tmp_path):
    assert run() == 0
    there = {path.name for path in (tmp_path / "pack").iterdir()}
    assert {f"LICENSE-{vendor}.txt" for vendor in make_emoji_pack.PACKAGES} | {"README.md"} <= there
    assert (tmp_path / "pack" / "LICENSE-openmoji.txt").read_text() == "share alike\n"


def test_two_runs_make_the_same_bytes_and_check_says_so(run, tmp_path, capsys):
    assert run() == 0
    assert run("--check") == 0
    (tmp_path / "pack" / "names.tsv").write_text("nothing")
    assert run("--check") == 1
    assert "differs: names.tsv" in capsys.readouterr().out


def test_an_emoji_with_a_blank_drawing_is_left_out(run, tmp_path):
    assert run(drawn={"1F436": png((255, 255, 255, 255))}, names=1) == 0
    assert captions.load(tmp_path / "pack").names == ("red heart",)


def test_a_drawing_that_is_not_square_stands_in_the_middle(run, tmp_path):
    assert run(drawn={"1F436": png((200, 0, 0, 255), (32, 64), 0)}) == 0
    row = captions.load(tmp_path / "pack").by("twitter")[0, 1, 16]
    assert row.tolist() == [255] * 8 + [0] * 16 + [255] * 8


def test_another_number_of_emoji_is_refused(run, tmp_path, capsys):
    assert run(names=3) == 1
    assert "expected 3" in capsys.readouterr().err and not (tmp_path / "pack").exists()


def test_another_package_is_refused_by_its_checksum(run, tmp_path, capsys):
    assert run(spoilt="openmoji") == 1
    assert "openmoji.tgz" in capsys.readouterr().err and not (tmp_path / "pack").exists()


def test_a_file_of_another_name_is_refused(run, tmp_path, capsys):
    assert make_emoji_pack.main(["--from", "strange.tgz", "--to", str(tmp_path / "pack")]) == 1
    assert "strange.tgz: none of the packages" in capsys.readouterr().err


def test_without_npm_the_error_says_what_to_download(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert make_emoji_pack.main(["--to", str(tmp_path / "pack")]) == 1
    said = capsys.readouterr().err
    assert "--from FILE" in said and "emoji-datasource-twitter-16.0.0.tgz" in said


def test_without_resvg_the_error_says_what_to_install(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    assert make_emoji_pack.main(["--to", str(tmp_path / "pack")]) == 1
    assert "pip install resvg-py" in capsys.readouterr().err


def test_a_spoilt_pack_is_refused_by_name(run, tmp_path):
    assert run() == 0
    (tmp_path / "pack" / "google.webp").write_bytes(b"nothing")
    with pytest.raises(DataError, match="google.webp is damaged"):
        captions.load(tmp_path / "pack")
    (tmp_path / "pack" / "google.webp").unlink()
    with pytest.raises(DataError, match="google.webp is missing"):
        captions.load(tmp_path / "pack")
