"""The lesson on colourisation: its puzzle, its figures' numbers, its given parts."""

import math

import pytest
import torch

from ps3.colorization import figures, parts
from ps3.data import to_float


def test_each_photo_of_the_puzzle_has_its_own_colours_once_and_is_as_bright_in_all(pack):
    puzzle = figures.colour_puzzle(pack)
    assert puzzle.colourings.shape == (4, 4, 3, 32, 32) and puzzle.grey.shape == (4, 3, 32, 32)
    photos = to_float(pack.test.images[list(figures.PUZZLE_PHOTOS)])
    for photo, four, right in zip(photos, puzzle.colourings, puzzle.right, strict=True):
        gaps = (four - photo).abs().mean(dim=(1, 2, 3))
        assert gaps.argmin() == right and gaps[right] < 1e-6
        assert gaps.sort().values[1] > 0.02
    brightness = puzzle.colourings.mul(torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(dim=2)
    assert (brightness - puzzle.grey[:, :1]).abs().mean() < 0.02


def test_the_score_counts_letters_that_name_the_true_colouring(pack, capsys):
    puzzle = figures.colour_puzzle(pack)
    letters = [figures.LETTERS[n] for n in puzzle.right]
    figures.reveal_colours(puzzle, letters)
    assert "you: 4 of 4" in capsys.readouterr().out
    figures.reveal_colours(puzzle, ", ".join([*letters[:1], *"????"[:3]]).lower())
    assert "you: 1 of 4" in capsys.readouterr().out
    figures.reveal_colours(puzzle, [None] * 4)
    assert "no guess made" in capsys.readouterr().out


@pytest.mark.parametrize("typed", [5, ["E"] * 4, "blue", [[]] * 4, {}])
def test_letters_that_cannot_be_read_count_as_not_guessed(pack, capsys, typed):
    figures.reveal_colours(figures.colour_puzzle(pack), typed)
    assert "no guess made; guessing finds 1 on average" in capsys.readouterr().out


def test_the_drawn_architecture_says_what_is_thrown_away():
    assert "thrown away afterwards: colour head" in figures.architecture().message


def swatch_to_lab(images):
    """A stand-in for the conversion: L is the mean channel, a and b two differences, times 100."""
    red, green, blue = images.unbind(dim=1)
    return 100 * torch.stack([images.mean(dim=1), red - green, green - blue], dim=1)


def test_the_card_says_how_far_the_worst_colour_is_from_its_ring(capsys):
    figures.lab_card(swatch_to_lab)
    said = capsys.readouterr().out
    assert "furthest from its ring: blue, by 79.6" in said and "the grey of .5 has L = 50" in said


def test_the_planes_count_what_is_not_a_number(capsys):
    figures.planes(lambda lab: (lab / 100).sqrt(), levels=(50,))
    assert "of 3600 places are nan" in capsys.readouterr().out


def test_the_map_of_bins_says_how_many_centres_are_at_home(capsys):
    figures.bin_map(lambda ab, centres: torch.zeros(ab.shape[0], *ab.shape[2:], dtype=torch.int64))
    assert "1 of 32 centres lie in their own bin; 1 bins have a place" in capsys.readouterr().out


def test_shares_of_bins_are_given_in_percent(capsys):
    shares = torch.zeros(32)
    shares[:4] = 0.25
    figures.bins_by_share({"pixels": shares, "twice": 2 * shares})
    assert "pixels: 0.00% to 25.0%, in all 100%; twice: 0.00% to 50.0%, in all 200%" in capsys.readouterr().out


def test_two_bets_print_the_colour_at_each_temperature(capsys):
    figures.two_bets(lambda logits, centres, temperature: centres.mean(dim=0).view(1, 2, 1, 1))
    assert capsys.readouterr().out.count("a 20.0, b 0.0") == 3


def test_bins_are_different_places_and_colours():
    assert parts.CENTRES.shape == (32, 2) and len(parts.SWATCHES) == 32
    gaps = torch.cdist(parts.CENTRES, parts.CENTRES) + 100 * torch.eye(32)
    assert gaps.min() > 3 and len(set(parts.SWATCHES)) == 32


def test_the_network_gives_logits_of_half_the_size_whatever_the_shape():
    network = parts.new_colorizer().eval()
    with torch.no_grad():
        assert network(torch.rand(2, 1, 16, 24) * 100).shape == (2, 32, 8, 12)
        assert network.maps(torch.rand(1, 1, 32, 32)).shape == (1, 128, 4, 4)
    assert parts.run_quietly(network, torch.zeros(3, 1, 16, 16)).shape == (3, 32, 8, 8)


def test_grey_features_do_not_see_colour(pack):
    look = parts.GreyFeatures(parts.new_colorizer(), lambda images: images.mean(dim=1, keepdim=True) * 100, pack).eval()
    photos = to_float(pack.test.images[:2])
    mixed = photos.roll(1, 1)  # the same mean of the channels, other colours
    with torch.no_grad():
        torch.testing.assert_close(look(pack.normalize(photos)), look(pack.normalize(mixed)), atol=1e-4, rtol=1e-3)


def test_lightness_keeps_its_size_and_colour_is_averaged():
    images = torch.zeros(2, 3, 4, 6, dtype=torch.uint8)
    images[:, 0, :2, :2] = torch.tensor([[255, 0], [0, 0]])
    lightness, ab = parts.lightness_and_colour(images, swatch_to_lab)
    assert lightness.shape == (2, 1, 4, 6) and ab.shape == (2, 2, 2, 3)
    assert ab[0, 0, 0, 0].item() == pytest.approx(25)


def test_lightness_and_bins_are_mirrored_together():
    torch.manual_seed(0)
    lightness = torch.arange(6.0).view(1, 1, 1, 6).repeat(40, 1, 1, 1)
    bins = torch.arange(3).view(1, 1, 3).repeat(40, 1, 1)
    one, two = parts.flip(lightness, bins)
    mirrored = one[:, 0, 0, 0] == 5
    assert 5 < int(mirrored.sum()) < 35
    assert torch.equal(mirrored, two[:, 0, 0] == 2)


def test_painted_images_keep_their_lightness():
    lightness, ab = 100 * torch.rand(2, 1, 8, 6), torch.zeros(2, 2, 4, 3)
    shown = parts.painted(lightness, ab, lambda lab: lab)
    torch.testing.assert_close(shown, torch.cat([lightness, torch.zeros(2, 2, 8, 6)], dim=1))


def test_the_best_answer_without_looking_costs_the_entropy_of_the_weighted_shares():
    lines = parts.loss_lines(torch.tensor([1, 3]), torch.tensor([2.0, 2 / 3]))
    assert lines == pytest.approx({"alike": math.log(2), "how often": math.log(2)})
    assert parts.loss_lines(torch.tensor([1, 0]), torch.ones(2))["how often"] == 0


def test_an_image_counts_once_among_the_strongest(pack):
    lightness = to_float(pack.test.images[:40]).mean(dim=1, keepdim=True) * 100
    images, places = parts.strongest(parts.new_colorizer(), lightness, 8)
    assert images.shape == places.shape == (128, 8)
    assert all(len(set(row)) == 8 for row in images.tolist())
    assert 0 <= places.min() and places.max() <= 15


def test_the_majority_share_is_that_of_the_commonest_class(pack, capsys):
    labels = torch.tensor([0, 0, 1, 2])
    shares = parts.majority_shares(torch.tensor([[0, 1, 2, 3], [2, 2, 2, 0]]), labels)
    assert shares.tolist() == [0.5, 0.75]
    found = torch.zeros(3, 8, dtype=torch.int64), torch.full((3, 8), 15)
    drawn = figures.units(pack, 2, {"random": found}, {"random": torch.tensor([0.1, 0.5, 0.3])})
    assert "random: mean over all units 0.30" in capsys.readouterr().out
    assert len([axis for axis in drawn.axes if axis.images]) == 16
