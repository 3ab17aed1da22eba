"""The masked autoencoder's lesson: what it draws and measures."""

import pytest
import torch
from torch import nn

from ps3 import data, plots, training
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


def test_the_method_has_its_look_wherever_its_lesson_is_imported():
    assert plots.METHODS["MAE"] is figures.MAE


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


def test_features_by_level_end_with_the_encoders_own_and_come_back_from_their_file(tmp_path, generator):
    images = torch.randint(0, 256, (6, 3, 4, 4), dtype=torch.uint8, generator=generator)
    split = data.Split(images, torch.arange(6) % 2)
    known = data.ImageSet("made", ("a", "b"), (0.5,) * 3, (0.25,) * 3, split, split, images)
    encoder = Encoder()
    train, test = judging.by_level(encoder, known)
    assert train.shape == test.shape == (4, 6, 12)  # before the first block, after each, at the end
    expected = encoder.features(known.normalize(images)).detach()
    torch.testing.assert_close(train[-1], expected, atol=0.05, rtol=0.02)  # bfloat16 may be the faster one
    torch.testing.assert_close(train[-2], train[-1], atol=0.05, rtol=0.02)
    assert not torch.allclose(train[1], train[2], atol=0.05)
    judging.save(tmp_path / "features.npz", {"MAE": (train, test)})
    tensors = training.load_tensors(tmp_path / "features.npz")
    assert set(tensors) == {"MAE/train", "MAE/test"} and tensors["MAE/train"].dtype == torch.float16
    torch.testing.assert_close(tensors["MAE/test"].float(), test, atol=0.02, rtol=0.01)


def test_the_accuracy_of_features_that_are_the_labels_is_one(generator):
    split = data.Split(torch.zeros(40, 3, 2, 2, dtype=torch.uint8), torch.arange(40) % 2)
    known = data.ImageSet("made", ("a", "b"), (0.5,) * 3, (0.25,) * 3, split, split, split.images)
    telling = torch.stack([split.labels.float(), torch.rand(40, generator=generator)], dim=1)
    assert judging.accuracy((telling, telling), known) == 1.0


def test_the_accuracy_by_mask_ratio_stands_beside_chance_and_the_loss_does_not():
    loss, accuracy = figures.ratios(0.6, 0.6, 0.3)
    labels = [[text.get_text() for text in picture.axes[0].texts] for picture in (loss, accuracy)]
    assert [("chance" in shown) for shown in labels] == [False, True]


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
