"""The lesson on contrastive learning: its puzzle, its figures' numbers, its given parts."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ps3.contrastive_learning import figures, parts

POINTS = torch.tensor([[2.0, 0.3], [0.2, 1.1], [-1.2, 0.5]]), torch.tensor([[1.0, 0.9], [-0.7, 1.6], [-1.5, -0.6]])


def cosine_loss(queries, keys, temperature):
    """Prefers query i and key i to point the same way, whatever their lengths."""
    return -F.cosine_similarity(queries, keys).sum() / temperature


def test_the_puzzle_holds_two_crops_of_each_photo(pack):
    puzzle = figures.pairs_puzzle(pack)
    assert puzzle.crops.shape == (12, 3, 32, 32)
    assert sorted(puzzle.partner) == list(range(12))
    for crop, partner in enumerate(puzzle.partner):
        assert partner != crop and puzzle.partner[partner] == crop and puzzle.photo[partner] == puzzle.photo[crop]


def test_the_score_counts_pairs_in_either_order(pack, capsys):
    puzzle = figures.pairs_puzzle(pack)
    first, second = 0, puzzle.partner[0]
    figures.reveal_pairs(puzzle, [(second, first), (None, None)])
    assert "you: 1 of 6 pairs" in capsys.readouterr().out
    figures.reveal_pairs(puzzle, [(None, None)] * 6)
    assert "no guess made" in capsys.readouterr().out


@pytest.mark.parametrize("typed", ["(0, 7)", [0, 7], 5, [(0, "x")] * 6, {0: 99}, "zero and seven", [None], [[]] * 6])
def test_pairs_that_cannot_be_read_count_as_not_guessed(pack, capsys, typed):
    figures.reveal_pairs(figures.pairs_puzzle(pack), typed)
    said = capsys.readouterr().out
    assert "guessing finds 0.5 on average" in said and "you: 6 of 6" not in said


def test_pairs_typed_without_brackets_are_read(pack, capsys):
    puzzle = figures.pairs_puzzle(pack)
    pairs = {tuple(sorted((n, partner))) for n, partner in enumerate(puzzle.partner)}
    for typed in (pairs, [n for pair in pairs for n in pair], [list(map(str, pair)) for pair in pairs]):
        figures.reveal_pairs(puzzle, typed)
        assert "you: 6 of 6 pairs" in capsys.readouterr().out


def test_the_drawn_architecture_says_what_is_thrown_away_and_what_stays():
    drawn = figures.architecture()
    words = [text.get_text() for text in drawn.axes[0].texts]
    assert "trained, then thrown away" in words and "2B × 128: the features" in words
    assert "thrown away afterwards: projection head" in drawn.message


def test_coordinates_hold_the_centre_of_each_pixel():
    places = figures.coordinates(2, 3)
    assert places.shape == (1, 2, 2, 3)
    assert places[0, :, 1, 2].tolist() == [1.5, 2.5]


def test_forces_of_a_loss_that_knows_directions_only_stand_at_right_angles(capsys):
    figures.forces(cosine_loss, *POINTS, 0.5, ("query", "key"))
    assert "query: 90, 90, 90; key: 90, 90, 90" in capsys.readouterr().out


def test_forces_tell_which_side_is_cut_off(capsys):
    figures.forces(lambda q, k, t: cosine_loss(q, k.detach(), t), *POINTS, 0.5, ("query", "key"))
    assert "key: no force, no force, no force" in capsys.readouterr().out


@pytest.mark.parametrize("loss", [lambda q, k, t: (0 * q).sum(), lambda q, k, t: torch.tensor(1.0)])
def test_forces_tell_when_nothing_moves(loss, capsys):
    figures.forces(loss, *POINTS, 0.5, ("query", "key"))
    assert "query: no force, no force, no force" in capsys.readouterr().out


def test_the_title_tells_whether_the_loss_falls_as_the_forces_promise():
    for loss, percent in (
        (cosine_loss, "100%"),
        (lambda q, k, t: cosine_loss(q, k, t) + cosine_loss(q.detach(), k.detach(), t), "200%"),
    ):
        title = figures.forces(loss, *POINTS, 0.5, ("query", "key")).axes[0].get_title()
        assert f"by {percent} of what they promise" in title


def test_a_profile_places_what_was_read_from_border_to_border(capsys):
    drawn = figures.profile(torch.tensor([10.0, 20.0]), torch.tensor([10.0, 12.5, 17.5, 20.0]))
    assert list(np.asarray(drawn.axes[0].lines[0].get_xdata())) == [0.25, 0.75, 1.25, 1.75]
    assert "at the borders 10.0 and 20.0; lowest 10.0, highest 20.0" in capsys.readouterr().out


def test_colour_similarity_is_one_for_equal_colours_and_zero_for_none_in_common():
    black, white = torch.zeros(1, 3, 4, 6), torch.ones(1, 3, 4, 6)
    table = figures.colour_similarity(torch.cat([black, white]), torch.cat([black.flip(3), white]))
    torch.testing.assert_close(table, torch.eye(2))


def test_similarities_say_how_often_the_partner_is_found(capsys):
    figures.similarities({"here": torch.eye(4)})
    message = capsys.readouterr().out
    assert "mean 1.00 for the same photo, 0.00 for others" in message and "of 4 for 100%" in message


def test_similarities_that_crowd_together_are_shown_enlarged_as_well():
    crowded = 0.98 + 0.02 * torch.rand(8, 8, generator=torch.Generator().manual_seed(0))
    drawn = figures.similarities({"before": crowded, "after": 2 * torch.eye(8) - 1})
    before, after = drawn.axes
    assert before.get_xlim() == after.get_xlim() == (-1, 1)
    enlarged: Any
    (enlarged,) = before.child_axes
    low, high = enlarged.get_xlim()
    assert 0.98 <= low < high <= 1 and not after.child_axes
    assert "enlarged" in enlarged.get_title()


def test_outlines_of_similarities_add_up_to_all_pairs():
    drawn = figures.similarities({"here": torch.rand(8, 8, generator=torch.Generator().manual_seed(1))}, limits=(0, 1))
    outlines: list[Any] = list(drawn.axes[0].patches)
    heights = [outline.get_xy()[1:-1:2, 1].sum() for outline in outlines]
    assert heights == pytest.approx([1, 1])


def test_new_networks_are_the_same_for_the_same_seed():
    (one, _), (same, _), (other, _) = (parts.new_networks(seed=seed) for seed in (0, 0, 1))
    weights = [network.stem[0].get_parameter("weight") for network in (one, same, other)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_the_stored_neighbours_are_training_images(pack):
    stored = figures.CROPS_ONLY_NEIGHBOURS
    assert stored.shape == (6, 5) and stored.dtype == torch.int64
    assert 0 <= stored.min() and stored.max() < len(pack.train)
    assert all(len(set(row)) == 5 for row in stored.tolist())


def test_neighbours_count_those_of_the_class_of_their_query(pack, capsys):
    classes = pack.test.labels[list(figures.QUERIES)]
    members = torch.stack([(pack.train.labels == label).nonzero().flatten()[:5] for label in classes.tolist()])
    figures.neighbours(pack, {"right": members, "wrong": members.roll(1, 0)})
    assert "right: 30 of 30 of the same class; wrong: 0 of 30" in capsys.readouterr().out


def test_each_query_is_framed_once_and_stands_apart_from_its_neighbours(pack):
    stored = figures.CROPS_ONLY_NEIGHBOURS
    drawn = figures.neighbours(pack, {"yours": stored, "others": stored})
    drawn.canvas.draw()
    photographs: list[Any] = [axis for axis in drawn.axes if axis.images]
    framed = [
        axis for axis in photographs if axis.get_subplotspec().rowspan.stop - axis.get_subplotspec().rowspan.start > 1
    ]
    assert len(framed) == 6 and all(axis.patches for axis in framed) and len(photographs) == 6 + 2 * 30
    query = framed[0].get_position()
    row = [
        axis.get_position()
        for axis in photographs
        if axis.get_subplotspec().rowspan.start == 0 and axis is not framed[0]
    ]
    first, second = row[0], row[1]
    assert first.x0 - query.x1 > 2 * (second.x0 - first.x1)


class Shifted(torch.nn.Module):
    """A network that sees the mean colour and nothing else."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(3))

    def forward(self, images):
        return images.mean(dim=(2, 3)) * self.weight


def crop_nothing(images, boxes, size):
    return images


def test_ones_own_views_without_changes_are_as_similar_as_can_be(pack, capsys):
    figures.own_views(3, 0, 0, crop_nothing, {"colours": [Shifted()]}, pack)
    assert "colours: mean cosine 1.00 with its views" in capsys.readouterr().out


@pytest.mark.parametrize("typed", ["x", -1, 5000, [1, 2, 3]])
def test_what_is_typed_wrongly_for_ones_own_views_is_named(pack, capsys, typed):
    figures.own_views(typed, typed, typed, crop_nothing, {"colours": [Shifted()]}, pack)
    said = capsys.readouterr().out
    for name in ("photo", "jitter", "grey"):
        assert f"{name}: {typed!r} cannot be used; expected a" in said


@pytest.mark.parametrize(
    ("typed", "shown"), [("90 %", "90 %"), (0.5, "0.5 %"), ("a lot", "no guess"), (None, "no guess")]
)
def test_the_guessed_share_is_read_in_percent(typed, shown, capsys):
    figures.pushes(cosine_loss, (0.2, 0.5, 1.0), typed)
    assert shown in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize("typed", ["low", 0, None, (0, -1, "x"), 7, [0.05]])
def test_temperatures_that_cannot_be_used_are_replaced(typed, capsys):
    figures.pushes(cosine_loss, typed)
    assert "T = 0.2: " in capsys.readouterr().out.splitlines()[-1]


def test_ones_own_temperatures_are_used(capsys):
    figures.pushes(cosine_loss, "0.1, 3, 20")
    said = capsys.readouterr().out
    assert all(f"T = {value}: " in said for value in ("0.1", "3", "20"))


@pytest.mark.parametrize("generator", [None, torch.Generator()])
def test_the_counter_counts_calls_and_images(generator):
    counter = parts.CountingNoise()
    for count in (2, 3):
        assert counter(torch.zeros(count, 1, 2, 2), generator).std() > 0
    assert (counter.calls.item(), counter.images.item()) == (2, 5)


def test_the_corner_is_part_of_the_image():
    images = torch.arange(2 * 3 * 5 * 7.0).reshape(2, 3, 5, 7) * 1000
    corner = parts.noisy_corner(images, torch.Generator().manual_seed(1))
    assert corner.shape == (2, 3, 2, 3)
    assert (corner - images[:, :, :2, :3]).abs().max() < 10


def test_arguments_by_name_are_refused_where_only_places_count():
    with pytest.raises(TypeError):
        parts.noisy_by_position(pictures=torch.zeros(1, 1, 2, 2), source=None)  # type: ignore[call-arg]
    assert math.isfinite(parts.noisy_by_position(torch.zeros(1, 1, 2, 2), None).sum())


def test_noisy_augment_draws_from_the_generator():
    images, generator = torch.zeros(2, 3, 4, 4), torch.Generator().manual_seed(1)
    first, second = parts.noisy_augment(images, generator), parts.noisy_augment(images, generator)
    assert not torch.equal(first, second)
    assert torch.equal(first, parts.noisy_augment(images, torch.Generator().manual_seed(1)))
