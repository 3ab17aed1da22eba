"""Public checks of the colourisation problem: colours and small tables that are known by heart or by hand."""

import math

import torch

from kit import assert_same, exercise, expect_tensor, load_helpers

to_lab = exercise("color-rgb-to-lab")
to_rgb = exercise("color-lab-to-rgb")
nearest = exercise("color-nearest-bins")
rebalance = exercise("color-rebalance")
loss = exercise("color-loss")
annealed = exercise("color-annealed-mean")

helpers = load_helpers(__file__)


def shuffled(rng, count):
    return torch.randperm(count, generator=rng)


# --- rgb_to_lab -------------------------------------------------------------------------------------------------------

PURE = (
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 1.0, 0.0]],
    [[53.24, 80.09, 67.20], [87.73, -86.18, 83.18], [32.30, 79.19, -107.86], [97.14, -21.55, 94.48]],
)
GREYS = (
    [[0.5, 0.5, 0.5], [0.2, 0.2, 0.2], [0.8, 0.8, 0.8]],
    [[53.389, 0.0, 0.0], [21.247, 0.0, 0.0], [82.046, 0.0, 0.0]],
)


def assert_becomes(student, rng, function, pairs, what, atol):
    """Each colour of the first list becomes the one at its place in the second, in whatever order they come."""
    before, after = pairs
    order = shuffled(rng, len(before))
    found = getattr(student, function)(helpers.in_a_row(before, order))
    helpers.assert_right(found, helpers.in_a_row(after, order), what=what, atol=atol)


@to_lab(
    "gives white L = 100 and no colour",
    hint="White is where X, Y and Z, each over the white's, are all 1. Are they? And which numbers does L run between?",
)
def test_white_has_no_colour(student, rng):
    height, width = torch.randint(1, 9, (2,), generator=rng).tolist()
    right = torch.tensor([100.0, 0.0, 0.0]).view(1, 3, 1, 1).expand(1, 3, height, width)
    what = f"Lab of a white image of {height} x {width} pixels"
    helpers.assert_right(student.rgb_to_lab(torch.ones(1, 3, height, width)), right, what=what, atol=0.01)


@to_lab(
    "knows red, green, blue and yellow",
    hint="Red is a = 80, b = 67; yellow a = -22, b = 94. Which channel of the image comes first, and which of a and b?",
)
def test_pure_colours(student, rng):
    assert_becomes(student, rng, "rgb_to_lab", PURE, "Lab of red, green, blue and yellow, in some order", 1.0)


@to_lab(
    "turns numbers into amounts of light first",
    hint="A pixel of .5 sends out a fifth of white's light, not half of it. Where do you say so?",
)
def test_greys_are_expanded(student, rng):
    assert_becomes(student, rng, "rgb_to_lab", GREYS, "Lab of three greys, in some order", 0.01)


# --- lab_to_rgb -------------------------------------------------------------------------------------------------------

SHOWN = (
    [[53.389, 0.0, 0.0], [82.046, 0.0, 0.0], [100.0, 0.0, 0.0]],
    [[0.5, 0.5, 0.5], [0.8, 0.8, 0.8], [1.0, 1.0, 1.0]],
)
COLOURED = (
    [[59.3893, 36.7034, 38.7587], [52.0182, 0.0934, -39.3631], [71.4730, -36.9476, 38.5296]],
    [[0.85, 0.45, 0.3], [0.25, 0.5, 0.75], [0.5, 0.75, 0.4]],
)
BEYOND = [[60.0, 90.0, -90.0], [90.0, -120.0, 20.0], [20.0, -70.0, 10.0]]


@to_rgb(
    "gives greys three equal channels, as bright as they were",
    hint="L = 53.39 without colour is the grey of .5. Which steps of rgb_to_lab have you not undone yet?",
)
def test_greys_come_back(student, rng):
    assert_becomes(student, rng, "lab_to_rgb", SHOWN, "sRGB of three greys, in some order", 1e-3)


@to_rgb(
    "gives an orange, a blue and a green back",
    hint="From (L, a, b) to f(X), f(Y), f(Z), to X, Y, Z, to R, G, B. Does each step undo the one of rgb_to_lab?",
)
def test_colours_come_back(student, rng):
    assert_becomes(student, rng, "lab_to_rgb", COLOURED, "sRGB of an orange, a blue, a green, in some order", 2e-3)


@to_rgb(
    "stays between 0 and 1 where no screen can show the colour",
    hint="Some Lab values need more than all of a screen's red, or less than none. What should the screen show then?",
)
def test_colours_beyond_the_screen_are_clipped(student, rng):
    shown = student.lab_to_rgb(helpers.in_a_row(BEYOND, shuffled(rng, 3)))
    what = "sRGB of three colours that no screen shows"
    found = expect_tensor(shown, what=what, shape=(1, 3, 1, 3), dtype="floating")
    low, high = found.min().item(), found.max().item()
    assert -1e-4 <= low and high <= 1 + 1e-4, f"{what}: values from {low:.3f} to {high:.3f}, expected 0 to 1"
    assert low < 0.1 and high > 0.8, f"{what}: values from {low:.3f} to {high:.3f}; some channels are full, some empty"


# --- nearest_bins -----------------------------------------------------------------------------------------------------


def assert_nearest(student, rng, pixels, centres, right, what):
    """Pixels (a, b), in a shuffled row, are in the bins of the list; pixels stand in two columns of an image."""
    order = shuffled(rng, len(pixels))
    ab = torch.tensor(pixels)[order].T.reshape(1, 2, -1, 2)
    assert_same(
        student.nearest_bins(ab, torch.tensor(centres)), torch.tensor(right)[order].reshape(1, -1, 2), what=what
    )


@nearest(
    "names the nearest centre of each pixel",
    hint="A pixel has two coordinates, a and b, in the channels. Do both count, and in the order of the centres'?",
)
def test_nearest_bins_by_hand(student, rng):
    pixels = [[50.0, 5.0], [3.0, 60.0], [45.0, -5.0], [-4.0, 40.0], [2.0, 1.0], [48.0, 58.0]]
    centres = [[0.0, 0.0], [50.0, 0.0], [0.0, 50.0], [50.0, 60.0]]
    assert_nearest(student, rng, pixels, centres, [1, 2, 1, 2, 0, 3], "bins of six pixels")


@nearest(
    "measures as the crow flies",
    hint="From (0, 0) it is 7.1 to (5, 5) and 8 to (8, 0), though 5 + 5 is more than 8. Which one is yours?",
)
def test_nearest_bins_are_euclidean(student, rng):
    pixels = [[0.0, 0.0], [9.0, 0.0], [5.0, 6.0], [1.0, 1.0]]
    centres = [[5.0, 5.0], [8.0, 0.0], [-40.0, 0.0]]
    assert_nearest(student, rng, pixels, centres, [0, 1, 0, 0], "bins of four pixels near (5, 5) and (8, 0)")


# --- rebalancing_weights ----------------------------------------------------------------------------------------------


def assert_weights(student, rng, counts, right, what, *mix):
    """Weights of counts, shuffled, are right."""
    order = shuffled(rng, len(counts))
    weights = student.rebalancing_weights(torch.tensor(counts)[order], *mix)
    helpers.assert_right(weights, torch.tensor(right)[order], what=what, atol=1e-4)


@rebalance(
    "weighs a rare and a common bin as on paper",
    hint="p = 1/4 and 3/4 here: 1 / (1/8 + 1/4) and 1 / (3/8 + 1/4). What has to be 1 in the end, and is it?",
)
def test_weights_by_hand(student, rng):
    assert_weights(student, rng, [3.0, 9.0], [10 / 7, 6 / 7], "weights of counts 3 and 9, in some order")


@rebalance(
    "weighs all alike where mix is 1",
    hint="At mix = 1 only 1 / Q is left under the fraction line, the same for all. What is left in yours?",
)
def test_mix_one_is_no_rebalancing(student, rng):
    assert_weights(student, rng, [3.0, 5.0, 12.0], [1.0, 1.0, 1.0], "weights at mix = 1", 1.0)


@rebalance(
    "gives a bin that never occurs a finite weight",
    hint="A count of 0 is p = 0. What keeps the number under your fraction line away from 0?",
)
def test_weights_of_an_empty_bin(student, rng):
    assert_weights(student, rng, [0.0, 6.0, 6.0], [2.5, 1.0, 1.0], "weights of counts 0, 6, 6, in some order")


# --- colorization_loss ------------------------------------------------------------------------------------------------


def four_pixels(rng):
    """Logits (1, 2, 2, 2) that say 3 to 1 for bin 0 everywhere, and bins 0, 0, 0, 1 in some order."""
    logits = torch.zeros(1, 2, 2, 2)
    logits[:, 0] = math.log(3)
    return logits + torch.rand(1, generator=rng), torch.tensor([0, 0, 0, 1])[shuffled(rng, 4)].view(1, 2, 2)


@loss(
    "is the mean of the pixels' cross-entropies where all weights are 1",
    hint="Bin 0 has probability 3/4 everywhere here. Three pixels cost -log 3/4 each, one costs -log 1/4.",
)
def test_loss_without_weights(student, rng):
    value = student.colorization_loss(*four_pixels(rng), torch.ones(2))
    right = torch.tensor((3 * math.log(4 / 3) + math.log(4)) / 4)
    helpers.assert_right(value, right, what="the loss of four pixels with weights 1, 1", atol=1e-4)


@loss(
    "weighs each pixel by its true bin, and divides by the number of pixels",
    hint="Twice the weights should be twice the loss. What do you divide by, and what does a weight multiply?",
)
def test_loss_with_weights(student, rng):
    logits, bins = four_pixels(rng)
    value = student.colorization_loss(logits, bins, torch.tensor([0.5, 4.0]))
    right = torch.tensor((3 * 0.5 * math.log(4 / 3) + 4 * math.log(4)) / 4)
    helpers.assert_right(value, right, what="the loss of four pixels with weights 0.5 and 4", atol=1e-4)


# --- annealed_mean ----------------------------------------------------------------------------------------------------


def assert_colours(student, rng, logits, right, what, *temperature):
    """Colours of a pixel with these logits, in a shuffled order of the bins (-30, 10), (40, 40), (20, 40)."""
    order = shuffled(rng, 3)
    centres = torch.tensor([[-30.0, 10.0], [40.0, 40.0], [20.0, 40.0]])[order]
    table = torch.tensor(logits)[order].view(1, 3, 1, 1).expand(1, 3, 2, 3)
    colours = student.annealed_mean(table, centres, *temperature)
    helpers.assert_right(colours, torch.tensor(right).view(1, 2, 1, 1).expand(1, 2, 2, 3), what=what, atol=1e-2)


@annealed(
    "gives the middle of all centres where all bins are equally likely",
    hint="Equal logits are equal shares, at any temperature. Over which axis do your shares sum to 1?",
)
def test_equal_logits_give_the_mean_of_the_centres(student, rng):
    assert_colours(student, rng, [2.0, 2.0, 2.0], [10.0, 30.0], "the colour of equal logits")


@annealed(
    "sharpens where the temperature is below 1",
    hint="At temperature .5 a bin that was 3 times as likely is 9 times as likely. How often in yours?",
)
def test_annealing_sharpens(student, rng):
    right, what = [(-30 * 9 + 40 + 20) / 11, (10 * 9 + 40 + 40) / 11], "the colour of shares 3 : 1 : 1 at .5"
    assert_colours(student, rng, [math.log(3), 0.0, 0.0], right, what, 0.5)


@annealed(
    "gives the likeliest centre near temperature 0",
    hint="A logit of 8 over 0.005 is 1600, and exp(1600) is larger than any number. Which function never forms it?",
)
def test_annealed_mean_when_cold(student, rng):
    assert_colours(student, rng, [3.0, 8.0, 5.0], [40.0, 40.0], "the colour at temperature 0.005", 0.005)
