"""The library's part of the lesson on linear probes."""

import ast
from pathlib import Path

import pytest
import torch

from ps3 import data, linear, linear_checks, probes, training
from ps3.frozen import FrozenTransformer

NOTEBOOK = Path(__file__).resolve().parent.parent / "masked_autoencoder" / "notebook.py"


def mae_encoder(**sizes):
    """The reference encoder of notebook 1."""
    tree = ast.parse(NOTEBOOK.read_text(encoding="utf-8"))
    kept = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
    tree.body = [node for node in tree.body if isinstance(node, kept) and getattr(node, "module", "") != "kit"]
    names = {}
    exec(compile(tree, str(NOTEBOOK), "exec"), names)
    return names["MAEEncoder"](**sizes)


def image_set(count=40, classes=4, size=4):
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(count) % classes
    images = torch.randint(0, 40, (count, 3, size, size), generator=generator, dtype=torch.uint8)
    images[:, 0] += (labels * 50).to(torch.uint8).view(-1, 1, 1)
    split = data.Split(images, labels)
    return data.ImageSet("made", tuple("abcd"[:classes]), (0.5,) * 3, (0.25,) * 3, split, split, images)


def test_the_frozen_transformer_reads_what_notebook_1_saves_and_agrees_with_its_features(tmp_path):
    torch.manual_seed(0)
    sizes = {"image_size": (8, 12), "patch_size": 4, "dim": 16, "depth": 2, "heads": 2}
    encoder, decoder, frozen = mae_encoder(**sizes), torch.nn.Linear(2, 2), FrozenTransformer(**sizes)
    encoder.pos_embed.add_(0.1 * torch.rand(encoder.pos_embed.shape))
    training.save(tmp_path / "mae.npz", encoder=encoder, decoder=decoder)
    assert training.load(tmp_path / "mae.npz", encoder=frozen)
    images = torch.rand(3, 3, 8, 12)
    with torch.no_grad():
        assert torch.allclose(frozen(images), encoder.features(images), atol=1e-5)


def test_the_table_judges_each_number_of_labels_with_three_draws_and_all_with_one(capsys):
    pictures = image_set()
    asked = []

    def probe(train, labels, test, test_labels):
        asked.append((len(train), len(labels), len(test)))
        return 0.5 + 0.01 * len(asked)

    table = linear.Table(pictures, probe, counts=(8, 40))
    features = torch.rand(40, 6)
    table.add("pixels", (features, features))
    assert asked == [(8, 8, 40)] * 3 + [(40, 40, 40)]
    assert table.mean("pixels", 8) == pytest.approx(0.52) and table.mean("pixels", 40) == pytest.approx(0.54)
    table.show({"pixels": 0.3})
    table.by_labels()
    shown = capsys.readouterr().out
    assert "chance" in shown and "your guess: pixels 0.300" in shown


def test_bowls_tell_the_bottom_from_another_place(capsys):
    points, labels = linear.clouds()
    weight, bias = torch.zeros(3, 2, requires_grad=True), torch.zeros(3, requires_grad=True)
    for _ in range(2_000):
        value = torch.nn.functional.cross_entropy(points @ weight.T + bias, labels) + 0.05 * weight.square().sum()
        slopes = torch.autograd.grad(value, [weight, bias])
        with torch.no_grad():
            weight -= 0.5 * slopes[0]
            bias -= 0.5 * slopes[1]
    linear.bowls(weight, bias, points, labels, 0.1)
    linear.bowls(weight + 0.5, bias * 0, points, labels, 0.1)
    right, wrong = capsys.readouterr().out.strip().split("\n")
    assert right.startswith("20 of 20") and not wrong.startswith("20 of 20")


def test_without_the_weights_of_other_notebooks_a_stand_in_is_trained_once(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    asked = (image_set(size=8), training.preset("tiny"), torch.device("cpu"))
    first = linear.learned(*asked)
    again = linear.learned(*asked)
    assert list(first) == list(again) == ["rotation"]
    images = torch.rand(2, 3, 8, 8)
    assert torch.equal(first["rotation"](images), again["rotation"](images)) and not again["rotation"].training
    said = capsys.readouterr().out
    assert said.count("rotation: training, 12 steps") == 1 and "notebook 1 makes that file" in said


def test_weights_of_one_notebook_are_enough(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    training.save("weights/mae-tiny.npz", encoder=FrozenTransformer())
    assert list(linear.learned(image_set(), training.preset("tiny"), torch.device("cpu"))) == ["MAE"]
    assert "SimCLR: no weights/simclr-tiny.npz" in capsys.readouterr().out


def test_what_looking_changed_is_told(capsys):
    encoder = probes.TinyEncoder(2)
    before = linear.state(encoder)
    linear.changes(before, linear.state(encoder))
    encoder.drop.eval()
    linear.changes(before, linear.state(encoder))
    assert capsys.readouterr().out.splitlines() == ["changed: nothing", "changed: drop"]


def test_a_wrong_accuracy_leaves_the_counted_points(capsys):
    def accuracy(weight, bias, features, labels):
        return ((features @ weight.T + bias).argmax(dim=1) == labels).double().mean().item()

    linear.lifted(accuracy)
    linear.lifted(lambda *given: 100 * accuracy(*given))
    right, wrong = capsys.readouterr().out.splitlines()
    assert right == "with nothing added: 0.900, a float; counted: 0.900" and wrong.startswith(
        "with nothing added: 90.000"
    )


def test_the_encoders_for_the_checks_do_what_they_say():
    assert [part.training for part in linear_checks.HalfFrozen(4).children()] == [True, False, True]
    elsewhere = linear_checks.Elsewhere()
    assert elsewhere(torch.zeros(3, 1, 2, 2)).shape == (3, 2) and elsewhere.seen() == ["cpu"]
