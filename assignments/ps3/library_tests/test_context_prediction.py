"""The library of the notebook on context prediction: its pairs, its figures, what they say."""

from typing import Any

import pytest
import torch

from ps3 import plots
from ps3.context_prediction import figures, parts

# --- parts ------------------------------------------------------------------------------------------------------------


def corners_of_neighbours(directions, jitter, gap):
    """Rows and columns (B, 2) in images of 32 pixels, one by one."""
    steps = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]
    moves = torch.tensor([steps[n] for n in directions.tolist()])
    return (32 - parts.PATCH) // 2 + (parts.PATCH + gap) * moves + jitter


@pytest.mark.parametrize("gap", [0, 2])
def test_neighbours_that_are_drawn_stay_inside_and_use_all_the_room(gap):
    torch.manual_seed(0)
    directions, jitter = parts.draw(torch.zeros(2000, 3, 32, 32), parts.PATCH, gap, 1)
    corners = corners_of_neighbours(directions, jitter, gap)
    assert corners.min() >= 0 and corners.max() <= 32 - parts.PATCH
    assert sorted(directions.unique().tolist()) == list(range(8))
    inner = jitter[(directions == 1) | (directions == 6)][:, 1]  # above and below may move sideways as they like
    assert sorted(inner.unique().tolist()) == [-1, 0, 1]


def cut_nothing(images, directions, patch_size, gap, jitter):
    size = slice(0, patch_size)
    return images[:, :, size, size], images[:, :, size, size] + directions.view(-1, 1, 1, 1)


def blacken(patches, keep, noise=None):
    return 0 * patches


@pytest.mark.parametrize("drop, lost", [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)])
def test_pairs_lose_their_colours_in_the_share_that_is_asked_for(drop, lost):
    torch.manual_seed(0)
    pairs = parts.Pairs(cut_nothing, blacken, drop=drop)
    centres, neighbours, directions = pairs(torch.ones(1000, 3, 32, 32))
    black = (centres == 0).flatten(1).all(dim=1)
    assert black.double().mean() == pytest.approx(lost, abs=0.05)
    assert torch.equal(neighbours[~black][:, 0, 0, 0], 1.0 + directions[~black])


def test_nine_patches_come_in_reading_order():
    images = torch.arange(32.0).view(1, 1, 32, 1) * 100 + torch.arange(32.0)
    corners = parts.nine(images)[0, :, 0, 0, 0]
    assert corners.tolist() == [100.0 * row + column for row in (0, 11, 22) for column in (0, 11, 22)]


class MeanColour(torch.nn.Module):
    """A network whose features are mean colours, and which answers with the neighbour's red."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(()))

    def features(self, patches):
        return self.weight * patches.mean(dim=(2, 3))

    def forward(self, centres, neighbours):
        scores = torch.nn.functional.one_hot(neighbours.mean(dim=(1, 2, 3)).round().long().clamp(0, 7), 8)
        return self.weight * scores.float()


def test_features_of_an_image_are_the_mean_over_its_patches():
    images = torch.rand(4, 3, 32, 32)
    features = parts.OverNinePatches(MeanColour())(images)
    torch.testing.assert_close(features, parts.nine(images).mean(dim=(1, 3, 4)))


def test_answers_are_the_same_for_the_same_seed_and_leave_the_random_state_alone():
    pairs, images = parts.Pairs(cut_nothing, blacken, drop=0.0), torch.zeros(30, 3, 32, 32)
    before = torch.get_rng_state()
    first, second = (parts.answers(MeanColour(), pairs, images, rounds=2) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), before)
    assert len(first[0]) == 60 and all(torch.equal(one, other) for one, other in zip(first, second, strict=True))
    assert torch.equal(*first)


def test_settings_of_ones_own_that_cannot_be_used_are_named(capsys):
    pairs = parts.Pairs(cut_nothing, blacken)
    mine = parts.own_pairs(pairs, "wide", 7, 0.25)
    assert (mine.gap, mine.jitter, mine.drop) == (parts.GAP, 1, 0.25)
    said = capsys.readouterr().out
    assert "gap: 'wide' cannot be used" in said and "jitter: 7 cannot be used" in said


def test_settings_of_ones_own_are_used():
    mine = parts.own_pairs(parts.Pairs(cut_nothing, blacken), 0, 0, 1)
    assert (mine.gap, mine.jitter, mine.drop) == (0, 0, 1)


# --- figures ----------------------------------------------------------------------------------------------------------


def test_the_puzzle_shows_the_patches_that_it_asks_about(pack):
    puzzle = figures.puzzle(pack)
    directions = torch.tensor(puzzle.directions)
    corners = corners_of_neighbours(directions, 0, parts.GAP).tolist()
    assert [list(row[2:]) for row in figures.PUZZLE] == corners
    assert puzzle.first.shape == puzzle.second.shape == (8, 3, 9, 9)
    figures.show_puzzle(puzzle)


@pytest.mark.parametrize(
    "typed, score, said",
    [
        ([None] * 8, None, "no places guessed, by chance 1 of 8; of the score, no guess made"),
        ("6, 1, 4, 1, 3, 7, 6, 2", 5, "you: 8 of 8"),
        ([6, 1, "x", 9, 3.5, 0, 0, 0], "many", "you: 2 of 8"),
        (7, None, "no places guessed, by chance 1 of 8"),
    ],
)
def test_the_reveal_counts_what_can_be_read(pack, capsys, typed, score, said):
    figures.reveal(figures.puzzle(pack), typed, score)
    assert said in capsys.readouterr().out.splitlines()[-1]


def slow_pairs(images, directions, patch_size, gap, jitter):
    top, left = (images.shape[2] - patch_size) // 2, (images.shape[3] - patch_size) // 2
    steps = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]
    neighbours = []
    for image, direction, move in zip(images, directions.tolist(), jitter.tolist(), strict=True):
        row, column = (
            at + step * (patch_size + gap) + by
            for at, step, by in zip((top, left), steps[direction], move, strict=True)
        )
        neighbours.append(image[:, row : row + patch_size, column : column + patch_size])
    return images[:, :, top : top + patch_size, left : left + patch_size], torch.stack(neighbours)


def test_the_card_tells_a_right_function_from_one_without_a_gap(capsys):
    figures.cut_card(slow_pairs)
    figures.cut_card(lambda images, directions, size, gap, jitter: slow_pairs(images, directions, size, 0, jitter))
    said = capsys.readouterr().out
    assert "8 of 8 neighbours" in said and "0 of 8 neighbours" in said


def test_dropped_colours_are_told_with_the_strength_of_their_noise(capsys):
    patches = torch.rand(6, 3, 9, 9, generator=torch.Generator().manual_seed(0))
    figures.dropped(patches, lambda patches, keep, noise: 0 * patches)
    said = capsys.readouterr().out
    assert "kept channels are NOT unchanged" in said and "0.00 (1.0" in said


class TwoPatches(torch.nn.Module):
    """What a student may have written: `read` makes of two features what the head reads."""

    def __init__(self, read):
        super().__init__()
        self.read, self.trunk, self.head = read, torch.nn.Identity(), torch.nn.Identity()

    def forward(self, centres, neighbours):
        return self.head(torch.cat(self.read(self.trunk(centres), self.trunk(neighbours)), dim=1))


@pytest.mark.parametrize(
    "read, said",
    [
        (lambda a, b: [a, b], "[1.0, 0.0, 0.0, 0.0, 0.0, 0.5]; centre: a gradient arrives; neighbour: a gradient"),
        (lambda a, b: [b, a], "[0.0, 0.0, 0.5, 1.0, 0.0, 0.0]"),
        (lambda a, b: [a, b.detach()], "neighbour: NO gradient arrives"),
        (lambda a, b: [a - b], "[1.0, 0.0, -0.5]"),
    ],
)
def test_what_the_head_reads_is_told(capsys, read, said):
    figures.what_the_head_reads(TwoPatches(read))
    assert said in capsys.readouterr().out


def test_the_compass_numbers_what_is_found(capsys):
    figures.compass(lambda queries, gallery, k, exclude: torch.tensor([[8, 2, 5, 0]]))
    assert "[0, 25, 170, 10]" in capsys.readouterr().out


def test_confusions_count_what_is_right_and_what_is_opposite(capsys):
    truth = torch.arange(8).repeat(4)
    said = truth.clone()
    said[:8] = 7 - truth[:8]
    figures.confusions(truth, said)
    assert "0.750 ± 0.153 of 32 right, by chance .125; 0.250 put on the opposite side" in capsys.readouterr().out


def test_you_stand_beside_the_network_only_where_you_guessed(pack, capsys):
    puzzle = figures.puzzle(pack)
    figures.against_you([None] * 8, puzzle, puzzle.directions, 0.4, 1000)
    assert "you" not in capsys.readouterr().out.replace("your guess", "").replace("no guess made", "")
    figures.against_you(list(puzzle.directions), puzzle, [0] * 8, 0.4, 1000, "40 %")
    said = capsys.readouterr().out
    assert "you, 8 pairs 1.000" in said and "your guess: network, 1,000 pairs 0.400" in said


def test_patches_and_their_neighbours_are_counted(pack, capsys):
    rows = figures.query_rows()
    assert figures.patch_gallery(pack, 100).shape == (900, 3, 9, 9)
    itself = rows[:, None].repeat(1, figures.NEAR)
    figures.patch_neighbours(pack, {"itself": itself, "elsewhere": (itself + 1) % 9 + itself // 9 * 9})
    said = capsys.readouterr().out
    assert "itself: 24 of 24 of the same class, 24 from the same place" in said
    assert "elsewhere: 24 of 24 of the same class, 0 from the same place" in said
    assert figures.shares_of_neighbours(pack, rows, itself) == (1.0, 1.0)


def test_ones_own_numbers_join_those_of_the_course(capsys):
    figures.shortcuts({"as it is": (0.4, 0.36)}, ("better", "worse"), None)
    said = capsys.readouterr().out
    assert "yours 0.400 and 0.360" in said and "your guess for no gap: places better, features worse" in said
    figures.shortcuts({}, (None, None), (None, None))
    assert "no guess made" in capsys.readouterr().out


def test_every_way_that_the_course_measured_can_be_drawn():
    assert set(figures.COURSE) <= set(parts.VARIANTS)
    for results in figures.COURSE.values():
        kinds: Any = {len(values) for values in results.values()}
        assert len(kinds) == 1


def test_the_looks_of_both_networks_are_registered():
    assert {"context prediction", "random trunk"} <= set(plots.METHODS)
    figures.architecture()
