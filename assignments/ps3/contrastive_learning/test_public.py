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


def row_image(*values):
    """One image of one row: (1, 1, 1, W)."""
    return torch.tensor(values).reshape(1, 1, 1, -1)


def numbered_image(height, width):
    """One image (1, 1, H, W) of the numbers 0, 1, 2, ... row by row."""
    return torch.arange(float(height * width)).reshape(1, 1, height, width)


@crop(
    "looks at the middles of the output's pixels",
    hint="Output pixel 0 of 2 looks at the middle of the first half of the box. Where does yours look?",
)
def test_crop_of_whole_pixels_returns_these_pixels(student):
    crops = student.crop_and_resize(row_image(10.0, 20.0, 30.0, 40.0), torch.tensor([[0.0, 0.25, 1.0, 0.5]]), 2)
    expected = torch.tensor([[[[20.0, 30.0], [20.0, 30.0]]]])
    assert_same(crops, expected, what="the middle half of the row 10 20 30 40, at size 2", atol=1e-3)


@crop(
    "takes the last two numbers of a box for its height and width",
    hint="A box that begins in the middle and is half as high as the image ends at its lower border. Where does yours?",
)
def test_crop_reads_height_and_width_rather_than_corners(student):
    crops = student.crop_and_resize(numbered_image(4, 4), torch.tensor([[0.5, 0.5, 0.5, 0.5]]), 2)
    expected = torch.tensor([[[[10.0, 11.0], [14.0, 15.0]]]])
    assert_same(crops, expected, what="the lower right quarter of a 4x4 image, at size 2", atol=1e-3)


@crop(
    "tells top from left, and rows from columns",
    hint="A box names the vertical first. Does every place that you look at name it first, too?",
)
def test_crop_tells_rows_from_columns(student):
    crops = student.crop_and_resize(numbered_image(4, 6), torch.tensor([[0.5, 0.0, 0.5, 1 / 3]]), 2)
    expected = torch.tensor([[[[12.0, 13.0], [18.0, 19.0]]]])
    assert_same(crops, expected, what="the lower left corner of a 4x6 image, at size 2", atol=1e-3)


@crop("gives each image its own box", hint="There are as many boxes as images. Which box does the second image get?")
def test_crop_gives_each_image_its_own_box(student):
    images = numbered_image(2, 4).expand(2, 1, 2, 4).contiguous()
    boxes = torch.tensor([[0.0, 0.0, 1.0, 0.5], [0.0, 0.5, 1.0, 0.5]])
    expected = torch.tensor([[[[0.0, 1.0], [4.0, 5.0]]], [[[2.0, 3.0], [6.0, 7.0]]]])
    what = "the left half of one image and the right half of the next"
    assert_same(student.crop_and_resize(images, boxes, 2), expected, what=what, atol=1e-3)


@crop(
    "mixes neighbouring pixels where it looks between them",
    hint="A box need not begin where a pixel begins. What should stand halfway between a 0 and a 4?",
)
def test_crop_is_bilinear_between_pixels(student):
    crops = student.crop_and_resize(row_image(0.0, 4.0, 8.0, 20.0), torch.tensor([[0.0, 0.125, 1.0, 0.75]]), 3)
    expected = torch.tensor([2.0, 6.0, 14.0]).expand(1, 1, 3, 3)
    assert_same(crops, expected, what="the row 0 4 8 20, seen halfway between its pixels", atol=1e-3)


@crop(
    "repeats the edge beyond the outermost pixel centres",
    hint="Enlarged, the image is also asked about places between its border and the centres of its border pixels.",
)
def test_crop_repeats_the_edge(student):
    crops = student.crop_and_resize(row_image(4.0, 12.0), torch.tensor([[0.0, 0.0, 1.0, 1.0]]), 4)
    expected = torch.tensor([4.0, 6.0, 10.0, 12.0]).expand(1, 1, 4, 4)
    assert_same(crops, expected, what="the whole row 4 12, enlarged to size 4", atol=1e-3)


@crop(
    "reads one place per output pixel, without averaging over an area",
    hint="Made smaller, an output pixel covers four pixels here. How many of them should have a say?",
)
def test_crop_does_not_antialias(student):
    image = row_image(100.0, 2.0, 4.0, 100.0, 100.0, 6.0, 8.0, 100.0)
    crops = student.crop_and_resize(image, torch.tensor([[0.0, 0.0, 1.0, 1.0]]), 2)
    expected = torch.tensor([3.0, 7.0]).expand(1, 1, 2, 2)
    assert_same(crops, expected, what="a row of eight pixels at size 2", atol=1e-2)


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
    view1, view2 = two_of(student, torch.zeros(2, 3, 4, 6), helpers.NOISE, Seed(1))
    same = (view1 == view2).float().mean().item()
    assert same < 0.5, f"{same:.0%} of the numbers in view1 and view2 are equal, though noise was added to each"


@two_views("returns a tuple", hint="A list, or one long tensor, also holds two views. The text names its container.")
def test_two_views_are_a_tuple(student):
    views = two_of(student, torch.zeros(2, 3, 4, 6), helpers.NOISE, Seed(1))
    helpers.assert_in_a_tuple(views)


@two_views(
    "puts the first draw first",
    hint="A generator deals its numbers out in a fixed order. Does augment get yours, and whose turn is first?",
)
def test_the_first_draw_is_view1(student):
    view1, _ = two_of(student, torch.zeros(2, 1, 3, 5), helpers.NOISE, Seed(5))
    first = torch.randn(2, 1, 3, 5, generator=torch.Generator().manual_seed(5))
    assert_same(view1, first, what="view1 of black images, with the augmentation that adds noise")


@two_views(
    "draws both views from one generator, which goes on",
    hint="Asked twice with the same numbers, an augmentation answers the same. Asked with none, nobody can repeat it.",
)
def test_the_second_view_is_the_second_draw(student):
    _, view2 = two_of(student, torch.zeros(2, 1, 3, 5), helpers.NOISE, Seed(5))
    generator = torch.Generator().manual_seed(5)
    torch.randn(2, 1, 3, 5, generator=generator)
    second = torch.randn(2, 1, 3, 5, generator=generator)
    assert_same(view2, second, what="view2 of black images, with the augmentation that adds noise")


@two_views(
    "starts both views from the original images",
    hint="Two views of one photo are siblings. Is your second view the child of the first?",
)
def test_both_views_start_from_the_images(student):
    view1, view2 = two_of(student, torch.full((4, 3, 8, 10), 10.0), helpers.NOISE, Seed(2))
    assert_noisy(view1, 10, "view1")
    assert_noisy(view2, 10, "view2")


@two_views(
    "works with any augmentation that takes images and a generator",
    hint="Not every augmentation calls its arguments `images` and `generator`, or has a default for the second.",
)
def test_two_views_pass_arguments_by_position(student):
    by_position = Lib("ps3.contrastive_learning.parts.noisy_by_position")
    for generator in (Seed(3), None):
        view1, _ = two_of(student, torch.full((4, 3, 8, 10), 10.0), by_position, generator)
        assert_noisy(view1, 10, "view1")


# --- info_nce ---------------------------------------------------------------------------------------------------------

COMPASS = torch.tensor([[0.0, 1.0], [1.0, 0.0], [0.0, -1.0], [-1.0, 0.0]])


def scalar(value):
    return torch.tensor(float(value))


def assert_turns_without_stretching(gradient, vectors, what):
    """A loss that knows directions only has gradients that are not zero, and at right angles to their vectors."""
    gradient = expect_tensor(gradient, what=what, shape=tuple(vectors.shape), dtype=vectors.dtype)
    lengths = gradient.norm(dim=1)
    assert lengths.min() > 1e-3, f"{what}: vector {lengths.argmin()} gets no gradient"
    cosines = (gradient * vectors).sum(dim=1) / lengths / vectors.norm(dim=1)
    assert_same(cosines, torch.zeros_like(cosines), what=f"{what}: cosine of the angle to its vector", atol=1e-3)


def assert_turns_both_inputs(student, loss):
    a = torch.tensor([[2.0, 1.0, 0.0], [0.0, 0.5, 1.5], [-1.0, 1.0, 1.0]])
    b = torch.tensor([[1.0, 1.0, 0.5], [0.5, -1.0, 2.0], [0.0, 3.0, 1.0]])
    first, second = student.vjp(loss, (a, b, 0.5), wrt=[0, 1])
    assert_turns_without_stretching(first, a, "gradient at the first input")
    assert_turns_without_stretching(second, b, "gradient at the second input")


@info_nce(
    "is log B when every key looks equally good",
    hint="Guessing among 4 equal keys costs log 4 for each row. Is yours a mean over rows, over all keys?",
)
def test_info_nce_of_equal_keys_is_log_of_their_number(student):
    loss = student.info_nce(torch.ones(4, 6), torch.ones(4, 6), 0.5)
    assert_same(loss, scalar(math.log(4)), what="InfoNCE of 4 equal pairs")


@info_nce(
    "divides similarities by the temperature",
    hint="A small temperature makes the softmax sharp. Does yours get sharper or flatter, or does it not care?",
)
def test_info_nce_uses_the_temperature(student):
    for temperature in (0.5, 2.0):
        loss = student.info_nce(torch.eye(4, 6), torch.eye(4, 6), temperature)
        expected = math.log(1 + 3 * math.exp(-1 / temperature))
        assert_same(loss, scalar(expected), what=f"InfoNCE of 4 orthogonal pairs at temperature {temperature}")


@info_nce(
    "does not care how long the vectors are",
    hint="Cosine similarity knows directions only. Which of your numbers still knows a length?",
)
def test_info_nce_ignores_lengths(student):
    lengths = torch.tensor([[3.0], [0.5], [20.0], [1.0]])
    loss = student.info_nce(lengths * COMPASS, lengths.flip(0) * COMPASS, 0.5)
    expected = math.log(1 + 2 * math.exp(-2) + math.exp(-4))
    assert_same(loss, scalar(expected), what="InfoNCE of north, east, south, west, of various lengths")


@info_nce(
    "lets each query choose among the keys",
    hint="Row i is query i. Does your softmax run over the keys, or over the queries?",
)
def test_info_nce_lets_queries_choose(student):
    queries = torch.eye(2, 3)
    keys = torch.tensor([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])  # both keys look like query 0
    expected = (math.log(2) + math.log(2)) / 2
    assert_same(student.info_nce(queries, keys, 0.5), scalar(expected), what="InfoNCE where both keys are equal")


@info_nce(
    "wants query i to pick key i",
    hint="With the keys moved on by one, every query finds its own key worst. Which key do you call right?",
)
def test_info_nce_wants_key_i_for_query_i(student):
    loss = student.info_nce(torch.eye(4, 6), torch.eye(4, 6).roll(1, 0), 0.5)
    expected = math.log(3 + math.exp(2))
    assert_same(loss, scalar(expected), what="InfoNCE of 4 orthogonal queries, keys moved on by one")


@info_nce(
    "stays finite at temperature 0.005",
    hint="At 0.005 a similarity of 1 becomes exp(200). Which function never forms that number?",
)
def test_info_nce_survives_a_low_temperature(student):
    found = student.info_nce(torch.eye(4, 6), torch.eye(4, 6), 0.005)
    assert_same(found, scalar(0), what="InfoNCE of 4 orthogonal pairs at temperature 0.005")
    missed = student.info_nce(torch.eye(4, 6), torch.eye(4, 6).roll(1, 0), 0.005)
    assert_same(missed, scalar(200), what="the same with the keys moved on by one", atol=1e-2)


@info_nce(
    "turns the vectors of both inputs, without stretching them",
    hint="A value can be right where its gradient is not. Does every input, and every length, count as one that moves?",
)
def test_info_nce_turns_both_inputs(student):
    assert_turns_both_inputs(student, "info_nce")


# --- nt_xent ----------------------------------------------------------------------------------------------------------

CROWDS = {
    8: "Eight equal embeddings give log 7. Yours says log 8: who else is in your sum?",
    6: "Eight equal embeddings give log 7. Yours says log 6: who is missing from your sum?",
    4: "Eight equal embeddings give log 7. Yours says log 4: who may be picked, and who may not?",
    3: "Eight equal embeddings give log 7. Yours says log 3: who may be picked, and who may not?",
}


@nt_xent(
    "lets everyone choose among the 2B - 1 others",
    hint="Count who may be picked: both views of every image, except for oneself. Then: is yours a mean?",
)
def test_nt_xent_of_equal_embeddings_is_log_of_the_others(student):
    loss = student.nt_xent(torch.ones(4, 6), torch.ones(4, 6), 0.5)
    tensor = expect_tensor(loss, what="NT-Xent", shape=(), dtype=torch.float32)
    value = 0.0 if tensor.is_meta else tensor.item()
    crowd = next((hint for count, hint in CROWDS.items() if abs(value - math.log(count)) < 1e-3), None)
    assert_same(loss, scalar(math.log(7)), what="NT-Xent when all 8 embeddings are equal", hint=crowd)


@nt_xent(
    "takes the other view of the same image for the partner",
    hint="With view2 below view1, who stands next to you is not your partner. How far away is it?",
)
def test_nt_xent_finds_the_partner(student):
    loss = student.nt_xent(torch.eye(3, 5), torch.eye(3, 5), 1.0)
    expected = math.log(1 + 4 * math.exp(-1))
    assert_same(loss, scalar(expected), what="NT-Xent of 3 images, orthogonal, with two equal views each")


@nt_xent(
    "divides similarities by the temperature",
    hint="A small temperature makes the softmax sharp. Does yours get sharper or flatter, or does it not care?",
)
def test_nt_xent_uses_the_temperature(student):
    for temperature in (0.5, 2.0):
        loss = student.nt_xent(torch.eye(3, 5), torch.eye(3, 5), temperature)
        expected = math.log(1 + 4 * math.exp(-1 / temperature))
        assert_same(loss, scalar(expected), what=f"NT-Xent of 3 orthogonal images at temperature {temperature}")


@nt_xent(
    "does not care how long the vectors are",
    hint="Cosine similarity knows directions only. Which of your numbers still knows a length?",
)
def test_nt_xent_ignores_lengths(student):
    lengths = torch.tensor([[3.0], [0.5], [20.0]])
    loss = student.nt_xent(lengths * torch.eye(3, 5), lengths.flip(0) * torch.eye(3, 5), 0.5)
    expected = math.log(1 + 4 * math.exp(-2))
    assert_same(loss, scalar(expected), what="NT-Xent of 3 orthogonal images, views of various lengths")


@nt_xent("treats both views alike", hint="All 2B embeddings take their turn. Do those of view2, too?")
def test_nt_xent_gives_both_views_their_turn(student):
    view1, view2 = torch.eye(2, 3), torch.tensor([[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    e = math.exp(1)
    turns = [math.log(2 * e + 1) - 1, math.log(3), math.log(2 * e + 1) - 1, math.log(2 * e + 1)]
    for what, first, second in (("view2's images equal", view1, view2), ("view1's images equal", view2, view1)):
        assert_same(student.nt_xent(first, second, 1.0), scalar(sum(turns) / 4), what=f"NT-Xent of 2 images, {what}")


@nt_xent(
    "stays finite at temperature 0.005",
    hint="At 0.005 a similarity of 1 becomes exp(200). Which function never forms that number?",
)
def test_nt_xent_survives_a_low_temperature(student):
    found = student.nt_xent(torch.eye(3, 5), torch.eye(3, 5), 0.005)
    assert_same(found, scalar(0), what="NT-Xent of 3 orthogonal images at temperature 0.005")
    missed = student.nt_xent(torch.eye(3, 5), torch.eye(3, 5).roll(1, 0), 0.005)
    assert_same(missed, scalar(200), what="the same with the second views moved on by one", atol=1e-2)


@nt_xent(
    "turns the vectors of both inputs, without stretching them",
    hint="A value can be right where its gradient is not. Does every input, and every length, count as one that moves?",
)
def test_nt_xent_turns_both_inputs(student):
    assert_turns_both_inputs(student, "nt_xent")
