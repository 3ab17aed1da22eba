"""The masked autoencoder's lesson: what it draws and measures."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from ps3 import data, plots, stored
from ps3.masked_autoencoder import figures, judging
from ps3.masked_autoencoder.elsewhere import with_another_default_device
from ps3.networks.transformer import Block


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


def test_hiding_replaces_removed_patches_and_keeps_the_others(generator):
    images = torch.rand(1, 3, 4, 6, generator=generator)
    hidden = figures.hide(images, torch.tensor([[0.0, 1.0, 0.0, 0.0, 0.0, 1.0]]), 2)
    gone = torch.zeros(4, 6, dtype=torch.bool)
    gone[:2, 2:4] = gone[2:, 4:] = True
    assert torch.equal(hidden[0, :, ~gone], images[0, :, ~gone])
    assert (hidden[0, :, gone] == figures.GREY).all()


def test_means_and_deviations_are_those_of_each_patch(generator):
    images = torch.rand(2, 3, 4, 6, generator=generator)
    mean, deviation = figures.means_and_deviations(images, 2)
    patch = images[1, :, 2:, 4:]
    assert mean[1, 0, 3, 5].item() == pytest.approx(patch.mean().item(), abs=1e-5)
    assert deviation[1, 0, 2, 4].item() == pytest.approx((patch.var() + 1e-6).sqrt().item(), abs=1e-5)


def test_a_perfect_painting_of_normalised_targets_gives_the_image_back(generator):
    images = torch.rand(2, 3, 4, 6, generator=generator)
    mean, deviation = figures.means_and_deviations(images, 2)
    mask = torch.ones(2, 6)
    rows = figures.repainted(images, (images - mean) / deviation, mask, 2)
    torch.testing.assert_close(rows["model + visible"], images, atol=1e-5, rtol=0)
    errors = figures.errors(images, rows, mask, 2)
    assert errors["model + visible"] < 1e-9 < errors["true means"]


def test_influence_names_who_is_moved_and_puts_everything_back(generator):
    rows = torch.rand(3, 4, generator=generator)
    kept = rows.clone()
    moved = figures.influence(lambda: torch.stack([rows[0] + 2 * rows[1], rows[1]]), list(rows))
    assert torch.equal(rows, kept)
    torch.testing.assert_close(moved, torch.tensor([[1.0, 0.0], [1.0, 0.5], [0.0, 0.0]]))


def test_images_stand_side_by_side():
    table = figures.side_by_side(torch.arange(12.0).reshape(2, 6), 3)
    assert table.tolist() == [[0, 1, 2, 6, 7, 8], [3, 4, 5, 9, 10, 11]]


def test_tokens_go_home_and_holes_stay_grey():
    home = figures.at_home(torch.tensor([[7.0], [8.0]]), torch.tensor([2, 1, 0]))
    assert home.flatten().tolist() == [figures.GREY, 8.0, 7.0]


def test_the_test_card_shows_six_different_squares():
    card = figures.letter_card()
    squares = [card[0, 2, r : r + 8, c : c + 8] for r in (0, 8) for c in (0, 8, 16)]
    assert card.shape == (1, 3, 16, 24)
    assert len({tuple(square.flatten().tolist()) for square in squares}) == 6


def test_the_puzzle_hides_48_of_the_64_patches_of_each_image_and_not_the_same(pack):
    images, hidden, names = figures.puzzle(pack)
    grey = (hidden == figures.GREY).all(dim=1).unfold(1, 4, 4).unfold(2, 4, 4).flatten(3).all(dim=3).flatten(1)
    assert (grey.sum(dim=1) >= 48).all() and not torch.equal(grey[0], grey[1])
    assert torch.equal(images[:, :, :4, :4][~grey[:, 0]], hidden[:, :, :4, :4][~grey[:, 0]]) and len(set(names)) == 8


@pytest.mark.parametrize(
    ("guess", "score"),
    [
        ([None] * 8, "no guess made"),
        (["Car", *[None] * 7], "you: 1 of 8"),
        (["automobile", "frog"], "you: 1 of 8"),
        ("automobile, ship", "you: 1 of 8"),
        (7, "no guess made"),
    ],
)
def test_names_guessed_in_any_form_are_scored_and_never_stop_the_notebook(guess, score, capsys):
    images, names = torch.zeros(8, 3, 8, 8), ["automobile", *["cat"] * 7]
    figures.reveal(images, images, names, guess, ["automobile", "cat", "frog", "ship"])
    assert capsys.readouterr().out.splitlines()[-1].startswith(score)


@pytest.mark.parametrize(("guess", "drawn"), [(None, False), ("0.9", True), (0.9, True), ("about one", False)])
def test_a_guessed_loss_is_drawn_where_it_can_be_read(guess, drawn):
    assert ("your guess" in figures.loss_line({"means only": torch.tensor(0.979)}, guess).message) == drawn


def test_the_method_has_its_look_wherever_its_lesson_is_imported():
    assert plots.METHODS["MAE"] == figures.MAE


class Encoder(nn.Module):
    """Two blocks over four tokens that the image's pixels fill, and a first token that must not count."""

    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList(Block(12, 2) for _ in range(2))

    def features(self, images):
        tokens = images.unfold(2, 2, 2).unfold(3, 2, 2).permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)
        x = torch.cat([torch.full((len(images), 1, 12), 99.0), tokens], dim=1)
        for block in self.blocks:
            x = block(x)
        return x[:, 1:].mean(dim=1)


def test_features_by_level_end_with_the_encoders_own_and_come_back_from_their_file(tmp_path, generator, capsys):
    images = torch.randint(0, 256, (6, 3, 4, 4), dtype=torch.uint8, generator=generator)
    split = data.Split(images, torch.arange(6) % 2)
    known = data.ImageSet("made", ("a", "b"), (0.5,) * 3, (0.25,) * 3, split, split, images)
    encoder = Encoder()
    train, test = judging.by_level({"MAE": encoder}, known)["MAE"]
    assert capsys.readouterr().out == "MAE: features of 12 images\n"
    assert train.shape == test.shape == (4, 6, 12)  # before the first block, after each, at the end
    expected = encoder.features(known.normalize(images)).detach()
    torch.testing.assert_close(train[-1], expected, atol=0.05, rtol=0.02)  # bfloat16 may be the faster one
    torch.testing.assert_close(train[-2], train[-1], atol=0.05, rtol=0.02)
    assert not torch.allclose(train[1], train[2], atol=0.05)
    record = stored.Record("mae-tiny", 12, 12, 0.6, "made", "")
    judging.save(tmp_path / "features.npz", {"MAE": (train, test)}, record)
    found = stored.read(tmp_path / "features.npz")
    assert found is not None
    tensors = found.tensors
    assert set(tensors) == {"MAE/train", "MAE/test"} and tensors["MAE/train"].dtype == torch.float16
    torch.testing.assert_close(tensors["MAE/test"].float(), test, atol=0.02, rtol=0.01)


def test_the_accuracy_of_features_that_are_the_labels_is_one(generator):
    split = data.Split(torch.zeros(40, 3, 2, 2, dtype=torch.uint8), torch.arange(40) % 2)
    known = data.ImageSet("made", ("a", "b"), (0.5,) * 3, (0.25,) * 3, split, split, split.images)
    telling = torch.stack([split.labels.float(), torch.rand(40, generator=generator)], dim=1)
    assert judging.accuracy((telling, telling), known) == 1.0


def test_loss_and_accuracy_stand_over_the_ratio_with_equal_steps_and_equal_work(capsys):
    loss, accuracy = figures.ratios(0.6, 0.6, 0.47, 0.51).axes
    lines = {line.get_label(): np.asarray(line.get_xdata()).tolist() for line in accuracy.lines}
    assert lines["yours, 500 steps"] == [0.6] and lines["yours, the long run"] == [0.75]
    names = [bar.get_label() for bar in accuracy.containers]
    assert names == ["500 steps each", "as much work as 500 at 25 %"] and len(loss.containers) == 1
    assert 0.3 < accuracy.get_ylim()[0] and "yours, 60%: 0.60 and 0.470" in capsys.readouterr().out


def test_guessed_ratios_are_read_leniently_and_drawn_on_the_courses_means(capsys):
    loss, accuracy = figures.ratios(0.6, 0.6, 0.47, guessed=("75 %", "0.4")).axes
    drawn = {
        line.get_label(): [axis is loss, *np.asarray(line.get_xdata())]
        for axis in (loss, accuracy)
        for line in axis.lines
    }
    assert drawn["your guess"] == [True, 0.75]
    out = capsys.readouterr().out
    assert "guess_best_ratio_for_features: '0.4' cannot be read; expected one of 0.25, 0.5, 0.75, 0.9" in out
    assert "your guesses: loss 75%, features none" in out


def test_without_a_long_run_the_ratios_are_drawn_all_the_same():
    accuracy = figures.ratios(0.6, 0.6, 0.47).axes[1]
    assert "yours, the long run" not in [line.get_label() for line in accuracy.lines]


def test_a_block_is_hidden_in_the_middle_and_random_noise_is_not_sorted_by_place():
    hidden = (figures.noise_for(True).argsort(dim=1).argsort(dim=1) >= 48).reshape(8, 8)
    assert hidden[2:6, 2:6].all() and hidden.sum() == 16
    assert not torch.equal(figures.noise_for(False), figures.noise_for(True))


def test_settings_of_your_turn_are_read_by_name_and_replaced_where_they_cannot_be_used(capsys):
    assert figures.settings(photo="3", my_share=25, block="False") == (3, 0.25, False)
    assert capsys.readouterr().out == ""
    assert figures.settings(photo=8) == 0 and figures.settings(my_ratio=1) == 0.6
    photo, ratio = capsys.readouterr().out.splitlines()
    assert photo.startswith("photo: 8 cannot be used; expected a whole number from 0 to 7")
    assert ratio.startswith("my_ratio: 1 cannot be used; expected a number from 0.05 to 0.95")


def test_the_attention_of_a_patch_is_shared_out_over_class_token_and_patches():
    torch.manual_seed(0)
    decoder: Any = Decoder()
    shares = figures.attention(decoder, torch.rand(2, 3, 12), torch.arange(4).expand(2, -1), patch=2)
    x = decoder.blocks[-1].norm1(decoder.blocks[0](decoder.seen))
    q, k, _ = decoder.blocks[-1].attn.qkv(x).reshape(2, 5, 3, 2, 6).unbind(dim=2)
    expected = torch.stack([(q[:, 3, h] * k[:, :, h].transpose(0, 1)).sum(-1).T / 6**0.5 for h in range(2)]).softmax(-1)
    torch.testing.assert_close(shares, expected.mean(dim=0).detach())


class Decoder(nn.Module):
    """Two blocks over a class token and four patches; remembers what it was given."""

    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList(Block(12, 2) for _ in range(2))

    def forward(self, latent, ids_restore):
        self.seen = torch.cat([latent, torch.ones(2, 2, 12)], dim=1)
        return self.blocks[1](self.blocks[0](self.seen))


@pytest.mark.parametrize(("asked", "shown"), [(2, 2), ("2", 2), (0, 1), ("x", 1), (99, 1)])
def test_a_patch_that_is_not_hidden_is_named_and_another_one_shown(asked, shown, capsys):
    assert figures.hidden_patch(asked, torch.tensor([0.0, 1.0, 1.0])) == shown
    assert ("is not hidden: choose one of 1, 2" in capsys.readouterr().out) == (asked not in (2, "2"))


@pytest.mark.parametrize(
    ("make", "stays"),
    [
        (lambda x: x + 1, True),
        (lambda x: torch.ones(len(x), device=x.device), True),
        (lambda x: torch.ones_like(x), True),
        (lambda x: x.argsort(), True),
        (lambda x: torch.ones(len(x)), False),
        (lambda x: torch.tensor(x.tolist()), False),
        (lambda x: x.cpu(), False),
    ],
)
def test_only_what_is_made_without_a_device_lives_elsewhere(make, stays):
    assert with_another_default_device(make, torch.rand(3)).is_meta != stays
    assert not make(torch.rand(3)).is_meta
