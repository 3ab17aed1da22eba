"""The library's part of the lesson on linear probes."""

import ast
from pathlib import Path

import pytest
import torch

from ps3 import data, linear, linear_checks, training
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


def image_set(count=40, classes=4):
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(count) % classes
    images = torch.randint(0, 40, (count, 3, 4, 4), generator=generator, dtype=torch.uint8)
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


def test_the_encoders_for_the_checks_do_what_they_say():
    assert [part.training for part in linear_checks.HalfFrozen(4).children()] == [True, False, True]
    elsewhere = linear_checks.Elsewhere()
    assert elsewhere(torch.zeros(3, 1, 2, 2)).shape == (3, 2) and elsewhere.seen() == ["cpu"]
