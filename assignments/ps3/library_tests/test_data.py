"""The shipped pack and its loader."""

import shutil
import subprocess
import sys

import pytest
import torch

from ps3 import data

KNOWN_MEAN = torch.tensor([0.4914, 0.4822, 0.4465])  # CIFAR-10's 50,000 training images
KNOWN_STD = torch.tensor([0.2470, 0.2435, 0.2616])


def test_the_pack_holds_25000_training_and_5000_test_images_with_equal_classes(pack):
    assert pack.train.images.shape == (25_000, 3, 32, 32) and pack.train.images.dtype == torch.uint8
    assert pack.test.images.shape == (5_000, 3, 32, 32) and len(pack.test) == 5_000
    assert pack.train.labels.bincount().tolist() == [2500] * 10
    assert pack.test.labels.bincount().tolist() == [500] * 10


def test_the_tiny_preset_loads_fewer_test_images_and_all_others(pack, monkeypatch):
    monkeypatch.setenv("PS3_PRESET", "tiny")
    tiny = data.load()
    assert len(tiny.test.images) == len(tiny.test.labels) == 2_000
    assert torch.equal(tiny.test.images, pack.test.images[:2_000])
    assert torch.equal(tiny.train.images, pack.train.images) and tiny.digest == pack.digest


def test_channel_means_and_deviations_are_close_to_those_of_the_whole_set(pack):
    pixels = pack.train.images.float() / 255
    mean, std = pixels.mean((0, 2, 3)), pixels.std((0, 2, 3))
    assert (mean - KNOWN_MEAN).abs().max() < 0.003 and (std - KNOWN_STD).abs().max() < 0.003
    assert torch.allclose(mean, torch.tensor(pack.mean), atol=0.001)
    assert torch.allclose(std, torch.tensor(pack.std), atol=0.001)


def test_no_test_image_stands_in_training(pack):
    def small(images):  # 4 x 4 means: JPEG changes single pixels between two copies of a photograph
        return torch.nn.functional.adaptive_avg_pool2d(images.float(), 4).flatten(1)

    train, test = small(pack.train.images), small(pack.test.images)
    nearest = torch.cat([torch.cdist(part, train).min(dim=1).values for part in test.split(500)])
    assert (nearest > 10).all(), f"test images {(nearest <= 10).nonzero().flatten().tolist()} are also in training"


def test_the_official_order_is_kept(pack):
    """The first labels of the official splits; no class is full so early."""
    assert pack.train.labels[:10].tolist() == [6, 9, 9, 4, 1, 1, 2, 7, 8, 3]
    assert pack.test.labels[:10].tolist() == [3, 8, 8, 0, 6, 6, 1, 6, 3, 1]


def test_blue_skies_and_green_frogs_stand_where_the_labels_say(pack):
    """Mean colours per class: airplanes are bluest, frogs least blue; swapped channels or labels would show."""
    blueness = torch.stack(
        [
            (pack.train.images[pack.train.labels == c, 2].float() - pack.train.images[pack.train.labels == c, 0]).mean()
            for c in range(10)
        ]
    )
    assert pack.classes[blueness.argmax()] in ("airplane", "ship")
    assert pack.classes[blueness.argmin()] in ("frog", "deer", "cat", "dog")


def test_normalised_images_have_mean_zero_and_deviation_one_and_come_back(pack):
    batch = pack.train.images[:5000]
    normal = pack.normalize(batch)
    assert normal.dtype == torch.float32
    assert normal.mean((0, 2, 3)).abs().max() < 0.02 and (normal.std((0, 2, 3)) - 1).abs().max() < 0.02
    assert torch.allclose(pack.unnormalize(normal), batch / 255, atol=1e-6)
    assert pack.normalize(batch[:1].double() / 255).dtype == torch.float64


@pytest.mark.parametrize("count", [500, 1_000, 10_000])
def test_a_labelled_subset_is_balanced_and_repeatable(pack, count):
    chosen = data.labelled_subset(pack.train.labels, count)
    assert len(chosen.unique()) == count
    assert pack.train.labels[chosen].bincount().tolist() == [count // 10] * 10
    assert torch.equal(chosen, data.labelled_subset(pack.train.labels, count))


def test_smaller_labelled_subsets_are_the_beginning_of_larger_ones(pack):
    small, large = (data.labelled_subset(pack.train.labels, count, draw=2) for count in (500, 1_000))
    assert torch.equal(small, large[:500])


def test_another_draw_gives_other_images(pack):
    first, second = (set(data.labelled_subset(pack.train.labels, 500, draw).tolist()) for draw in (0, 1))
    assert len(first & second) < 50


@pytest.mark.parametrize("count", [0, 505, 25_010])
def test_a_count_that_cannot_be_balanced_is_refused(pack, count):
    with pytest.raises(ValueError, match="cannot be balanced over 10 classes"):
        data.labelled_subset(pack.train.labels, count)


@pytest.fixture
def copy(tmp_path):
    return shutil.copytree(data.set_folder(data.SMALL), tmp_path / data.SMALL)


@pytest.mark.parametrize("name", ["set.json", "train_03.jpg", "test_labels.txt"])
def test_a_file_with_one_changed_byte_is_refused_by_name(copy, name):
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(data.DataError, match=f"{name} is damaged"):
        data.load_folder(copy)


@pytest.mark.parametrize("name", ["SHA256SUMS", "train_07.jpg", "train_labels.txt"])
def test_a_missing_file_is_named_with_what_to_do(copy, name):
    (copy / name).unlink()
    with pytest.raises(data.DataError, match=f"{name} is missing: "):
        data.load_folder(copy)


def test_a_garbled_list_of_checksums_is_refused(copy):
    (copy / "SHA256SUMS").write_text("garbage\n")
    with pytest.raises(data.DataError, match="SHA256SUMS is damaged"):
        data.load_folder(copy)


def test_the_shipped_pack_names_the_release_to_unpack_again(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "PACKS", tmp_path)
    with pytest.raises(data.DataError, match="unpack the release again"):
        data.load()


def test_a_set_that_was_not_fetched_says_where_to_put_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PS3_DATA", str(tmp_path))
    with pytest.raises(data.DataError, match="set PS3_DATA to the folder that holds stl10"):
        data.load("stl10")


def test_no_file_of_the_pack_exceeds_two_megabytes():
    sizes = {path.name: path.stat().st_size for path in data.set_folder(data.SMALL).iterdir()}
    assert max(sizes.values()) < 2_000_000, sizes


def test_importing_the_library_brings_no_drawing_and_no_torchvision():
    code = (
        "import sys, ps3.data, ps3.networks.transformer; print({'matplotlib', 'torchvision', 'PIL'} & set(sys.modules))"
    )
    folder = data.PACKS.parent
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
