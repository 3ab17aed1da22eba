"""The masked autoencoder's lesson: what it draws and measures."""

import pytest
import torch

from ps3 import masked


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


def test_hiding_replaces_removed_patches_and_keeps_the_others(generator):
    images = torch.rand(1, 3, 4, 6, generator=generator)
    hidden = masked.hide(images, torch.tensor([[0.0, 1.0, 0.0, 0.0, 0.0, 1.0]]), 2)
    gone = torch.zeros(4, 6, dtype=torch.bool)
    gone[:2, 2:4] = gone[2:, 4:] = True
    assert torch.equal(hidden[0, :, ~gone], images[0, :, ~gone])
    assert (hidden[0, :, gone] == masked.GREY).all()


def test_means_and_deviations_are_those_of_each_patch(generator):
    images = torch.rand(2, 3, 4, 6, generator=generator)
    mean, deviation = masked.means_and_deviations(images, 2)
    patch = images[1, :, 2:, 4:]
    assert mean[1, 0, 3, 5].item() == pytest.approx(patch.mean().item(), abs=1e-5)
    assert deviation[1, 0, 2, 4].item() == pytest.approx((patch.var() + 1e-6).sqrt().item(), abs=1e-5)


def test_a_perfect_painting_of_normalised_targets_gives_the_image_back(generator):
    images = torch.rand(2, 3, 4, 6, generator=generator)
    mean, deviation = masked.means_and_deviations(images, 2)
    mask = torch.ones(2, 6)
    rows = masked.repainted(images, (images - mean) / deviation, mask, 2)
    torch.testing.assert_close(rows["model + visible"], images, atol=1e-5, rtol=0)
    errors = masked.errors(images, rows, mask, 2)
    assert errors["model + visible"] < 1e-9 < errors["true means"]


def test_influence_names_who_is_moved_and_puts_everything_back(generator):
    rows = torch.rand(3, 4, generator=generator)
    kept = rows.clone()
    moved = masked.influence(lambda: torch.stack([rows[0] + 2 * rows[1], rows[1]]), list(rows))
    assert torch.equal(rows, kept)
    torch.testing.assert_close(moved, torch.tensor([[1.0, 0.0], [1.0, 0.5], [0.0, 0.0]]))


def test_images_stand_side_by_side():
    table = masked.side_by_side(torch.arange(12.0).reshape(2, 6), 3)
    assert table.tolist() == [[0, 1, 2, 6, 7, 8], [3, 4, 5, 9, 10, 11]]


def test_tokens_go_home_and_holes_stay_grey():
    home = masked.at_home(torch.tensor([[7.0], [8.0]]), torch.tensor([2, 1, 0]))
    assert home.flatten().tolist() == [masked.GREY, 8.0, 7.0]


def test_the_test_card_shows_six_different_squares():
    card = masked.letter_card()
    squares = [card[0, 2, r : r + 8, c : c + 8] for r in (0, 8) for c in (0, 8, 16)]
    assert card.shape == (1, 3, 16, 24)
    assert len({tuple(square.flatten().tolist()) for square in squares}) == 6
