"""Public checks of the autoencoders: small cases that can be worked out by hand."""

import math

import torch

from kit import Seed, assert_raises, assert_same, exercise, expect_tensor, expect_tuple, load_helpers

network = exercise("ae-network")
loss = exercise("ae-reconstruction-loss")
corruptions = exercise("ae-corruptions")
denoising = exercise("ae-denoising-loss")

helpers = load_helpers(__file__)

# --- the network ------------------------------------------------------------------------------------------------------


def picking(student, gains):
    """A network for images (1, 8, 12), four maps of 2 x 3 numbers, that picks pixels (see `picking_weights`)."""
    made = student.build("Autoencoder", image_size=(8, 12), channels=1, width=2, code_dim=24)
    helpers.picking_weights(made, gains)
    return made


@network(
    "flattens the maps channel by channel, row by row",
    hint="Write down the code of an image whose first map is 1 2 3 over 4 5 6, and whose second is ten times that.",
)
def test_encode_flattens_channel_by_channel_and_row_by_row(student, rng):
    gains = torch.tensor([1.0, 10.0, 100.0, 1000.0])
    picked = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) + helpers.drawn(rng, 1)
    image = helpers.drawn(rng, 1, 1, 8, 12)
    image[0, 0, ::4, ::4] = picked.reshape(2, 3)
    code = picking(student, gains).call("encode", image)
    expected = torch.cat([gain * picked for gain in gains])[None]
    what = "the code of maps 1 2 3 / 4 5 6 (plus a little), times 1, 10, 100, 1000"
    assert_same(code, expected, what=what, atol=1e-2, any_float=True)


@network(
    "puts the numbers of a code back into the maps in the same order",
    hint="Height and width differ here. How many rows have the maps, how many columns, and which varies fastest?",
)
def test_decode_puts_the_numbers_back_in_the_same_order(student, rng):
    codes = torch.zeros(1, 24)
    codes[0, :6] = picked = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) + helpers.drawn(rng, 1)
    image = picking(student, torch.ones(4)).call("decode", codes)
    expected = torch.zeros(1, 1, 8, 12)
    expected[0, 0, ::4, ::4] = picked.reshape(2, 3)
    what = "the image of a code whose first map is 1 2 3 / 4 5 6 (plus a little)"
    helpers.assert_one_of(image, expected, helpers.with_an_end(expected), what=what, atol=1e-3)


@network(
    "returns reconstructions and codes, in this order, in a tuple",
    hint="Two things come back from one call. Which of them is an image?",
)
def test_forward_returns_reconstructions_then_codes(student, rng):
    made = student.build("Autoencoder", image_size=(8, 8), channels=2, width=3, code_dim=5)
    helpers.random_weights(made, rng, plain=True)
    images = helpers.drawn(rng, 3, 2, 8, 8)
    result = made(images)
    assert isinstance(result, tuple), f"forward: expected a tuple, got a {type(result).__name__}"
    reconstructions, codes = expect_tuple(result, 2, what="forward")
    expect_tensor(reconstructions, what="the first, reconstructions", shape=(3, 2, 8, 8), dtype="floating")
    expect_tensor(codes, what="the second, codes", shape=(3, 5), dtype="floating")
    helpers.assert_looks(made, images, 5)


@network(
    "refuses images of another size",
    hint="A linear layer takes so many numbers and no other. Who says first, and in words, that an image is too large?",
)
def test_encode_refuses_images_of_another_size(student, rng):
    made = student.build("Autoencoder", image_size=(8, 8), channels=2, width=3, code_dim=5)
    helpers.random_weights(made, rng, plain=True)
    helpers.assert_looks(made, helpers.drawn(rng, 2, 2, 8, 8), 5)
    for shape in ((1, 2, 12, 8), (1, 2, 8, 4)):
        wrong = helpers.drawn(rng, *shape)
        assert_raises(ValueError, lambda wrong=wrong: made.call("encode", wrong), what=f"encode of {shape[1:]}")


# --- reconstruction_loss ----------------------------------------------------------------------------------------------


def wrong_by(student, gap, batch):
    """The loss of images (batch, 3, 2, 4), 24 numbers each, that are wrong by the same gap everywhere."""
    images = torch.linspace(0, 1, 24 * batch).reshape(batch, 3, 2, 4)
    return student.reconstruction_loss(images, images + gap)


def mistaken(gap, batch):
    """What that loss would be if one property alone were missed."""
    square = gap * gap
    return {
        "image": [square, 3 * square, 8 * square],
        "batch": [24 * square * batch],
        "squares": [24 * gap, math.sqrt(24) * gap, math.sqrt(24 * batch) * gap, 12 * square],
    }


@loss(
    "adds up the squares of a whole image",
    hint="24 numbers, each wrong by the same: is the image's loss that of one number, or of all?",
)
def test_loss_adds_up_over_an_image(student, rng):
    gap, what = helpers.drawn(rng, low=2.1, high=2.9).item(), "the loss of one image of 24 numbers, all wrong by"
    found, mistakes = wrong_by(student, gap, 1), mistaken(gap, 1)
    helpers.assert_loss(found, 24 * gap * gap, mistakes, about={"image"}, what=f"{what} {gap:.2f}")


@loss(
    "is the mean over the images of a batch, not their sum",
    hint="Twice as many images, each as wrong as before: should the loss be twice as large?",
)
def test_loss_is_a_mean_over_the_batch(student, rng):
    gap, what = helpers.drawn(rng, low=2.1, high=2.9).item(), "the loss of 5 images of 24 numbers, all wrong by"
    found, mistakes = wrong_by(student, gap, 5), mistaken(gap, 5)
    helpers.assert_loss(found, 24 * gap * gap, mistakes, about={"batch"}, what=f"{what} {gap:.2f}")


@loss(
    "squares what is wrong, and takes no root",
    hint="Twice as wrong costs four times as much in the formula. And in yours?",
)
def test_loss_squares(student, rng):
    gap, what = helpers.drawn(rng, low=3.1, high=3.9).item(), "the loss of one image of 24 numbers, all wrong by"
    found, mistakes = wrong_by(student, gap, 1), mistaken(gap, 1)
    helpers.assert_loss(found, 24 * gap * gap, mistakes, about={"squares"}, what=f"{what} {gap:.2f}")


# --- corruptions ------------------------------------------------------------------------------------------------------


@corruptions(
    "add_noise: every image gets noise of its own",
    hint="What is the shape of your noise? Twice the same photo in a batch should come back as two pictures.",
)
def test_noise_is_new_for_every_image_and_number(student, rng):
    images = helpers.drawn(rng, 1, 1, 1, 1, low=0.5).expand(3, 3, 6, 5).contiguous()
    noise = helpers.noise_in(student.add_noise(images, 0.5, Seed(helpers.a_seed(rng))), images, 0.5)
    for axis, name in enumerate(("images", "channels", "rows", "columns")):
        same = (noise.narrow(axis, 0, 2).diff(dim=axis).abs() < 1e-4).double().mean().item()
        assert same < 0.5, f"two {name} got the same noise"


@corruptions(
    "add_noise: adds sigma times noise of deviation 1, and clips nothing",
    hint="The text says what is added, and nothing about 0 and 1. What happens to a black image in yours?",
)
def test_noise_is_not_clipped(student, rng):
    sigma = helpers.drawn(rng, low=0.4, high=0.6).item()
    noisy = student.add_noise(torch.zeros(2, 3, 20, 20), sigma, Seed(helpers.a_seed(rng)))
    noise = helpers.numbers_of(noisy, torch.zeros(2, 3, 20, 20), "a black image with noise") / sigma
    below = (noise < 0).double().mean().item()
    assert 0.4 < below < 0.6, f"{below:.0%} of the numbers of a black image are below 0 afterwards, expected half"
    assert 0.85 < noise.std().item() < 1.15, f"the noise has deviation {noise.std():.2f} times sigma, expected 1"


@corruptions(
    "drop_pixels: a dropped pixel loses all its channels",
    hint="Are there coloured dots in your picture, where there should be black ones?",
)
def test_dropped_pixels_lose_all_channels(student, rng):
    images = helpers.drawn(rng, 2, 3, 12, 10, low=0.2)
    black = helpers.black_in(student.drop_pixels(images, 0.5, Seed(helpers.a_seed(rng))), images)
    some, whole = black.any(dim=1).sum().item(), black.all(dim=1).sum().item()
    assert some == whole, f"of {some} pixels with a channel at 0, {some - whole} kept another channel"


@corruptions(
    "drop_pixels: what is not dropped stays as it is",
    hint="Dropout makes up for what it drops by making the rest larger. Does the text ask for that?",
)
def test_pixels_that_are_not_dropped_stay(student, rng):
    images = helpers.drawn(rng, 2, 3, 12, 10, low=0.2)
    dropped = student.drop_pixels(images, 0.3, Seed(helpers.a_seed(rng)))
    black = helpers.black_in(dropped, images)
    left = helpers.numbers_of(dropped, images, "images with dropped pixels")[~black]
    assert_same(left, images[~black].double(), what="numbers of pixels that are not dropped", atol=1e-5)


@corruptions(
    "drop_pixels: fraction is the share that goes",
    hint="A fraction of 0.1 leaves most of the picture. And yours?",
)
def test_the_fraction_is_what_goes(student, rng):
    images = helpers.drawn(rng, 4, 1, 20, 20, low=0.2)
    for fraction in (0.1, 0.8):
        black = helpers.black_in(student.drop_pixels(images, fraction, Seed(helpers.a_seed(rng))), images)
        share = black.double().mean().item()
        assert abs(share - fraction) < 0.08, f"with the fraction {fraction}, {share:.0%} of the pixels are black"


@corruptions(
    "blur: weights sum to 1, and the edge repeats",
    hint="A wall of one colour looks the same through frosted glass. Is yours darker, everywhere or at the border?",
)
def test_blur_of_one_colour_changes_nothing(student, rng):
    images = helpers.drawn(rng, 2, 1, 1, 1, low=0.5).expand(2, 3, 7, 9).contiguous()
    assert_same(student.blur(images, 1.0), images, what="images of one colour, blurred", atol=1e-4, any_float=True)


@corruptions(
    "blur: spreads a dot down and across, as the formula says",
    hint="Next to the middle the weight is exp(-1 / (2 sigma^2)) of the middle's. In which directions did yours go?",
)
def test_blur_spreads_a_dot_both_ways(student, rng):
    level, sigma = helpers.drawn(rng, low=0.5).item(), 0.8
    image = torch.zeros(1, 1, 13, 15)
    image[0, 0, 6, 7] = level
    spread = helpers.numbers_of(student.blur(image, sigma), image, "a dot, blurred")[0, 0]
    assert spread[6, 7] > 0.01 * level, "nothing is left in the middle of the dot"
    near, far = math.exp(-1 / 1.28), math.exp(-4 / 1.28)
    shares = torch.stack([spread[6, 8], spread[7, 7], spread[7, 8], spread[6, 5], spread[4, 7]]) / spread[6, 7]
    expected = torch.tensor([near, near, near * near, far, far], dtype=torch.float64)
    what = "shares of the middle at the right, below, at the corner, two to the left, two above"
    assert_same(shares, expected, what=what, atol=1e-3)


# --- denoising_loss ---------------------------------------------------------------------------------------------------


def brightened_by_one(student, level):
    """Images (2, 1, 2, 3) of one level; the corruption adds 1, the model triples."""
    images = torch.full((2, 1, 2, 3), level)
    return student.denoising_loss(student.build(helpers.STRETCHING), images, helpers.BRIGHTENED, Seed(1))


def brightened_mistakes(level):
    """6 numbers an image, and what the loss would be if one property alone were missed."""
    right = 6 * (level - 3 * (level + 1)) ** 2
    return right, {
        "target": [6 * (level + 1 - 3 * (level + 1)) ** 2],
        "seen": [6 * (level - 3 * level) ** 2],
        "once": [6 * (level - 3 * (level + 2)) ** 2],
        "both": [6 * (level + 1 - 3 * level) ** 2],
    }


@denoising(
    "wants the clean images back",
    hint="If the target is as damaged as the input, copying the damage is a perfect answer. Is it in yours?",
)
def test_denoising_wants_the_clean_images(student, rng):
    level = helpers.drawn(rng, low=0.6).item()
    right, mistakes = brightened_mistakes(level)
    what = f"the loss of images of {level:.2f}, brighter by 1 for the model, which triples"
    helpers.assert_loss(brightened_by_one(student, level), right, mistakes, about={"target", "both"}, what=what)


@denoising(
    "shows the model the corrupted images",
    hint="What does the model of yours get to see?",
)
def test_denoising_shows_the_corrupted_images(student, rng):
    level = helpers.drawn(rng, low=0.6).item()
    right, mistakes = brightened_mistakes(level)
    what = f"the loss of images of {level:.2f}, brighter by 1 for the model, which triples"
    helpers.assert_loss(brightened_by_one(student, level), right, mistakes, about={"seen", "both"}, what=what)


@denoising(
    "corrupts once",
    hint="Two calls to the corruption make two different corruptions. How many does yours make?",
)
def test_denoising_corrupts_once(student, rng):
    counter, images = student.build(helpers.COUNTING), helpers.drawn(rng, 3, 2, 4, 5, low=0.2)
    value = helpers.one_number(
        student.denoising_loss(student.build(helpers.STRETCHING), images, counter, Seed(helpers.a_seed(rng)))
    )
    seen = counter.state().buffers
    calls, given = (int(seen[name]) for name in ("calls", "images"))
    assert calls == 1, f"the corruption was called {calls} times"
    assert given == 3, f"the corruption was given {given} images, the batch holds 3"
    assert value > 3, f"the loss is {value:.4f}, though the model triples what it is shown"
