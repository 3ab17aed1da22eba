"""Public checks of the contrastive problem: small cases that can be worked out by hand."""

import math

import torch

from kit import Lib, Seed, assert_same, exercise, expect_tensor, load_helpers

crop = exercise("nce-crop-and-resize")
two_views = exercise("nce-two-views")
info_nce = exercise("nce-info-nce")
nt_xent = exercise("nce-nt-xent")

helpers = load_helpers(__file__)

# --- crop_and_resize --------------------------------------------------------------------------------------------------


def sums(*values, level=0.0):
    """One image (1, 2, n, n) whose pixel (r, c) is values[r] + values[c]: rows and columns may be exchanged.

    Its second channel is of one level.
    """
    row = torch.tensor(values)
    first = (row[:, None] + row)[None, None]
    return torch.cat([first, torch.full_like(first, level)], dim=1)


def assert_sums(student, rng, row, box, values, mistakes, *, about, what):
    """The crop of sums(*row) is sums(*values), or has one mistake that another test is about.

    box: start and extent, the same for rows and columns. mistakes: for each property, the values if it is missed.
    """
    level = torch.rand(1, generator=rng).item()
    image = sums(*row, level=level)
    crops = student.crop_and_resize(image, torch.tensor([[box[0], box[0], box[1], box[1]]]), len(values))
    others = [sums(*other, level=level) for name, rows in mistakes.items() if name != about for other in rows]
    helpers.assert_crops(crops, sums(*values, level=level), others, what=what)


@crop(
    "looks at the middles of the output's pixels",
    hint="Output pixel 0 of 2 looks at the middle of the first half of the box. Where does yours look?",
)
def test_crop_of_whole_pixels_returns_these_pixels(student, rng):
    mistakes = {"extent": [(17.5, 22.5)], "centres": [(21.25, 28.75), (25.0, 35.0)]}
    what = "the middle half of the numbers 10 20 30 40, down and across, at size 2"
    assert_sums(student, rng, (10.0, 20.0, 30.0, 40.0), (0.25, 0.5), (20.0, 30.0), mistakes, about="middles", what=what)


@crop(
    "knows where the centres of the image's pixels lie",
    hint="The centre of the first of four pixels lies at 1/8 of the image. Where does your way of reading put it?",
)
def test_crop_knows_the_centres_of_the_pixels(student, rng):
    mistakes = {"extent": [(17.5, 22.5)], "middles": [(15.0, 25.0), (15.0, 35.0)]}
    what = "the middle half of the numbers 10 20 30 40, down and across, at size 2"
    assert_sums(student, rng, (10.0, 20.0, 30.0, 40.0), (0.25, 0.5), (20.0, 30.0), mistakes, about="centres", what=what)


@crop(
    "takes the last two numbers of a box for its height and width",
    hint="A box that begins at 1/4 and is half as high as the image ends at 3/4. Where does yours end?",
)
def test_crop_reads_height_and_width_rather_than_corners(student):
    image, box = sums(*[1.0] * 4, *[5.0] * 4)[:, :1], torch.tensor([[0.25, 0.25, 0.5, 0.5]])
    what = "a box across the middle of an image, at size 4"
    crop = expect_tensor(student.crop_and_resize(image, box, 4), what=what, shape=(1, 1, 4, 4), dtype="floating")
    ends, right = crop[0, 0, [0, -1], [0, -1]], torch.tensor([2.0, 10.0])
    assert_same(ends, right, what=f"first and last pixel of {what}", atol=1e-3, any_float=True)


@crop(
    "tells top from left, and rows from columns",
    hint="A box names the vertical first. Does every place that you look at name it first, too? Is the image square?",
)
def test_crop_tells_rows_from_columns(student):
    image = torch.tensor([[1.0, 2.0], [3.0, 4.0]]).repeat_interleave(torch.tensor([5, 3]), 0)
    image = image.repeat_interleave(torch.tensor([4, 8]), 1)  # 8 rows, 12 columns, in four areas of one number each
    crops = student.crop_and_resize(image[None, None], torch.tensor([[0.1, 0.4, 0.3, 0.5]]), 2)
    what = "a box within the upper right of four areas, which hold 1 2 3 4"
    helpers.assert_crops(crops, torch.full((1, 1, 2, 2), 2.0), [], what=what)


@crop("gives each image its own box", hint="There are as many boxes as images. Which box does the second image get?")
def test_crop_gives_each_image_its_own_box(student):
    images = torch.tensor([20.0, 40.0]).view(2, 1, 1, 1).repeat(1, 1, 16, 16)
    images[:, :, :4, :4] = torch.tensor([10.0, 30.0]).view(2, 1, 1, 1)
    boxes = torch.tensor([[0.06, 0.06, 0.12, 0.12], [0.4, 0.4, 0.5, 0.5]])
    expected = torch.tensor([10.0, 40.0]).view(2, 1, 1, 1).expand(2, 1, 2, 2)
    what = "the upper left corner of one image and the middle of the next"
    helpers.assert_crops(student.crop_and_resize(images, boxes, 2), expected, [], what=what)


@crop(
    "reads one place per output pixel, without averaging over an area",
    hint="Made smaller, an output pixel covers four by four pixels here. How many of them should have a say?",
)
def test_crop_does_not_antialias(student, rng):
    mistakes = {
        "middles": [(100.0, 100.0)],
        "centres": [(3.5, 6.5), (4.0, 8.0)],
        "mix": [(2.0, 6.0), (4.0, 8.0), (4.0, 6.0), (2.0, 8.0), (-15.1875, -10.4375)],
    }
    row = (100.0, 2.0, 4.0, 100.0, 100.0, 6.0, 8.0, 100.0)
    what = "eight numbers, down and across, at size 2"
    assert_sums(student, rng, row, (0.0, 1.0), (3.0, 7.0), mistakes, about="area", what=what)


@crop(
    "mixes neighbouring pixels where it looks between them",
    hint="A box need not begin where a pixel begins. What should stand three quarters of the way from a 0 to a 4?",
)
def test_crop_is_bilinear_between_pixels(student, rng):
    mistakes = {
        "extent": [(2.5, 5.5, 9.5)],
        "middles": [(1.0, 5.0, 11.0), (1.0, 7.0, 20.0)],
        "centres": [(3.75, 6.75, 13.25), (5.0, 11.0, 20.0)],
    }
    what = "the numbers 0 4 8 20, down and across, seen between the pixels"
    assert_sums(student, rng, (0.0, 4.0, 8.0, 20.0), (0.1875, 0.75), (3.0, 7.0, 17.0), mistakes, about="mix", what=what)


@crop(
    "repeats the edge beyond the outermost pixel centres",
    hint="Enlarged, the image is also asked about places between its border and the centres of its border pixels. "
    "What lies there for you: the edge's pixels, or black?",
)
def test_crop_repeats_the_edge(student, rng):
    mistakes = {
        "middles": [(4.0, 4.0, 8.0, 12.0), (4.0, 16 / 3, 32 / 3, 12.0)],
        "centres": [(5.0, 7.0, 9.0, 11.0), (6.0, 10.0, 12.0, 12.0)],
        "mix": [(4.0, 4.0, 12.0, 12.0), (3.15625, 5.8125, 10.1875, 12.84375)],
    }
    what = "all of the numbers 4 12, down and across, enlarged to size 4"
    assert_sums(student, rng, (4.0, 12.0), (0.0, 1.0), (4.0, 6.0, 10.0, 12.0), mistakes, about="edge", what=what)


# --- two_views --------------------------------------------------------------------------------------------------------


def two_of(student, images, augment, generator):
    """The student's two views in their container, each like the images in dtype and shape, and of numbers."""
    views = student.two_views(images, augment, generator)
    for view, what in helpers.named_views(views):
        expect_tensor(view, what=what, shape=tuple(images.shape), dtype=images.dtype)
        assert not view.is_meta, f"{what} has a shape but no numbers"
    return views


def assert_noisy(view, level, what):
    """Images of one level plus noise of deviation 1."""
    mean, deviation = view.mean().item(), view.std().item()
    text = f"{what}: images of {level} plus noise of deviation 1 have mean {mean:.2f} and deviation {deviation:.2f}"
    assert abs(mean - level) < 0.5 and 0.75 < deviation < 1.25, text


@two_views("gives two different views of the same images", hint="Are the two views different for the same image?")
def test_two_views_differ(student):
    views = two_of(student, torch.zeros(2, 3, 4, 6), helpers.NOISE, Seed(1))
    (view1, _), (view2, _) = helpers.named_views(views)
    assert helpers.noises(views, torch.zeros(2, 3, 4, 6)), "no view shows the noise of the augmentation"
    same = (view1 == view2).float().mean().item()
    assert same < 0.5, f"{same:.0%} of the numbers in view1 and view2 are equal, though noise was added to each"


@two_views("returns a tuple", hint="A list, or one long tensor, also holds two views. The text names its container.")
def test_two_views_are_a_tuple(student):
    views = two_of(student, torch.zeros(2, 3, 4, 6), helpers.NOISE, Seed(1))
    helpers.assert_in_a_tuple(views)
    assert helpers.noises(views, torch.zeros(2, 3, 4, 6)), "no view shows the noise of the augmentation"


@two_views(
    "starts both views from the original images",
    hint="Two views of one photo are siblings. Is one of yours the photo itself, or the child of the other?",
)
def test_both_views_start_from_the_images(student):
    for view, what in helpers.named_views(two_of(student, torch.full((4, 3, 8, 10), 10.0), helpers.NOISE, Seed(2))):
        assert_noisy(view, 10, what)


def first_two_draws(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator), torch.randn(shape, generator=generator)


@two_views(
    "puts the first draw first",
    hint="A generator deals its numbers out in a fixed order. Does augment get yours, and whose turn is first?",
)
def test_the_first_draw_is_view1(student):
    view1, _ = seeded_views(student)
    first, _ = first_two_draws(5, 1, 1, 3, 5)
    assert_same(view1, first, what="view1 of a black image, with the augmentation that adds noise")


@two_views(
    "draws both views from one generator, which goes on",
    hint="Asked twice with the same numbers, an augmentation answers the same. Asked with none, nobody can repeat it.",
)
def test_the_second_view_is_the_second_draw(student):
    view1, view2 = seeded_views(student)
    first, second = first_two_draws(5, 1, 1, 3, 5)
    other = view1 if torch.allclose(view2, first) else view2  # whose turn is first is the test above
    assert_same(other, second, what="the other view of a black image, with the augmentation that adds noise")


def seeded_views(student):
    """Both views of one black image with the seed 5, from a tuple or whatever they come in."""
    views = two_of(student, torch.zeros(1, 1, 3, 5), helpers.NOISE, Seed(5))
    return [view for view, _ in helpers.named_views(views)]


@two_views(
    "works with any augmentation that takes images and a generator",
    hint="Not every augmentation calls its arguments `images` and `generator`, or has a default for the second.",
)
def test_two_views_pass_arguments_by_position(student):
    by_position = Lib("ps3.contrastive_learning.parts.noisy_by_position")
    for generator in (Seed(3), None):
        images = torch.full((4, 3, 8, 10), 10.0)
        noisy = helpers.noises(student.two_views(images, by_position, generator), images)
        assert noisy, "no view shows the noise of an augmentation that takes its arguments by position"


# --- info_nce ---------------------------------------------------------------------------------------------------------

COMPASS = torch.tensor([[0.0, 1.0], [1.0, 0.0], [0.0, -1.0], [-1.0, 0.0]])


def shuffled(student, rng, loss, first, second, temperature):
    """The loss of two views whose columns, on whose order nothing depends, are shuffled alike."""
    order = torch.randperm(first.shape[1], generator=rng)
    return getattr(student, loss)(first[:, order], second[:, order], temperature)


def equal_vectors(rng):
    """Four equal vectors of six equal numbers."""
    return torch.ones(4, 6) * (1 + torch.rand(1, generator=rng))


def cost(right, *others):
    """-log of the share of exp(right) among all: what a row of these logits costs."""
    top = max(right, *others)
    return top + math.log(sum(math.exp(logit - top) for logit in (right, *others))) - right


def four_pairs(temperature, moved_on=False):
    """InfoNCE of four orthogonal pairs, and what it would be if one property alone were missed.

    A row has one similarity of 1, the right one (or, with the keys moved on, another), and three of 0.
    """

    def row(one, *others):
        return cost(others[0], one, *others[1:]) if moved_on else cost(one, *others)

    s = 1 / temperature
    p, q = math.exp(-row(s, 0, 0, 0)), math.exp(-row(s, 0, 0, 0) + (s if moved_on else -s))
    right, without = row(s, 0, 0, 0), math.log(math.exp(s) + 2) if moved_on else math.log(3) - s
    twice = cost(p, q, p, p) if moved_on else cost(p, q, q, q)
    return right, {
        "mean": [4 * right],
        "candidates": [without, math.log(s) - (0 if moved_on else s)],
        "key": [right - s if moved_on else right + s],
        "temperature": [row(1, 0, 0, 0), row(temperature, 0, 0, 0), row(s * s, 0, 0, 0), twice],
    }


def assert_differ(found, missed):
    gap = abs(helpers.one_number(found, "the loss") - helpers.one_number(missed, "the loss"))
    assert gap > 1e-3, "the loss is the same where pairs are found and where they are missed"


def assert_turns_without_stretching(gradient, vectors, what):
    """A loss that knows directions only has gradients that are not zero, and at right angles to their vectors."""
    gradient = expect_tensor(gradient, what=what, shape=tuple(vectors.shape), dtype=vectors.dtype)
    lengths = gradient.norm(dim=1)
    assert lengths.min() > 1e-3, f"{what}: vector {lengths.argmin()} gets no gradient"
    cosines = (gradient * vectors).sum(dim=1) / lengths / vectors.norm(dim=1)
    assert_same(cosines, torch.zeros_like(cosines), what=f"{what}: cosine of the angle to its vector", atol=1e-2)


def assert_turns_both_inputs(student, rng, loss):
    a = torch.tensor([[2.0, 1.0, 0.0], [0.0, 0.5, 1.5], [-1.0, 1.0, 1.0]])
    b = torch.tensor([[1.0, 1.0, 0.5], [0.5, -1.0, 2.0], [0.0, 3.0, 1.0]])
    order = torch.randperm(3, generator=rng)
    a, b = a[:, order], b[:, order]
    first, second = student.vjp(loss, (a, b, 0.5), wrt=[0, 1])
    assert_turns_without_stretching(first, a, "gradient at the first input")
    assert_turns_without_stretching(second, b, "gradient at the second input")


@info_nce(
    "lets each row choose among all B keys",
    hint="Guessing among 4 equal keys costs log 4 for each row. Which terms stand below the fraction line in yours?",
)
def test_info_nce_of_equal_keys_is_log_of_their_number(student, rng):
    loss = student.info_nce(*2 * (equal_vectors(rng),), 1.0)
    what = "InfoNCE of 4 equal pairs"
    helpers.assert_loss(loss, math.log(4), {"mean": [4 * math.log(4)]}, about="candidates", what=what)


@info_nce(
    "is the mean over the rows, not their sum",
    hint="Twice as many rows, each as hard as before: should the loss be twice as large?",
)
def test_info_nce_is_a_mean_over_the_rows(student, rng):
    loss, mistakes = student.info_nce(*2 * (equal_vectors(rng),), 1.0), [math.log(3), math.log(4) - 1]
    what = "InfoNCE of 4 equal pairs"
    helpers.assert_loss(loss, math.log(4), {"candidates": mistakes}, about="mean", what=what)


@info_nce(
    "divides similarities by the temperature",
    hint="A small temperature makes the softmax sharp. Does yours get sharper or flatter, or does it not care?",
)
def test_info_nce_uses_the_temperature(student, rng):
    loss = shuffled(student, rng, "info_nce", torch.eye(4, 6), torch.eye(4, 6), 0.5)
    what = "InfoNCE of 4 orthogonal pairs at temperature 0.5"
    helpers.assert_loss(loss, *four_pairs(0.5), about="temperature", what=what)


@info_nce(
    "does not care how long the vectors are",
    hint="Cosine similarity knows directions only. Which of your numbers still knows a length?",
)
def test_info_nce_ignores_lengths(student, rng):
    lengths = torch.tensor([[3.0], [0.5], [20.0], [1.0]])
    loss = shuffled(student, rng, "info_nce", lengths * COMPASS, lengths.flip(0) * COMPASS, 0.5)
    right = cost(2, 0, 0, -2)
    mistakes = {
        "mean": [4 * right],
        "candidates": [math.log(2 + math.exp(-2)) - 2],
        "key": [right + 2],
        "temperature": [cost(1, 0, 0, -1), cost(0.5, 0, 0, -0.5), cost(4, 0, 0, -4), cost(0.776, 0.105, 0.105, 0.014)],
    }
    what = "InfoNCE of north, east, south, west, of various lengths"
    helpers.assert_loss(loss, right, mistakes, about="lengths", what=what)


@info_nce(
    "lets each query choose among the keys, in one direction",
    hint="Row i is query i. Does your softmax run over the keys? And does anybody else choose, too?",
)
def test_info_nce_lets_queries_choose(student, rng):
    keys = torch.eye(1, 4).repeat(3, 1)  # all keys look like query 0
    loss = shuffled(student, rng, "info_nce", torch.eye(3, 4), keys, 1.0)
    down = (cost(1, 0, 0) + 2 * cost(0, 1, 0)) / 3
    both = abs(helpers.one_number(loss, "InfoNCE") - (down + math.log(3)) / 2) < 5e-3
    hint = (
        "Half of your answer lets keys choose among queries, as CLIP does. Who chooses in the text?" if both else None
    )
    mistakes = {"mean": [3 * math.log(3)], "candidates": [math.log(2), -math.inf]}
    what = "InfoNCE where all 3 keys are equal"
    helpers.assert_loss(loss, math.log(3), mistakes, about="direction", what=what, hint=hint)


@info_nce(
    "wants query i to pick key i",
    hint="With the keys moved on by one, every query finds its own key worst. Which key do you call right?",
)
def test_info_nce_wants_key_i_for_query_i(student, rng):
    loss = shuffled(student, rng, "info_nce", torch.eye(4, 6), torch.eye(4, 6).roll(1, 0), 0.5)
    what = "InfoNCE of 4 orthogonal queries, keys moved on by one"
    helpers.assert_loss(loss, *four_pairs(0.5, moved_on=True), about="key", what=what)


@info_nce(
    "stays finite at temperature 0.005",
    hint="At 0.005 a similarity of 1 becomes exp(200). Which function never forms that number?",
)
def test_info_nce_survives_a_low_temperature(student, rng):
    what = "InfoNCE of 4 orthogonal pairs at temperature 0.005"
    found = shuffled(student, rng, "info_nce", torch.eye(4, 6), torch.eye(4, 6), 0.005)
    helpers.assert_loss(found, *four_pairs(0.005), about="range", what=what)
    missed = shuffled(student, rng, "info_nce", torch.eye(4, 6), torch.eye(4, 6).roll(1, 0), 0.005)
    readings = four_pairs(0.005, moved_on=True)
    helpers.assert_loss(missed, *readings, about="range", what=f"{what}, the keys moved on by one")
    assert_differ(found, missed)


@info_nce(
    "answers with a scalar tensor, in the dtype of its inputs",
    hint="Training calls backward on your answer. Is it a tensor of no dimension, and which dtype does it have?",
)
def test_info_nce_is_a_scalar_tensor(student, rng):
    loss = shuffled(student, rng, "info_nce", torch.eye(4, 6), torch.eye(4, 6), 1.0)
    expect_tensor(loss, what="InfoNCE of float32 vectors", shape=(), dtype=torch.float32)
    helpers.assert_loss(loss, *four_pairs(1.0), about="kind", what="InfoNCE of 4 orthogonal pairs")


@info_nce(
    "turns the vectors of both inputs, without stretching them",
    hint="A value can be right where its gradient is not. Does every input, and every length, count as one that moves?",
)
def test_info_nce_turns_both_inputs(student, rng):
    assert_turns_both_inputs(student, rng, "info_nce")


# --- nt_xent ----------------------------------------------------------------------------------------------------------

CROWDS = {
    8: "Eight equal embeddings give log 7. Yours says log 8: who else is in your sum?",
    6: "Eight equal embeddings give log 7. Yours says log 6: who is missing from your sum?",
    4: "Eight equal embeddings give log 7. Yours says log 4: who may be picked, and who may not?",
    3: "Eight equal embeddings give log 7. Yours says log 3: who may be picked, and who may not?",
}


def three_images(temperature, moved_on=False):
    """NT-Xent of three orthogonal images with two equal views, and what it would be if one property were missed.

    A turn has one similarity of 1, the partner's (or, with the second views moved on, another's), and four of 0.
    """

    def turn(s, partner, zeros):
        return cost(0, s, *[0] * (zeros - 1)) if moved_on else cost(partner, *[0] * zeros)

    s = 1 / temperature
    right = turn(s, s, 4)
    with_itself = cost(0, s, s, 0, 0, 0) if moved_on else cost(s, s, 0, 0, 0, 0)
    without_partner = math.log(math.exp(s) + 3) if moved_on else math.log(4) - s
    top_only = turn(1, 1, 4) if moved_on else turn(1, 1, 4) + 1 - s
    return right, {
        "mean": [6 * right, 2 * right],
        "candidates": [with_itself, turn(s, s, 5), without_partner, turn(s, s, 2)],
        "partner": [right - s / 3, right - s / 6] if moved_on else [right + s],
        "temperature": [turn(1, 1, 4), turn(temperature, temperature, 4), top_only],
        "lengths": [turn(s / 2, s / 2, 4)],
    }


def assert_three_images(loss, readings, *, about, what):
    helpers.assert_loss(loss, *readings, about=about, what=f"NT-Xent of 3 images, orthogonal, {what}")


@nt_xent(
    "lets everyone choose among the 2B - 1 others",
    hint="Count who may be picked: both views of every image, except for oneself.",
)
def test_nt_xent_of_equal_embeddings_is_log_of_the_others(student, rng):
    what = "NT-Xent when all 8 embeddings are equal"
    loss = student.nt_xent(*2 * (equal_vectors(rng),), 1.0)
    value, right = helpers.one_number(loss, what), math.log(7)
    crowd = next((hint for count, hint in CROWDS.items() if abs(value - math.log(count)) < 1e-3), None)
    mistakes = {"mean": [8 * right, 2 * right]}
    helpers.assert_loss(loss, right, mistakes, about="candidates", what=what, within=1e-3, hint=crowd)


@nt_xent(
    "is the mean over the 2B turns, not their sum",
    hint="Twice as many turns, each as hard as before: is the loss twice as large? How many turns are there?",
)
def test_nt_xent_is_a_mean_over_the_turns(student, rng):
    loss = student.nt_xent(*2 * (equal_vectors(rng),), 1.0)
    crowds = {"candidates": [*map(math.log, CROWDS), math.log(7 + 1 / math.e)]}
    what = "NT-Xent when all 8 embeddings are equal"
    helpers.assert_loss(loss, math.log(7), crowds, about="mean", what=what)


@nt_xent(
    "takes the other view of the same image for the partner",
    hint="With view2 below view1, who stands next to you is not your partner. How far away is it?",
)
def test_nt_xent_finds_the_partner(student, rng):
    loss = shuffled(student, rng, "nt_xent", torch.eye(3, 5), torch.eye(3, 5), 1.0)
    assert_three_images(loss, three_images(1.0), about="partner", what="with two equal views each")


@nt_xent(
    "divides similarities by the temperature",
    hint="A small temperature makes the softmax sharp. Does yours get sharper or flatter, or does it not care?",
)
def test_nt_xent_uses_the_temperature(student, rng):
    loss = shuffled(student, rng, "nt_xent", torch.eye(3, 5), torch.eye(3, 5), 0.4)
    assert_three_images(loss, three_images(0.4), about="temperature", what="at temperature 0.4")


@nt_xent(
    "does not care how long the vectors are",
    hint="Cosine similarity knows directions only. Which of your numbers still knows a length?",
)
def test_nt_xent_ignores_lengths(student, rng):
    lengths = torch.tensor([[3.0], [0.5], [20.0]])
    loss = shuffled(student, rng, "nt_xent", lengths * torch.eye(3, 5), lengths.flip(0) * torch.eye(3, 5), 0.5)
    assert_three_images(loss, three_images(0.5), about="lengths", what="with views of various lengths")


@nt_xent("gives both views their turn", hint="All 2B embeddings take their turn. Do those of view2, too?")
def test_nt_xent_gives_both_views_their_turn(student, rng):
    view1, view2 = torch.eye(2, 3), torch.tensor([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    right = mean(cost(1, 1, 0), cost(0, 0, 0), cost(1, 1, 0), cost(0, 1, 1))
    mistakes = {
        "mean": [4 * right, 2 * right],
        "candidates": [  # with oneself, with a 0 for oneself, without the partner, the other view alone
            mean(cost(1, 1, 0, 1), cost(0, 0, 0, 1), cost(1, 1, 0, 1), cost(0, 1, 1, 1)),
            mean(cost(1, 1, 0, 0), cost(0, 0, 0, 0), cost(1, 1, 0, 0), cost(0, 1, 1, 0)),
            mean(cost(1, 0), math.log(2), cost(1, 0), math.log(2 * math.e)),
            mean(cost(1, 1), cost(0, 0), cost(1, 0), cost(0, 1)),
        ],
        "lengths": [mean(cost(1 / 3, 1 / 3, 0), cost(0, 0, 0), cost(1 / 3, 1 / 3, 0), cost(0, 1 / 3, 1 / 3))],
    }
    for which, first, second in (("view2's images equal", view1, view2), ("view1's images equal", view2, view1)):
        loss, what = shuffled(student, rng, "nt_xent", first, second, 1.0), f"NT-Xent of 2 images, {which}"
        helpers.assert_loss(loss, right, mistakes, about="turns", what=what)


def mean(*costs):
    return sum(costs) / len(costs)


@nt_xent(
    "stays finite at temperature 0.005",
    hint="At 0.005 a similarity of 1 becomes exp(200). Which function never forms that number?",
)
def test_nt_xent_survives_a_low_temperature(student, rng):
    found = shuffled(student, rng, "nt_xent", torch.eye(3, 5), torch.eye(3, 5), 0.005)
    assert_three_images(found, three_images(0.005), about="range", what="at temperature 0.005")
    missed = shuffled(student, rng, "nt_xent", torch.eye(3, 5), torch.eye(3, 5).roll(1, 0), 0.005)
    what = "at temperature 0.005, the second views moved on by one"
    assert_three_images(missed, three_images(0.005, moved_on=True), about="range", what=what)
    assert_differ(found, missed)


@nt_xent(
    "answers with a scalar tensor, in the dtype of its inputs",
    hint="Training calls backward on your answer. Is it a tensor of no dimension, and which dtype does it have?",
)
def test_nt_xent_is_a_scalar_tensor(student, rng):
    loss = shuffled(student, rng, "nt_xent", torch.eye(3, 6), torch.eye(3, 6), 1.0)
    expect_tensor(loss, what="NT-Xent of float32 vectors", shape=(), dtype=torch.float32)
    assert_three_images(loss, three_images(1.0), about="kind", what="with two equal views each")


@nt_xent(
    "turns the vectors of both inputs, without stretching them",
    hint="A value can be right where its gradient is not. Does every input, and every length, count as one that moves?",
)
def test_nt_xent_turns_both_inputs(student, rng):
    assert_turns_both_inputs(student, rng, "nt_xent")
