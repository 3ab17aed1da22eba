# kit-canary-60b09308d7aff85cc5f7d1b7: not to be published
"""Hidden tests of the problem on context prediction: slow loops, far corners, gradients, float64."""

import math

import pytest
import torch

from kit import CheckFailed, assert_raises, assert_same, exercise, expect_tensor, load_helpers

cutting = exercise("context-cut-pairs")
dropping = exercise("context-drop-colors")
network = exercise("context-network")
nearest = exercise("context-nearest")

helpers = load_helpers(__file__)

# --- shared -----------------------------------------------------------------------------------------------------------


def drawn(rng, *shape, dtype=torch.float32):
    return torch.randn(*shape, generator=rng, dtype=torch.float64).to(dtype)


def whole(rng, low, high, *shape):
    """Whole numbers from low to high, both included."""
    return torch.randint(low, high + 1, shape, generator=rng)


def assert_follows_device(call, what, shape=None):
    """Meta tensors show a tensor that was made on the CPU. What has no meta version (`.item()`, say) is no fault."""
    try:
        value = call()
    except RuntimeError as error:
        if "device" in str(error) and "expected" in str(error):
            raise CheckFailed(f"{what}: {error}") from None
        return
    if shape is not None:
        expect_tensor(value, what=what, shape=shape)


# --- cut_pairs --------------------------------------------------------------------------------------------------------


def slow_pairs(images, directions, patch_size, gap, jitter):
    """Both patches of every image, one pixel at a time."""
    batch, channels, height, width = images.shape
    centres = images.new_empty(batch, channels, patch_size, patch_size)
    neighbours = images.new_empty(batch, channels, patch_size, patch_size)
    top, left = (height - patch_size) // 2, (width - patch_size) // 2
    for n in range(batch):
        down, right = helpers.STEPS[int(directions[n])]
        row = top + down * (patch_size + gap) + int(jitter[n, 0])
        column = left + right * (patch_size + gap) + int(jitter[n, 1])
        for r in range(patch_size):
            for c in range(patch_size):
                centres[n, :, r, c] = images[n, :, top + r, left + c]
                neighbours[n, :, r, c] = images[n, :, row + r, column + c]
    return centres, neighbours


def case(rng, batch, channels, height, width, patch_size, gap, most, dtype=torch.float32):
    """Random images, all directions in turn, and jitter of at most so many pixels."""
    directions = (torch.arange(batch) + int(whole(rng, 0, 7))) % 8
    images, jitter = drawn(rng, batch, channels, height, width, dtype=dtype), whole(rng, -most, most, batch, 2)
    return images, directions, patch_size, gap, jitter


def assert_pairs(pair, given, what, any_float=True):
    right = slow_pairs(*given)
    for patches, expected, name in zip(helpers.both_of(pair), right, ("centres", "neighbours"), strict=True):
        assert_same(patches, expected, what=f"{what}: {name}", any_float=any_float)


@cutting(
    "agrees with a slow loop over images and pixels",
    hint="Follow one image on paper: its direction, its two steps, its jitter. Height and width differ here.",
    weight=2,
    broad=True,
)
@pytest.mark.parametrize("sizes", [(9, 3, 17, 14, 3, 1, 1), (5, 1, 13, 20, 4, 0, 0), (8, 4, 24, 31, 5, 2, 2)])
def test_pairs_agree_with_a_loop(student, rng, sizes):
    given = case(rng, *sizes)
    assert_pairs(student.cut_pairs(*given), given, f"pairs of {sizes[:4]} images")


@cutting(
    "refuses a neighbour that leaves the image on any side",
    hint="A slice over the end gives a smaller patch, an index below 0 counts from the end. Do you ask first?",
    weight=3,
)
def test_refuses_a_neighbour_on_any_side(student, rng):
    images = helpers.places(rng, 1, 11, 15)
    for jitter in ((-1, 0), (0, -3), (9, 0), (0, 11)):  # the upper left neighbour begins at row 0, column 2
        given = images, torch.tensor([0]), 3, 1, torch.tensor([jitter])
        what = f"a neighbour that begins at row {jitter[0]}, column {2 + jitter[1]} of 11 x 15"
        assert_raises(ValueError, lambda given=given: student.cut_pairs(*given), what=what)
    centres, neighbours = helpers.cut(student, images, [0], 3, 1, helpers.none(1))
    assert bool((neighbours.corners < centres.corners).all()), "the upper left neighbour is not up and to the left"


@cutting(
    "accepts a neighbour that reaches exactly to the border",
    hint="The last row of a patch may be the last row of the image. Is your border one too narrow, or too wide?",
    weight=2,
)
def test_accepts_a_neighbour_at_the_border(student, rng):
    images = helpers.places(rng, 1, 11, 15)  # the upper left neighbour begins at row 1, column 3
    for jitter, right in (((-1, -3), (0, 0)), ((7, 9), (8, 12))):
        _, neighbours = helpers.cut(student, images, [0], 3, 0, [jitter])
        what = "corner of a neighbour that reaches to two borders"
        assert_same(neighbours.corners, torch.tensor([right]).float(), what=what)


@cutting(
    "looks only at the neighbour that is asked for",
    hint="Other neighbours may not fit into a narrow image. Does that matter to this one?",
    weight=2,
)
def test_other_neighbours_need_not_fit(student, rng):
    for height, width, jitter in ((4, 14, (4, 1)), (14, 4, (2, 4))):
        _, neighbours = helpers.cut(student, helpers.places(rng, 1, height, width), [0], 4, 0, [jitter])
        right = (height - 4) // 2 - 4 + jitter[0], (width - 4) // 2 - 4 + jitter[1]
        what = f"corner of a 4 x 4 neighbour in {height} x {width}"
        assert_same(neighbours.corners, torch.tensor([right]).float(), what=what)


@cutting(
    "rounds the centre's corner down, also where nothing is left over on one side",
    hint="Where an odd number of pixels is left over, which side gets one more?",
    weight=2,
)
def test_the_centre_is_rounded_down(student, rng):
    for height, width, patch_size, right in ((13, 10, 3, (5, 3)), (14, 17, 4, (5, 6)), (6, 7, 1, (2, 3))):
        images = helpers.places(rng, 1, height, width)
        centres, _ = helpers.cut(student, images, [0], patch_size, 0, helpers.none(1))
        what = f"corner of a centre of {patch_size} pixels in {height} x {width}"
        assert_same(centres.corners, torch.tensor([right]).float(), what=what)


@cutting(
    "gives each image its own jitter",
    hint="Two images of a batch, in the same direction: may their neighbours begin at different places?",
    weight=2,
)
def test_each_image_has_its_own_jitter(student, rng):
    images, jitter = helpers.places(rng, 3, 19, 21), [[0, 0], [2, -1], [-1, 3]]
    plain, moved = (helpers.cut(student, images, [0] * 3, 3, 0, j)[1].corners for j in (helpers.none(3), jitter))
    helpers.assert_moved(
        moved - plain, jitter, what="how far its own jitter moves the neighbour of each of three images"
    )


@cutting(
    "counts the gap once a step, in both directions",
    hint="A diagonal neighbour has a gap to jump over downwards and another one to the right.",
    weight=2,
)
def test_the_gap_counts_in_both_directions(student, rng):
    images = helpers.places(rng, 2, 30, 34)
    near, far = (helpers.cut(student, images, [0, 0], 4, gap, helpers.none(2))[1].corners for gap in (1, 5))
    helpers.assert_moved(far - near, [[-4, -4]] * 2, what="how far a gap of 5 lies beyond a gap of 1")


@cutting(
    "keeps the dtype of the images, and leaves its inputs alone",
    hint="Do the pixels pass through another dtype on their way? Do you write into what you were given?",
)
def test_pairs_follow_the_dtype(student, rng):
    given = case(rng, 3, 2, 15, 13, 3, 0, 1, torch.float64)
    pair = helpers.both_of(student.cut_pairs(*given))
    unchanged = student.unchanged_inputs
    right, _ = slow_pairs(*given)
    assert_same(pair[0], right, what="centres of float64 images")
    expect_tensor(pair[1], what="neighbours of float64 images", shape=tuple(right.shape), dtype=torch.float64)
    assert unchanged, "cut_pairs changed its inputs"


@cutting(
    "works on the device of its inputs", hint="On a GPU every tensor that you make must live there, too.", weight=2
)
def test_pairs_follow_the_device(student, rng):
    images = helpers.places(rng, 2, 13, 14)
    centres, neighbours = helpers.cut(student, images, [0, 0], 3, 1, helpers.none(2))
    assert bool((neighbours.corners < centres.corners).all()), "the upper left neighbour is not up and to the left"
    given = images.to("meta"), torch.zeros(2, dtype=torch.int64).to("meta"), 3, 1, torch.zeros(2, 2).long().to("meta")
    assert_follows_device(lambda: student.cut_pairs(*given), "pairs of images on another device")


# --- drop_colors ------------------------------------------------------------------------------------------------------


def slow_drop(patches, keep, noise):
    """One number at a time, in float64."""
    result = torch.empty(patches.shape, dtype=torch.float64)
    for n, channel in enumerate(keep.tolist()):
        spread = helpers.deviation(patches[n, channel])
        for other in range(3):
            kept = other == channel
            result[n, other] = patches[n, other].double() if kept else 0.01 * spread * noise[n, other].double()
    return result


def patches_of(rng, count, side, dtype=torch.float32):
    """Patches with another deviation in each channel and each patch, their kept channels, and noise."""
    scales = 3 ** drawn(rng, count, 3, 1, 1)
    patches = (drawn(rng, count, 3, side, side) * scales + scales).to(dtype)
    return patches, whole(rng, 0, 2, count), drawn(rng, count, 3, side, side, dtype=dtype)


@dropping(
    "agrees with a slow loop over patches and channels",
    hint="Work out one patch of 2 x 2 on paper: the kept channel, its deviation, two channels of noise.",
    weight=2,
    broad=True,
)
@pytest.mark.parametrize("count, side", [(7, 5), (1, 9)])
def test_drop_agrees_with_a_loop(student, rng, count, side):
    patches, keep, noise = patches_of(rng, count, side)
    result, what = student.drop_colors(patches, keep, noise), f"{count} patches of {side} x {side} without colours"
    assert_same(result, slow_drop(patches, keep, noise).float(), what=what, atol=1e-5, rtol=1e-4)


@dropping(
    "divides the squares by their number less one",
    hint="There are two deviations in the books. Which one does the text ask for?",
    weight=2,
)
def test_the_deviation_is_unbiased(student):
    lively = torch.tensor([[0.0, 0.0], [0.0, 8.0]])  # mean 2, squares 4 + 4 + 4 + 36 = 48: 16 over 3
    patches = lively.expand(1, 3, 2, 2).contiguous()
    result = helpers.dropped(student, patches, [1], torch.ones(1, 3, 2, 2))
    what = "what becomes of channel 0 where the kept channel is 0, 0, 0, 8 and the noise 1"
    assert_same(result[0, 0], torch.full((2, 2), 0.04).double(), what=what, atol=1e-4)


@dropping(
    "takes the deviation of each patch by itself",
    hint="A flat patch and a lively one in one batch: may the noise of one depend on the other?",
    weight=2,
)
def test_each_patch_has_its_own_deviation(student, rng):
    patches, noise = drawn(rng, 2, 3, 4, 4), torch.ones(2, 3, 4, 4)
    patches[1] = 50 * patches[0] + 7
    first, second = helpers.dropped(student, patches, [0, 0], noise)
    assert float(first[1].abs().min()) > 1e-4, "channel 1 of a patch holds zeros where its noise has none"
    what = "noise in a patch with fifty times the deviation, over that in its fellow"
    assert_same(second[1] / first[1], torch.full((4, 4), 50.0).double(), what=what, atol=0.5)


@dropping(
    "draws a normal random number for every pixel of every dropped channel",
    hint="How many numbers does a patch need, from which distribution, and are they new in every patch and call?",
    weight=4,
)
def test_drawn_noise_is_normal_and_new(student, rng):
    patches = drawn(rng, 60, 3, 6, 6)
    keep = [0] * 60
    spread = torch.tensor([helpers.deviation(patch[0]) for patch in patches], dtype=torch.float64).view(-1, 1, 1, 1)
    noise = helpers.dropped(student, patches, keep)[:, 1:] / (0.01 * spread)
    mean, deviation = float(noise.mean()), float(noise.std())
    assert abs(mean) < 0.08, f"noise over its scale has mean {mean:.3f}, not 0"
    assert 0.93 < deviation < 1.07, f"noise over its scale has deviation {deviation:.3f}, not 1"
    assert 0.02 < float((noise.abs() > 2).double().mean()) < 0.08, "noise is not normal: 4.6 % should lie beyond 2"
    for one, two, what in (
        (noise[:, 0], noise[:, 1], "the two dropped channels"),
        (noise[:-1], noise[1:], "two patches"),
        (noise[..., :-1], noise[..., 1:], "neighbouring pixels"),
    ):
        alike = float((one * two).mean())
        assert abs(alike) < 0.15, f"the noise of {what} goes together (correlation {alike:.2f})"


@dropping(
    "keeps the dtype of the patches, and leaves its inputs alone",
    hint="In which dtype do you compute the deviation, and draw the noise? Do you write into what you were given?",
    weight=2,
)
def test_drop_follows_the_dtype(student, rng):
    patches, keep, noise = patches_of(rng, 3, 4, torch.float64)
    result = student.drop_colors(patches, keep, noise)
    unchanged = student.unchanged_inputs
    rows = torch.arange(3)
    expect_tensor(result, what="float64 patches without colours", shape=(3, 3, 4, 4), dtype=torch.float64)
    assert_same(result[rows, keep], patches[rows, keep], what="the kept channels of float64 patches")
    assert unchanged, "drop_colors changed its inputs"
    result = student.drop_colors(patches, keep)
    expect_tensor(result, what="float64 patches without colours", shape=(3, 3, 4, 4), dtype=torch.float64)


@dropping(
    "leaves nothing in the dropped channels of a flat patch",
    hint="Where all pixels of the kept channel are equal, its deviation is 0. Is yours, or is it not a number?",
    weight=2,
)
def test_a_flat_patch_gets_no_noise(student, rng):
    patches = drawn(rng, 2, 3, 3, 3)
    patches[0, 1] = 0.5
    result = helpers.dropped(student, patches, [1, 1], drawn(rng, 2, 3, 3, 3))
    rest = result[0, helpers.others(1)]
    assert_same(rest, torch.zeros(2, 3, 3).double(), what="dropped channels of a patch that is flat", atol=1e-6)
    assert_same(result[:, 1], patches[:, 1].double(), what="channel 1, which is kept", atol=1e-5)


@dropping(
    "works on the device of its inputs", hint="On a GPU every tensor that you make must live there, too.", weight=2
)
def test_drop_follows_the_device(student, rng):
    patches, keep, noise = patches_of(rng, 3, 4)
    rows = torch.arange(3)
    result = helpers.dropped(student, patches, keep.tolist(), noise)
    assert_same(result[rows, keep], patches[rows, keep].double(), what="kept channels", atol=1e-5)
    far = patches.to("meta"), keep.to("meta")
    what = "patches on another device"
    assert_follows_device(lambda: student.drop_colors(*far, noise.to("meta")), what, (3, 3, 4, 4))
    assert_follows_device(lambda: student.drop_colors(*far), f"{what}, noise drawn there", (3, 3, 4, 4))


# --- network ----------------------------------------------------------------------------------------------------------


def made(student, rng, channels, side, dim, count, dtype=torch.float32):
    """A network with random weights, these, and a batch of pairs."""
    handle, weights = helpers.network(student, rng, channels, side, dim)
    patches = [drawn(rng, count, channels, side, side, dtype=dtype) for _ in range(2)]
    return handle, weights, *patches


@network(
    "agrees with the sum written out",
    hint="Two vectors of features, side by side, the centre's first, then the head. What is in between in yours?",
    weight=2,
    broad=True,
)
@pytest.mark.parametrize("channels, side, dim, count", [(3, 9, 5, 4), (1, 4, 7, 3)])
def test_scores_agree_with_the_sum(student, rng, channels, side, dim, count):
    handle, weights, centres, neighbours = made(student, rng, channels, side, dim, count)
    right = helpers.scores(weights, centres.double(), neighbours.double()).float()
    assert_same(handle(centres, neighbours), right, what="scores", atol=2e-3)


@network(
    "lets gradients reach both patches",
    hint="Is one of the two cut off on its way through the trunk? The trunk learns from both.",
    weight=3,
)
def test_gradients_reach_both_patches(student, rng):
    handle, weights, *patches = made(student, rng, 2, 5, 4, 3)
    pull = drawn(rng, 3, 8)
    inputs = [patch.clone().requires_grad_() for patch in patches]
    readings = helpers.readings(weights, *inputs)[:3]  # those that look at both
    right = [torch.autograd.grad((scores * pull).sum(), inputs, retain_graph=True) for scores in readings]
    gradients = student.vjp(handle, patches, pull, wrt=[0, 1])
    for gradient, name, expected in zip(gradients, ("centres", "neighbours"), zip(*right, strict=True), strict=True):
        helpers.assert_close_to_one(gradient, expected, what=f"gradient at the {name}")


@network(
    "lets the trunk learn from both patches",
    hint="One trunk serves both, so its gradient is a sum of two. Does yours hear of both?",
    weight=2,
)
def test_the_trunk_learns_from_both(student, rng):
    handle, weights, *patches = made(student, rng, 2, 5, 4, 3)
    pull = drawn(rng, 3, 8)
    name = "trunk.0.weight"
    moving = weights | {name: weights[name].clone().requires_grad_()}
    readings = helpers.readings(moving, *patches)
    right = [torch.autograd.grad((scores * pull).sum(), moving[name], retain_graph=True)[0] for scores in readings]
    gradient = student.vjp(handle, patches, pull, wrt=[name])[0]
    helpers.assert_close_to_one(gradient, right, what="gradient of the trunk's first weights")


@network(
    "gives features through which gradients flow",
    hint="Whoever finetunes the trunk asks for `features`. Is anything cut off there?",
    weight=2,
)
def test_gradients_flow_through_features(student, rng):
    handle, weights, patches, _ = made(student, rng, 3, 4, 6, 2)
    pull, inputs = drawn(rng, 2, 6), patches.clone().requires_grad_()
    (right,) = torch.autograd.grad((helpers.trunk(weights, inputs) * pull).sum(), inputs)
    gradient = student.vjp(handle.method("features"), [patches], pull, wrt=[0])[0]
    assert_same(gradient, right, what="gradient of the features", atol=1e-3)


@network(
    "treats every pair of a batch alone, also a batch of one",
    hint="A batch of one has an axis, too. Does a pair's answer depend on its fellows?",
)
def test_a_pair_alone_gets_the_same_scores(student, rng):
    handle, weights, centres, neighbours = made(student, rng, 1, 5, 24, 4)
    both = expect_tensor(handle(centres, neighbours), what="scores", shape=(4, 8), dtype="floating")
    assert float(both.std(dim=0).max()) > 1e-4, "the scores are the same for every pair"
    alone = expect_tensor(handle(centres[2:3], neighbours[2:3]), what="scores", shape=(1, 8), dtype="floating")
    assert_same(alone[0], both[2].to(alone.dtype), what="scores of a pair alone and in a batch", atol=1e-4)


@network(
    "computes in the precision of its inputs, and leaves them alone",
    hint="A network in float64 reads patches in float64. Does some step of yours go through float32?",
)
def test_scores_follow_the_dtype(student, rng):
    handle, weights, *patches = made(student, rng, 2, 4, 6, 2, torch.float64)
    features = handle.double().call("features", patches[0])
    right = helpers.trunk(weights, patches[0])
    assert_same(features, right, what="features of float64 patches", atol=1e-6)
    scores = handle(*patches)
    assert student.unchanged_inputs, "the network changed its inputs"
    expect_tensor(scores, what="scores of float64 patches", shape=(2, 8), dtype=torch.float64)


@network("works on the device of its inputs", hint="On a GPU every tensor that you make must live there, too.")
def test_scores_follow_the_device(student, rng):
    handle, weights, *patches = made(student, rng, 2, 5, 4, 3)
    assert_same(handle.call("features", patches[0]), helpers.trunk(weights, patches[0]), what="features", atol=1e-3)
    far = handle.meta()
    what = "scores of patches on another device"
    assert_follows_device(lambda: far(*(patch.to("meta") for patch in patches)), what, (3, 8))


# --- nearest_neighbours -----------------------------------------------------------------------------------------------


def slow_nearest(queries, gallery, k, exclude=None):
    """Cosines one by one in float64, sorted."""
    rows = []
    for m, query in enumerate(queries.double().tolist()):
        cosines = [cosine(query, row) for row in gallery.double().tolist()]
        allowed = [n for n in range(len(cosines)) if exclude is None or n != int(exclude[m])]
        rows.append(sorted(allowed, key=lambda n: -cosines[n])[:k])
    return rows


def best_in_front(query, gallery):
    """An order of the gallery's rows that puts the one most similar to the first query in front."""
    (best,) = slow_nearest(query[:1], gallery, 1)[0]
    return [best, *(n for n in range(len(gallery)) if n != best)]


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True)) / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def vectors(rng, count, width, long=0):
    """Vectors of length 1, or of very different lengths (those are a test's own business)."""
    directions = torch.nn.functional.normalize(drawn(rng, count, width), dim=1)
    return directions * 10 ** (long * (2 * torch.rand(count, 1, generator=rng) - 1))


@nearest(
    "agrees with a slow loop over queries and gallery",
    hint="Compute the cosines of two queries with three rows on paper. M, N, D and k are four numbers.",
    weight=2,
    broad=True,
)
@pytest.mark.parametrize("queries, gallery, width, k, long", [(5, 12, 4, 3, 0), (1, 6, 9, 6, 0), (13, 20, 2, 1, 1)])
def test_nearest_agrees_with_a_loop(student, rng, queries, gallery, width, k, long):
    one, two = vectors(rng, queries, width, long), vectors(rng, gallery, width, long)
    rows = helpers.found(student, one, two, k)
    helpers.assert_found(rows, slow_nearest(one, two, k), what=f"{k} rows of {gallery} for {queries} queries")


@nearest(
    "agrees with a slow loop where rows are excluded",
    hint="Each query has a row of its own that it may not get. The others may have that one.",
    broad=True,
)
@pytest.mark.parametrize("queries, gallery, k", [(7, 5, 4), (4, 9, 3)])
def test_nearest_agrees_with_a_loop_without_the_excluded(student, rng, queries, gallery, k):
    one, two = vectors(rng, queries, 3), vectors(rng, gallery, 3)
    best = [row[0] for row in slow_nearest(one, two, 1)]
    exclude = torch.tensor(best)
    exclude[0] = (exclude[0] + 1) % gallery
    rows = helpers.found(student, one, two, k, exclude)
    what = f"{k} rows of {gallery} for {queries} queries, a row excluded for each"
    helpers.assert_found(rows, slow_nearest(one, two, k, exclude), what=what)


@nearest(
    "keeps out a row even where all others point away from the query",
    hint="What if every cosine is negative: is the excluded row still the last choice?",
    weight=2,
)
def test_excluded_rows_stay_out_among_negative_cosines(student, rng):
    width = 5
    query = 1 + torch.rand(1, width, generator=rng)
    gallery = -1 - torch.rand(6, width, generator=rng)
    gallery = gallery[best_in_front(query, gallery)]
    (row,) = helpers.found(student, query, gallery, 5, torch.tensor([0]))
    assert len(set(row)) == 5, "a row of the gallery is found twice"
    assert 0 not in row, "the query gets the row that is excluded for it"


@nearest(
    "does not care how long queries and rows are",
    hint="Multiply one row by a thousand: nothing points elsewhere. Which of your numbers still knows a length?",
    weight=2,
)
def test_nearest_does_not_care_about_lengths(student, rng):
    query, gallery = drawn(rng, 1, 3), drawn(rng, 20, 3)
    gallery = gallery[best_in_front(query, gallery)]
    longer = gallery * 10 ** torch.linspace(-3, 3, 20)[torch.randperm(20, generator=rng), None]
    rows = [set(row) for row in helpers.found(student, 100 * query, longer, 3, torch.tensor([0]))]
    (right,) = slow_nearest(query, gallery, 20)
    excused = [[set(right[-3:])]]  # the least similar: another test's business
    helpers.assert_found(rows, [set(right[1:4])], what="rows of lengths from 0.001 to 1000", excused=excused)


@nearest(
    "tells similarities apart that float32 cannot, and leaves its inputs alone",
    hint="Does some step of yours go through float32, or write into what it was given?",
    weight=2,
)
def test_nearest_follows_the_dtype(student, rng):
    order = torch.randperm(40, generator=rng)
    angles = 0.5 + 1e-9 * order.double()  # cosines with the query differ by 2e-10
    gallery = torch.stack([angles.cos(), angles.sin()], dim=1)
    query = torch.tensor([[math.cos(0.3), math.sin(0.3)]], dtype=torch.float64)
    gallery = gallery[best_in_front(query, gallery)]
    (right,) = slow_nearest(query, gallery, 40)
    rows = [set(row) for row in helpers.found(student, query, gallery, 20, torch.tensor([0]))]
    unchanged = student.unchanged_inputs
    excused = [[set(right[20:])]]  # the least similar: another test's business
    helpers.assert_found(rows, [set(right[1:21])], what="20 of 40 rows of float64", excused=excused)
    assert unchanged, "nearest_neighbours changed its inputs"


@nearest(
    "works on the device of its inputs", hint="On a GPU every tensor that you make must live there, too.", weight=2
)
def test_nearest_follows_the_device(student, rng):
    queries, gallery = vectors(rng, 3, 4), vectors(rng, 7, 4)
    right, exclude = slow_nearest(queries, gallery, 7), torch.tensor([6, 0, 6])
    rows = helpers.found(student, queries, gallery, 1)
    excused = [[row[-1:] for row in right]]  # the least similar: another test's business
    helpers.assert_found(rows, [row[:1] for row in right], what="the nearest row", excused=excused)
    far = queries.to("meta"), gallery.to("meta"), 2
    what = "neighbours on another device"
    assert_follows_device(lambda: student.nearest_neighbours(*far), what, (3, 2))
    assert_follows_device(lambda: student.nearest_neighbours(*far, exclude.to("meta")), what, (3, 2))
