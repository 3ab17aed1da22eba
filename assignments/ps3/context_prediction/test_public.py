"""Public checks of the problem on context prediction: small cases that can be worked out by hand."""

import torch

from kit import assert_raises, assert_same, exercise, expect_tensor, load_helpers

cutting = exercise("context-cut-pairs")
dropping = exercise("context-drop-colors")
network = exercise("context-network")
nearest = exercise("context-nearest")

helpers = load_helpers(__file__)

# --- cut_pairs --------------------------------------------------------------------------------------------------------


@cutting(
    "cuts the centre from the middle of the image",
    hint="How many pixels of the image lie above the middle patch, and how many to the left of it?",
)
def test_the_centre_lies_in_the_middle(student, rng):
    centres, _ = helpers.cut(student, helpers.places(rng, 1, 11, 15), [0], 3, 0, helpers.none(1))
    assert_same(centres.corners, torch.tensor([[4.0, 6.0]]), what="upper left corner of a 3 x 3 centre of 11 x 15")


@cutting(
    "tells above from left: directions go along rows",
    hint="In reading order, which comes first: the place above the centre, or the one to its left?",
)
def test_directions_go_along_rows(student, rng):
    image = helpers.places(rng, 1, 12, 14)
    above, upper_right, left = (
        helpers.cut(student, image, [direction], 2, 0, helpers.none(1))[1].corners[0] for direction in (1, 2, 3)
    )
    assert above[0] < left[0], "direction 1 (above) does not begin in a row above that of direction 3 (left)"
    assert left[1] < above[1], "direction 3 (left) does not begin further left than direction 1 (above)"
    assert upper_right[0] < upper_right[1] - 2, "direction 2 (upper right) does not lie above and to the right"


@cutting(
    "leaves the centre out when it counts directions",
    hint="The grid has nine places and there are eight directions. Which place has no number?",
)
def test_the_centre_is_no_direction(student, rng):
    image = helpers.places(rng, 1, 12, 12)
    cuts = [helpers.cut(student, image, [direction], 2, 0, helpers.none(1)) for direction in (4, 5, 6, 7)]
    steps = torch.cat([neighbours.corners - centres.corners for centres, neighbours in cuts]).sign()
    right = torch.tensor([[0, 1], [1, -1], [1, 0], [1, 1]]).float()
    turned = steps.flip(1)  # which of the two comes first is another test's business
    result = turned if torch.equal(turned, right) else steps
    assert_same(result, right, what="where directions 4, 5, 6, 7 lie, down and to the right of the centre")


@cutting(
    "puts the neighbour a whole patch away",
    hint="Without a gap the two patches touch. How far is it from the first row of the one to that of the other?",
)
def test_the_neighbour_is_a_patch_away(student, rng):
    centres, neighbours = helpers.cut(student, helpers.places(rng, 1, 15, 15), [0], 4, 0, helpers.none(1))
    what = "how far the upper left neighbour of a 4 x 4 centre begins from it"
    helpers.assert_moved(neighbours.corners - centres.corners, [[-4, -4]], what=what)


@cutting(
    "leaves a gap between the two patches",
    hint="With a gap of 2, how many pixels lie between the last row of the one and the first row of the other?",
)
def test_the_gap_moves_the_neighbour_away(student, rng):
    images = helpers.places(rng, 1, 16, 16)
    near, far = (helpers.cut(student, images, [0], 3, gap, helpers.none(1))[1].corners for gap in (0, 2))
    helpers.assert_moved(far - near, [[-2, -2]], what="how far a gap of 2 moves the upper left neighbour")


@cutting(
    "moves the neighbour by its jitter: rows, then columns",
    hint="Does a positive jitter move down and to the right in yours? By one pixel for one?",
)
def test_jitter_moves_the_neighbour(student, rng):
    images = helpers.places(rng, 1, 15, 15)
    plain, moved = (helpers.cut(student, images, [0], 3, 0, jitter)[1].corners for jitter in ([[0, 0]], [[1, -2]]))
    helpers.assert_moved(moved - plain, [[1, -2]], what="how far a jitter of (1, -2) moves the neighbour")


@cutting(
    "leaves the centre where it is, whatever the jitter",
    hint="Jitter makes the distance between two patches uncertain. What if both moved by the same?",
)
def test_jitter_leaves_the_centre(student, rng):
    images = helpers.places(rng, 1, 15, 17)
    plain, moved = (helpers.cut(student, images, [0], 3, 0, jitter)[0].corners for jitter in ([[0, 0]], [[1, 2]]))
    helpers.assert_moved(moved - plain, [[0, 0]], what="how far jitter moves the centre")
    assert float(moved.min()) > 0, "the centre begins at the border of the image"


@cutting(
    "cuts each image in its own direction",
    hint="There are as many directions as images. Which one does the second image get?",
)
def test_each_image_has_its_own_direction(student, rng):
    images = helpers.places(rng, 2, 12, 12)
    _, neighbours = helpers.cut(student, images, [0, 7], 2, 0, helpers.none(2))
    first, second = neighbours.corners
    assert bool((first < second).all()), "directions 0 and 7 of two images do not lie apart"
    assert neighbours.images.tolist() == [0.0, 1.0], "the neighbours of two images are not cut from image 0 and image 1"


@cutting(
    "refuses a neighbour that would begin outside the image",
    hint="What does row -1 of a tensor mean in Python, and what should it mean here?",
)
def test_refuses_a_neighbour_above_the_image(student, rng):
    images, directions = helpers.places(rng, 1, 9, 9), torch.tensor([0])
    centres, neighbours = helpers.cut(student, images, [0], 3, 0, helpers.none(1))
    assert bool((neighbours.corners < centres.corners).all()), "the upper left neighbour is not up and to the left"
    for jitter in ([[-4, 0]], [[0, -4]]):
        what = f"a neighbour in the corner of the image, moved by {tuple(jitter[0])}"
        assert_raises(
            ValueError, lambda j=jitter: student.cut_pairs(images, directions, 3, 0, torch.tensor(j)), what=what
        )


@cutting("returns a tuple", hint="A list, or one long tensor, also holds two. The text names its container.")
def test_pairs_come_as_a_tuple(student, rng):
    images = helpers.places(rng, 1, 10, 12)
    centres, neighbours = helpers.cut(student, images, [0], 3, 0, helpers.none(1))
    assert bool((neighbours.corners < centres.corners).all()), "the upper left neighbour is not up and to the left"
    pair = student.cut_pairs(images, torch.tensor([0]), 3, 0, torch.tensor([[0, 0]]))
    assert isinstance(pair, tuple), f"cut_pairs: expected a tuple, got a {type(pair).__name__}"


# --- drop_colors ------------------------------------------------------------------------------------------------------

# Two rows and columns: the deviation of 1, 2, 3, 6 is sqrt(14 / 3), of 10, 10, 10, 10 nothing, of 0, 0, 0, 8 it is 4.
PATCH = torch.tensor([[[1.0, 2.0], [3.0, 6.0]], [[10.0, 10.0], [10.0, 10.0]], [[0.0, 0.0], [0.0, 8.0]]])

# Three channels of the same deviation, in each row, too, far from 0.
LIVELY = torch.tensor([[[20.0, 22.0], [23.0, 21.0]], [[13.0, 11.0], [10.0, 12.0]], [[32.0, 30.0], [31.0, 33.0]]])


@dropping(
    "leaves the channel that is to be kept as it is",
    hint="Which channel does `keep` name: the one that stays, or one that goes?",
)
def test_the_kept_channel_stays(student, rng):
    noise = torch.randn(1, 3, 2, 2, generator=rng)
    for keep in (0, 2):
        result = helpers.dropped(student, PATCH[None], [keep], noise)
        assert_same(result[0, keep], PATCH[keep].double(), what=f"channel {keep}, which is kept", atol=1e-5)


@dropping(
    "replaces the other channels, and by no copy",
    hint="What can a network read from a channel that is all zeros, or the same as another one?",
)
def test_the_other_channels_become_faint_noise(student, rng):
    noise = 1 + torch.rand(1, 3, 2, 2, generator=rng)
    result = helpers.dropped(student, LIVELY[None], [2], noise)[0, :2]
    assert 0 < float(result.abs().min()), "a dropped channel holds zeros where its noise has none"
    assert float(result.abs().max()) < 0.3, "a dropped channel holds more than faint noise"


@dropping(
    "uses the noise that it is given",
    hint="Whoever gives the noise wants to know the answer beforehand. Do you draw some all the same?",
)
def test_given_noise_is_used(student, rng):
    noise = 1 + torch.rand(1, 3, 2, 2, generator=rng)  # differs from pixel to pixel
    first, second = (helpers.dropped(student, LIVELY[None], [2], noise)[0, :2] for _ in range(2))
    assert float(first.std()) > 1e-4, "the dropped channels do not differ from pixel to pixel, as their noise does"
    assert float(first.abs().max()) < 30, "the dropped channels hold more than the noise"
    assert_same(second, first, what="the dropped channels of a second call with the same noise", atol=1e-9)


@dropping(
    "scales the noise by the deviation of the channel that is kept",
    hint="Whose deviation do you take: that of a channel which goes, of all three, or of the one which stays?",
)
def test_noise_is_scaled_by_the_kept_channel(student, rng):
    level = 1 + torch.rand(1, generator=rng).item()
    noise = torch.full((1, 3, 2, 2), level)
    result = helpers.dropped(student, PATCH[None], [2], noise)[0, 0]
    biased = 12**0.5  # divided by 4 rather than 3: another test's business
    right = [torch.full((2, 2), 0.01 * level * value) for value in (4.0, biased)]
    assert_one_of(
        result, right, what=f"channel 0 where channel 2 is kept, whose deviation is 4, and all noise is {level:.2f}"
    )


def assert_one_of(result, right, *, what):
    """The first, or another, which has a mistake that another test is about; in float64."""
    if not any(float((result - other).abs().max()) < 1e-4 for other in right[1:]):
        assert_same(result, right[0].double(), what=what, atol=1e-4)


@dropping(
    "gives each dropped channel its own noise",
    hint="The noise has three channels, too. Which of them goes where?",
)
def test_each_channel_has_its_own_noise(student, rng):
    level = 1 + torch.rand(1, generator=rng).item()
    noise = level * torch.tensor([1.0, 2.0, 3.0]).view(1, 3, 1, 1).expand(1, 3, 2, 2)
    result = helpers.dropped(student, LIVELY[None], [0], noise)[0]
    assert float(result[1].abs().min()) > 0, "channel 1 holds zeros where its noise has none"
    what = "channel 2 over channel 1, with half as much noise again"
    assert_same(result[2] / result[1], torch.full((2, 2), 1.5).double(), what=what, atol=1e-4)


@dropping("keeps another channel in each patch", hint="There are as many numbers in `keep` as patches. Who gets which?")
def test_each_patch_keeps_its_own_channel(student, rng):
    patches, noise = torch.stack([PATCH, PATCH + 1]), torch.randn(2, 3, 2, 2, generator=rng)
    result = helpers.dropped(student, patches, [2, 0], noise)
    assert_same(result[0, 2], PATCH[2].double(), what="channel 2 of patch 0, which keeps it", atol=1e-5)
    assert_same(result[1, 0], PATCH[0].double() + 1, what="channel 0 of patch 1, which keeps it", atol=1e-5)


@dropping(
    "draws noise where none is given",
    hint="Without noise of its own, a call should find some. Does yours, and does it differ from pixel to pixel?",
)
def test_noise_is_drawn_if_none_is_given(student, rng):
    patches = LIVELY[None] * (1 + torch.rand(1, generator=rng))
    first, second = (helpers.dropped(student, patches, [2])[0, 0] for _ in range(2))
    assert float(first.std()) > 1e-6, "the drawn noise is the same in every pixel"
    assert float(first.abs().max()) < 3, "a dropped channel holds more than faint noise"
    assert not torch.equal(first, second), "two calls draw the same noise"


# --- network ----------------------------------------------------------------------------------------------------------


def pair(rng, channels=2, side=5, count=3):
    return tuple(torch.randn(count, channels, side, side, generator=rng) for _ in range(2))


@network(
    "takes the trunk's answer for the features", hint="Features are what leaves the trunk. Does the head take part?"
)
def test_features_are_what_leaves_the_trunk(student, rng):
    handle, weights = helpers.network(student, rng, 2, 5, 6)
    patches, _ = pair(rng)
    assert_same(handle.call("features", patches), helpers.trunk(weights, patches), what="features", atol=1e-3)


@network(
    "answers with eight scores for each pair",
    hint="How long is what the head reads, and how long is what it answers?",
)
def test_scores_are_eight_for_each_pair(student, rng):
    handle, _ = helpers.network(student, rng, 2, 5, 24)
    patches = pair(rng)
    first, again = (expect_tensor(handle(*patches), what="scores", shape=(3, 8), dtype=torch.float32) for _ in range(2))
    assert float(first.std(dim=0).max()) > 1e-4, "the scores are the same for every pair"
    assert_same(again, first, what="scores of the same pairs, asked twice", atol=1e-4)
    other = expect_tensor(handle(*pair(rng)), what="scores", shape=(3, 8), dtype=torch.float32)
    assert float((other - first).abs().min()) > 0, "other pairs get the same scores"


@network(
    "puts the centre's features first",
    hint="The head tells its two halves apart. Which of the two patches comes first in the text?",
)
def test_the_centre_comes_first(student, rng):
    handle, weights = helpers.network(student, rng, 2, 5, 6)
    centres, neighbours = pair(rng)
    a, b = helpers.trunk(weights, centres), helpers.trunk(weights, neighbours)
    right = [helpers.head(weights, torch.cat(both, dim=1)) for both in ((a, b), (a, a), (b, b))]
    helpers.assert_close_to_one(handle(centres, neighbours), right, what="scores")


@network(
    "looks at both patches",
    hint="Change the neighbour alone: the answer should change. Is the trunk asked twice?",
)
def test_scores_depend_on_both_patches(student, rng):
    handle, _ = helpers.network(student, rng, 2, 5, 6)
    centres, neighbours = pair(rng)
    before = expect_tensor(handle(centres, neighbours), what="scores", shape=(3, 8), dtype="floating")
    again = expect_tensor(handle(centres, neighbours), what="scores", shape=(3, 8), dtype="floating")
    assert_same(again, before, what="scores of the same pairs, asked twice", atol=1e-4)
    assert float(before.std(dim=1).min()) > 1e-4, "the eight scores of a pair are the same"
    for name, changed in (("centre", (-centres, neighbours)), ("neighbour", (centres, -neighbours))):
        after = expect_tensor(handle(*changed), what="scores", shape=(3, 8), dtype="floating")
        assert float((after - before).abs().max()) > 1e-3, f"another {name} gives the same scores"


# --- nearest_neighbours -----------------------------------------------------------------------------------------------

# Directions of the plane: east, north-east (long), north (short), west, and one that ends near the query.
GALLERY = torch.tensor([[1.0, 0.0], [30.0, 31.0], [0.0, 0.02], [-5.0, 0.1], [1.2, 1.8]])
NORTH = torch.tensor([[0.1, 2.0]])


@nearest("answers with whole numbers of 64 bits", hint="An index picks a row. Which dtype do indices have in torch?")
def test_nearest_answers_with_int64(student, rng):
    # East and south-east, which nobody should find; north (short), north-east (long), near the query's end, south.
    gallery = torch.tensor([[1.0, 0.0], [3.0, -2.5], [0.0, 0.02], [30.0, 31.0], [1.2, 1.8], [0.1, -0.5]])
    query = NORTH * (1 + torch.rand(1, generator=rng))
    rows = helpers.found(student, query, gallery, 1)
    assert rows[0][0] > 1, f"row {rows[0][0]} is at a right angle to the query, or further off"
    expect_tensor(student.nearest_neighbours(query, gallery, 1), what="indices", shape=(1, 1), dtype=torch.int64)


@nearest(
    "goes by direction, not by length",
    hint="A vector ten times as long points the same way. Does yours win over one that points nearer?",
)
def test_nearest_goes_by_direction(student, rng):
    scale = 1 + torch.rand(1, generator=rng)
    rows = helpers.found(student, scale * NORTH, scale * GALLERY, 1)
    excused = [[[3]]]  # the least similar: another test's business
    helpers.assert_found(
        rows, [[2]], what="the row that is most similar to a vector that points north", excused=excused
    )


@nearest("puts the most similar row first", hint="Which end of the sorted similarities do you take?")
def test_nearest_puts_the_most_similar_first(student, rng):
    queries, gallery = torch.tensor([[2.0, 0.1]]), torch.tensor([[0.0, 2.0], [2.0, 0.0], [-2.0, 0.0], [1.6, 1.2]])
    scale = 1 + torch.rand(1, generator=rng)
    rows = helpers.found(student, scale * queries, scale * gallery, 3)
    helpers.assert_found(rows, [[1, 3, 0]], what="three rows for a vector that points east, all of length 2")


@nearest(
    "gives a query no row that is excluded for it",
    hint="Where the gallery holds the query itself, nothing is more similar. How is that row kept out?",
)
def test_nearest_leaves_out_what_is_excluded(student, rng):
    gallery = torch.tensor([[3.0, 0.0], [0.3, 2.9], [2.9, 0.5], [0.0, 3.0]]) * (1 + torch.rand(1, generator=rng))
    rows = helpers.found(student, gallery[:1], gallery, 1, torch.tensor([0]))
    helpers.assert_found(rows, [[2]], what="the nearest other row of four for row 0", excused=[[[3]]])


@nearest(
    "takes `exclude` for rows of the gallery",
    hint="`exclude` names a row of the gallery for each query. The query's own number may be another one.",
)
def test_exclude_names_rows_of_the_gallery(student, rng):
    gallery = torch.tensor([[3.0, 0.0], [2.9, 0.5], [0.0, 3.0], [0.3, 2.9]]) * (1 + torch.rand(1, generator=rng))
    rows = helpers.found(student, gallery[[2, 0]], gallery, 1, torch.tensor([2, 0]))
    helpers.assert_found(rows, [[3], [1]], what="the nearest other row for rows 2 and 0 of four", excused=[[[1], [2]]])
