"""The lesson on linear probes: its table, its figures' numbers, its networks, the parts of its checks."""

import json
from pathlib import Path

import pytest
import torch

from ps3 import data, stored, training
from ps3.linear_probe import figures, networks, parts
from ps3.linear_probe.table import Table, sensible_try
from ps3.networks.resnet import ResNet8


def image_set(count=40, classes=4, size=4):
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(count) % classes
    images = torch.randint(0, 40, (count, 3, size, size), generator=generator, dtype=torch.uint8)
    images[:, 0] += (labels * 50).to(torch.uint8).view(-1, 1, 1)
    split = data.Split(images, labels)
    return data.ImageSet("made", tuple("abcd"[:classes]), (0.5,) * 3, (0.25,) * 3, split, split, images)


def test_the_table_judges_each_number_of_labels_with_three_draws_and_all_with_one(capsys):
    pictures = image_set()
    asked = []

    def probe(train, labels, test, test_labels):
        asked.append((len(train), len(labels), len(test)))
        return 0.5 + 0.01 * len(asked)

    table = Table(pictures, probe, counts=(8, 40))
    features = torch.rand(40, 6)
    table.add("pixels", (features, features))
    assert asked == [(8, 8, 40)] * 3 + [(40, 40, 40)]
    assert table.mean("pixels", 8) == pytest.approx(0.52) and table.mean("pixels", 40) == pytest.approx(0.54)
    table.show({"pixels": 0.3})
    table.by_labels()
    shown = capsys.readouterr().out
    assert "chance" in shown and "your guess: pixels 0.300" in shown


def test_bowls_tell_the_bottom_from_another_place(capsys):
    points, labels = figures.clouds()
    weight, bias = torch.zeros(3, 2, requires_grad=True), torch.zeros(3, requires_grad=True)
    for _ in range(2_000):
        value = torch.nn.functional.cross_entropy(points @ weight.T + bias, labels) + 0.05 * weight.square().sum()
        slopes = torch.autograd.grad(value, [weight, bias])
        with torch.no_grad():
            weight -= 0.5 * slopes[0]
            bias -= 0.5 * slopes[1]
    figures.bowls(weight, bias, points, labels, 0.1)
    figures.bowls(weight + 0.5, bias * 0, points, labels, 0.1)
    right, wrong = capsys.readouterr().out.strip().split("\n")
    assert right.startswith("20 of 20") and not wrong.startswith("20 of 20")


FINISHED = stored.Record("mae-tiny", 12, 12, 0.6, "made", "", preset="tiny")


def leave_features(pictures, name="weights/mae-features-tiny-made.npz"):
    """As the notebook on masked autoencoders leaves them: three levels, the last all ones."""
    levels = torch.stack([torch.zeros(len(pictures.train), 6), torch.zeros(len(pictures.train), 6) + 0.5] + [
        torch.ones(len(pictures.train), 6)])  # fmt: skip
    names = ("random transformer", "MAE")
    tensors = {f"{name}/{split}": levels.half() for name in names for split in ("train", "test")}
    stored.save_tensors(name, tensors, FINISHED)


def found_by(pictures):
    """What the other notebooks left, and what stands in for it."""
    preset, device = training.preset("tiny"), torch.device("cpu")
    features = networks.stored_features(preset, pictures)
    return features, networks.learned(pictures, preset, device, features)


def test_where_the_other_notebooks_left_nothing_a_stand_in_is_trained_once(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    pictures = image_set(size=8)
    (nothing, first), (_, again) = found_by(pictures), found_by(pictures)
    assert not nothing and list(first) == list(again) == ["rotation"]
    images = torch.rand(2, 3, 8, 8)
    assert torch.equal(first["rotation"](images), again["rotation"](images)) and not again["rotation"].training
    printed = capsys.readouterr().out
    assert printed.count("rotation: training, 4 steps") == 1
    assert "MAE: no weights/mae-features-tiny-made.npz" in printed
    assert "SimCLR: no weights/simclr-tiny-made.npz" in printed and "loaded rotation-tiny: 4 of 4 steps" in printed


def test_features_of_one_notebook_are_enough(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    leave_features(image_set())
    features, encoders = found_by(image_set())
    assert list(features) == ["random transformer", "MAE"] and not encoders
    train, test = features["MAE"]
    assert train.shape == test.shape == (3, 40, 6) and train.dtype == torch.float32 and (train[-1] == 1).all()
    printed = capsys.readouterr().out
    assert "SimCLR: no weights/simclr-tiny-made.npz" in printed
    assert "MAE: features of mae-tiny: 12 of 12 steps, loss .60" in printed


def test_the_encoder_of_one_notebook_is_enough(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stored.save("weights/simclr-tiny-made.npz", FINISHED, encoder=ResNet8())
    features, encoders = found_by(image_set())
    assert not features and list(encoders) == ["SimCLR"]


def test_features_of_other_images_and_damaged_files_are_not_used(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    leave_features(image_set(count=20))
    assert not networks.stored_features(training.preset("tiny"), image_set())
    assert "features of other images" in capsys.readouterr().out
    path = tmp_path / "weights" / "mae-features-tiny-made.npz"
    path.write_bytes(path.read_bytes()[:200])
    assert not networks.stored_features(training.preset("tiny"), image_set())
    assert "is damaged" in capsys.readouterr().out


def test_blocks_are_read_as_means_over_places():
    torch.manual_seed(0)
    network, images = ResNet8().eval(), torch.rand(2, 3, 8, 8)
    with torch.no_grad():
        widths = [networks.up_to_block(network, count)(images).shape for count in range(4)]
        assert widths == [(2, 16), (2, 32), (2, 64), (2, 128)]
        torch.testing.assert_close(networks.up_to_block(network, 3)(images), network(images))


def test_the_puzzle_takes_pixels_hand_made_features_and_learned_ones_before_random(capsys):
    known, generator = image_set(), torch.Generator().manual_seed(3)
    train, test = torch.rand(40, 5, generator=generator), torch.rand(40, 5, generator=generator)
    names = ("pixels", "hand-crafted", "random transformer", "MAE", "random ResNet", "SimCLR")
    puzzle = figures.puzzle(dict.fromkeys(names, (train, test)), count=30)
    assert {letter: name for letter, (name, _) in puzzle.items()} == {
        "A": "pixels", "B": "SimCLR", "C": "MAE", "D": "hand-crafted"}  # fmt: skip
    assert all(indices.shape == (2, 5) and indices.max() < 30 for _, indices in puzzle.values())
    figures.show_puzzle(known, puzzle, reveal=True, guess="A")
    assert "your guess: A" in capsys.readouterr().out


def test_the_confusion_asks_the_accuracy_for_each_pair_of_classes(capsys):
    known = image_set(count=12, classes=3)
    says = torch.tensor([0, 1, 2] * 3 + [1, 1, 2])  # the last image of class 0 is taken for class 1

    def accuracy(weight, bias, features, labels):
        return (features[:, 0].long() == labels).double().mean().item()

    figures.confusion(accuracy, torch.zeros(3, 1), torch.zeros(3), says.float().unsqueeze(1), known, None)
    assert "most often confused: a and b, 1 times; no guess made" in capsys.readouterr().out


def test_the_plane_counts_points_in_the_region_of_another_class(capsys):
    points = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 2.0], [1.0, 0.0]])
    weight = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])
    figures.plane(weight, torch.zeros(3), points, torch.tensor([0, 1, 2, 1]))
    assert "1 of 4 points lie in another class's region" in capsys.readouterr().out


def test_what_looking_changed_is_said(capsys):
    encoder = parts.TinyEncoder(2)
    before = figures.state(encoder)
    figures.changes(before, figures.state(encoder))
    encoder.drop.eval()
    figures.changes(before, figures.state(encoder))
    assert capsys.readouterr().out.splitlines() == ["changed: nothing", "changed: drop"]


def test_a_wrong_accuracy_leaves_the_counted_points(capsys):
    def accuracy(weight, bias, features, labels):
        return ((features @ weight.T + bias).argmax(dim=1) == labels).double().mean().item()

    figures.lifted(accuracy)
    figures.lifted(lambda *given: 100 * accuracy(*given))
    right, wrong = capsys.readouterr().out.splitlines()
    assert right == "with nothing added: 0.900, a float; counted: 0.900" and wrong.startswith(
        "with nothing added: 90.000"
    )


def test_the_encoders_for_the_checks_do_what_they_say():
    assert [part.training for part in parts.HalfFrozen(4).children()] == [True, False, True]
    elsewhere = parts.Elsewhere()
    assert elsewhere(torch.zeros(3, 1, 2, 2)).shape == (3, 2) and elsewhere.seen() == ["cpu"]


def test_the_tiny_encoder_depends_on_its_mode():
    torch.manual_seed(0)
    encoder, images = parts.TinyEncoder(8, channels=2), torch.rand(4, 2, 5, 7)
    mean = encoder.norm.get_buffer("running_mean").clone()
    assert not torch.equal(encoder(images), encoder(images))
    assert not torch.equal(mean, encoder.norm.get_buffer("running_mean"))
    encoder.eval()
    assert torch.equal(encoder(images), encoder(images)) and encoder(images).shape == (4, 8)


def test_the_recorder_tells_how_it_was_called():
    recorder = parts.BatchRecorder()
    recorder(torch.zeros(3, 1, 2, 2))
    recorder.eval()
    with torch.no_grad():
        assert recorder(torch.ones(2, 1, 2, 2)).shape == (2, 4)
    assert recorder.seen() == [(3, True, True), (2, False, False)]
    assert not recorder.state_dict()


def test_finetuning_moves_a_copy_and_leaves_the_encoder_as_it_was(capsys):
    torch.manual_seed(0)
    encoder, pictures = ResNet8().requires_grad_(False), image_set(size=8)
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    free = networks.finetuned(encoder, ResNet8.dim, pictures, pictures.train.images, pictures.train.labels, steps=2)
    assert all(torch.equal(before[name], value) for name, value in encoder.state_dict().items())
    assert all(
        (old != new).any() for old, new in zip(encoder.parameters(), free.get_submodule("0").parameters(), strict=True)
    )
    assert free(torch.rand(2, 3, 8, 8)).shape == (2, 4) and not free.training


def test_each_encoder_of_a_long_cell_has_a_line(capsys):
    pictures = image_set(size=8)
    sets = (pictures.train.images, pictures.test.images[:10])
    found = networks.features_of_all({"one": ResNet8(), "two": ResNet8()}, pictures, sets)
    assert [[len(part) for part in parts] for parts in found.values()] == [[40, 10], [40, 10]]
    assert capsys.readouterr().out.splitlines() == ["one: features of 50 images", "two: features of 50 images"]


@pytest.mark.parametrize(
    ("rows", "pair"),
    [
        (("pixels", "MAE", "SimCLR"), ("SimCLR", "random ResNet")),
        (("pixels", "MAE"), ("MAE", "random transformer")),
        (("pixels", "rotation"), ("rotation", "random ResNet")),
    ],
)
def test_a_learned_row_comes_with_the_twin_of_its_own_architecture(rows, pair):
    assert networks.learned_and_twin(rows) == pair


def test_a_try_is_read_leniently_and_what_cannot_be_used_is_said(capsys):
    rows, counts = ("pixels", "SimCLR"), (500, 1_000, 10_000)
    assert sensible_try("simclr", "105", "0.1", rows, counts) == ("SimCLR", 100, 0.1)
    assert not capsys.readouterr().out
    assert sensible_try("vgg", 7_000, -1, rows, counts) == ("pixels", 500, 1.0)
    printed = capsys.readouterr().out
    assert all(part in printed for part in ("pixels, SimCLR", "20 to 1000", "0.01 to 1000"))


def test_a_row_says_how_many_probes_it_took(capsys):
    pictures = image_set()
    table = Table(pictures, lambda *parts: 0.5, counts=(8, 40))
    table.add("pixels", (torch.rand(40, 6), torch.rand(40, 6)))
    assert capsys.readouterr().out.startswith("pixels: 4 probes of 6 features, ")


def test_a_head_and_all_weights_are_drawn_beside_the_courses_with_a_guess(capsys):
    drawn = figures.head_or_all({"SimCLR": (0.44, 0.51)}, {"SimCLR": "48", "random ResNet": None})
    printed = capsys.readouterr().out
    assert "(yours 0.440 → 0.510)" in printed and "your guess: SimCLR 0.48" in printed
    ticks = [text.get_text() for text in drawn.axes[0].get_yticklabels()]
    assert ticks[0] == "hand-crafted" and "SimCLR" in ticks
    figures.head_or_all({}, None)
    assert "no guess made" in capsys.readouterr().out


def test_the_courses_own_numbers_come_from_the_committed_measurement():
    path = Path(__file__).resolve().parents[1] / "experiments" / "results-finetune.json"
    measured: dict[str, list[list[float]]] = {}
    for found in json.loads(path.read_text(encoding="utf-8")).values():
        for name, ways in found.items():
            rows = measured.setdefault(name, [[], []])
            for row, way in zip(rows, ("linear head", "all weights"), strict=True):
                row += [ways[way]] if way in ways else []
    assert {name: [list(values) for values in rows] for name, rows in figures.HEAD_OR_ALL.items()} == measured


def test_the_drawn_probe_says_what_is_frozen_and_what_is_thrown_away(capsys):
    written = [text.get_text() for text in figures.architecture().axes[0].texts]
    assert "frozen" in written and "trained, then thrown away" in written
