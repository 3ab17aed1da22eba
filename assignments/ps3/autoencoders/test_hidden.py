# kit-canary-60b09308d7aff85cc5f7d1b7: not to be published
"""Hidden tests of the autoencoders: random inputs against slow loops, laws, gradients, float64, far corners."""

import math

import torch
from torch.nn import functional as F

from kit import CheckFailed, Seed, assert_raises, assert_same, exercise, expect_tensor, load_helpers

network = exercise("ae-network")
loss = exercise("ae-reconstruction-loss")
corruptions = exercise("ae-corruptions")
denoising = exercise("ae-denoising-loss")

helpers = load_helpers(__file__)
drawn = helpers.drawn


def assert_follows_device(call, what, shape=None):
    """Meta tensors show a tensor that was made on the CPU. What has no meta version (`.item()`, say) is no fault."""
    try:
        value = call()
    except RuntimeError as error:
        if "device" in str(error):
            raise CheckFailed(f"{what}: {error}") from None
        return
    tensor = expect_tensor(value, what=what, shape=shape)
    assert tensor.is_meta, f"{what}: the result lies on another device than the images"


# --- the network ------------------------------------------------------------------------------------------------------

SIZES = [
    {"image_size": (8, 12), "channels": 3, "width": 2, "code_dim": 7},
    {"image_size": (16, 4), "channels": 1, "width": 3, "code_dim": 1},
    {"image_size": (4, 8), "channels": 5, "width": 1, "code_dim": 11},
]
SQUARE = {"image_size": (8, 8), "channels": 3, "width": 2, "code_dim": 6}


def convolved(x, weights, name, how):
    return how(x, weights[f"{name}.weight"], weights[f"{name}.bias"], 2, 1)


def code_of(images, weights):
    """Codes in float64, one number of the maps after the other: channel by channel, row by row."""
    x = convolved(images.double(), weights, "down.0", F.conv2d).clamp(min=0)
    maps = convolved(x, weights, "down.2", F.conv2d).clamp(min=0)
    code, place = weights["to_code.bias"].expand(len(images), -1).clone(), 0
    for channel in range(maps.shape[1]):
        for row in range(maps.shape[2]):
            for column in range(maps.shape[3]):
                code += maps[:, channel, row, column, None] * weights["to_code.weight"][:, place]
                place += 1
    return code


def painted(codes, weights, image_size):
    """Images out of codes, in float64."""
    rows, columns = image_size[0] // 4, image_size[1] // 4
    numbers = codes.double() @ weights["from_code.weight"].T + weights["from_code.bias"]
    maps = torch.empty(len(codes), numbers.shape[1] // (rows * columns), rows, columns, dtype=torch.float64)
    for place in range(numbers.shape[1]):
        row, column = divmod(place % (rows * columns), columns)
        maps[:, place // (rows * columns), row, column] = numbers[:, place]
    x = convolved(maps, weights, "up.0", F.conv_transpose2d).clamp(min=0)
    return convolved(x, weights, "up.2", F.conv_transpose2d)


def images_for(options, batch, rng, dtype=torch.float32):
    return drawn(rng, batch, options["channels"], *options["image_size"], low=0.1, dtype=dtype)


def square_one(student, rng, batch=3):
    """A student's network for square images whose weights treat all numbers of the maps alike; images for it."""
    made = student.build("Autoencoder", **SQUARE)
    return made, helpers.random_weights(made, rng, plain=True), images_for(SQUARE, batch, rng)


@network(
    "encode: down, flattened as (channel, row, column), to_code, whatever the sizes",
    hint="Go through it step by step: is each step there, once, in this place, and are the numbers in their order?",
    broad=True,
    weight=3,
)
def test_encode_agrees_with_the_steps_written_out(student, rng):
    for options, batch in zip(SIZES, (2, 1, 3), strict=True):
        made = student.build("Autoencoder", **options)
        weights, images = helpers.random_weights(made, rng), images_for(options, batch, rng)
        what = f"the codes of images {tuple(images.shape)}"
        assert_same(made.call("encode", images), code_of(images, weights).float(), what=what, atol=1e-3, any_float=True)


@network(
    "decode: from_code, maps of 2 * width channels, up, whatever the sizes",
    hint="Go through it step by step: which shape has each, where height and width differ?",
    broad=True,
    weight=3,
)
def test_decode_agrees_with_the_steps_written_out(student, rng):
    for options, batch in zip(SIZES, (2, 1, 3), strict=True):
        made = student.build("Autoencoder", **options)
        weights, codes = helpers.random_weights(made, rng), torch.randn(batch, options["code_dim"], generator=rng)
        right = painted(codes, weights, options["image_size"]).float()
        images, what = made.call("decode", codes), f"images {tuple(right.shape)} out of codes"
        helpers.assert_one_of(images, right, helpers.with_an_end(right), what=what, atol=1e-3)


@network(
    "forward decodes what it has encoded",
    hint="What forward returns first should be decode of what it returns second. Which code do you paint from?",
    weight=2,
)
def test_forward_decodes_what_it_encoded(student, rng):
    made, _, images = square_one(student, rng)
    helpers.assert_looks(made, images, 6)
    reconstructions, codes = helpers.both_parts(made(images), images, 6)
    encoded = expect_tensor(made.call("encode", images), what="encode", shape=(3, 6), dtype="floating")
    if codes is not None:
        assert_same(codes, encoded, what="the codes of forward against encode", any_float=True)
    decoded = expect_tensor(made.call("decode", encoded), what="decode", shape=tuple(images.shape), dtype="floating")
    assert_same(reconstructions, decoded, what="the reconstructions of forward against decode(encode)", any_float=True)


@network(
    "the picture is what `up` gives, below 0 and above 1 as well",
    hint="Images in training are normalised: half of their numbers are negative. Can yours be?",
    weight=3,
)
def test_decode_ends_with_up(student, rng):
    made, weights, _ = square_one(student, rng)
    for level in (-3.0, 0.5, 4.0):
        moved = {name: value.float() for name, value in weights.items()}
        moved["up.2.bias"] = torch.full((3,), level)
        made.load(moved)
        codes = drawn(rng, 2, 6)
        right = painted(codes, {name: value.double() for name, value in moved.items()}, (8, 8)).float()
        what = f"a picture whose numbers lie about {level}"
        assert_same(made.call("decode", codes), right, what=what, atol=1e-3, any_float=True)


@network(
    "every weight learns from the picture",
    hint="The loss is on the reconstruction. Can it tell the encoder anything, through your code?",
    weight=3,
)
def test_every_weight_learns_from_the_reconstruction(student, rng):
    made, weights, images = square_one(student, rng)
    helpers.assert_looks(made, images, 6)
    result = made(images)
    pair = isinstance(result, (tuple, list))
    swapped = pair and isinstance(result[0], torch.Tensor) and result[0].dim() == 2
    weight = drawn(rng, *images.shape, low=0.5)
    cotangents = ((None, weight) if swapped else (weight, None)) if pair else weight
    gradients = student.vjp(made, [images], cotangents, wrt="parameters")
    idle = []
    for name, value in weights.items():
        if gradients.get(name) is None:
            idle.append(name)
            continue
        gradient = expect_tensor(gradients[name], what=f"gradient of {name}", shape=tuple(value.shape))
        if not float(gradient.abs().max()) > 0:
            idle.append(name)
    assert not idle, f"no gradient reaches {', '.join(idle[:4])} from the reconstructions"


@network(
    "gradients pass through the code to the images",
    hint="Codes are used for training, too. Is anything on the way from image to code cut off?",
)
def test_gradients_pass_through_encode(student, rng):
    made, weights, images = square_one(student, rng)
    weight = drawn(rng, 3, 6, low=0.5)
    helpers.assert_looks(made, images, 6)
    (gradient,) = student.vjp(made.method("encode"), [images], weight, wrt=[0])
    given = images.double().requires_grad_()
    right = torch.autograd.grad((code_of(given, weights) * weight).sum(), given)[0]
    assert_same(gradient, right.float(), what="gradient of the codes at the images", atol=1e-3)


@network(
    "refuses whatever is not channels x image_size, also in forward",
    hint="Channels, height and width: an image can be wrong in each. Which of them could slip through?",
    weight=2,
)
def test_every_wrong_size_is_refused(student, rng):
    made, _, images = square_one(student, rng)
    helpers.assert_looks(made, images, 6)
    for shape in [(1, 3, 16, 4), (1, 3, 4, 16), (1, 12, 4, 4), (2, 1, 8, 8), (1, 3, 8, 9), (1, 3, 10, 10)]:
        wrong = torch.zeros(shape)
        assert_raises(ValueError, lambda wrong=wrong: made.call("encode", wrong), what=f"encode of {shape[1:]}")
        assert_raises(ValueError, lambda wrong=wrong: made(wrong), what=f"the network on {shape[1:]}")


@network(
    "leaves images, codes and its own weights as they are",
    hint="Methods whose name ends in an underscore, and assignments into a slice, change what your caller holds.",
)
def test_network_leaves_its_inputs_alone(student, rng):
    made, weights, images = square_one(student, rng)
    helpers.assert_looks(made, images, 6)
    helpers.both_parts(made(images), images, 6)
    assert student.unchanged_inputs, "forward changed the images that it was given"
    expect_tensor(made.call("encode", images), what="encode", shape=(3, 6))
    assert student.unchanged_inputs, "encode changed the images that it was given"
    expect_tensor(made.call("decode", drawn(rng, 2, 6)), what="decode", shape=(2, 3, 8, 8))
    assert student.unchanged_inputs, "decode changed the codes that it was given"
    now = made.state().parameters
    moved = [name for name, value in weights.items() if not torch.equal(now[name].double(), value)]
    assert not moved, f"{', '.join(moved[:3])} changed"


@network(
    "an image alone gives the same as in its batch",
    hint="An image alone and in a batch should give the same numbers. Where do yours look at others?",
    weight=2,
)
def test_images_do_not_meet(student, rng):
    made, weights, _ = square_one(student, rng)
    images = drawn(rng, 4, 3, 8, 8)
    helpers.assert_looks(made, images, 6)
    codes = expect_tensor(made.call("encode", images), what="encode", shape=(4, 6), dtype="floating")
    alone = made.call("encode", images[2:3])
    assert_same(alone, codes[2:3], what="the code of an image alone against its code in a batch", any_float=True)
    given = drawn(rng, 4, 6)
    pictures = expect_tensor(made.call("decode", given), what="decode", shape=(4, 3, 8, 8), dtype="floating")
    alone = made.call("decode", given[1:2])
    assert_same(alone, pictures[1:2], what="the picture of a code alone", any_float=True)


@network(
    "float64 in, float64 out",
    hint="Which of your steps gives float32, whatever comes in?",
    weight=2,
)
def test_network_keeps_the_dtype(student, rng):
    made, _, images = square_one(student, rng)
    helpers.assert_looks(made, images, 6)
    made.double()
    exact = images.double()
    reconstructions, codes = helpers.both_parts(made(exact), exact, 6)
    assert reconstructions.dtype == torch.float64, f"reconstructions of float64 images are in {reconstructions.dtype}"
    assert codes is None or codes.dtype == torch.float64, f"codes of float64 images are in {codes.dtype}"
    brighter, _ = helpers.both_parts(made(exact + 1e-12), exact, 6)
    assert not torch.equal(brighter, reconstructions), "pixels brighter by 1e-12 change nothing: somewhere is float32"


@network(
    "works on any device",
    hint="Everything that you make should live where the images live. What do you make yourself?",
    weight=2,
)
def test_network_follows_the_device(student, rng):
    made, _, images = square_one(student, rng)
    helpers.assert_looks(made, images, 6)
    made.meta()
    elsewhere = images.to("meta")
    assert_follows_device(lambda: made.call("encode", elsewhere), "codes of images on another device", (3, 6))
    codes = torch.zeros(3, 6, device="meta")
    what = "pictures of codes on another device"
    assert_follows_device(lambda: made.call("decode", codes), what, (3, 3, 8, 8))


# --- reconstruction_loss ----------------------------------------------------------------------------------------------


def slow_loss(images, reconstructions):
    """The mean of the sums of squares, one image and one number after the other."""
    total = 0.0
    for image, other in zip(images.double(), reconstructions.double(), strict=True):
        total += sum((a - b) ** 2 for a, b in zip(image.flatten().tolist(), other.flatten().tolist(), strict=True))
    return total / len(images)


def mistaken(images, reconstructions):
    """What the loss would be if one property alone were missed."""
    right, gaps = slow_loss(images, reconstructions), (images.double() - reconstructions.double()).flatten(1)
    batch, numbers = gaps.shape
    return {
        "image": [right / numbers, right / images.shape[1], right * images.shape[1] / numbers],
        "batch": [right * batch],
        "squares": [
            gaps.square().sum(dim=1).sqrt().mean().item(),
            gaps.abs().sum().item() / batch,
            gaps.square().sum().sqrt().item(),
            right**0.5,
            right / 2,
        ],
    }


def two_sets(rng, *shape, dtype=torch.float32):
    return torch.randn(shape, generator=rng, dtype=torch.float64).to(dtype), drawn(rng, *shape, dtype=dtype)


@loss(
    "agrees with a slow loop on random images",
    hint="Batch, channels, height and width all differ here. Over which do you add, over which do you average?",
    broad=True,
    weight=3,
)
def test_loss_agrees_with_a_loop(student, rng):
    for shape in ((2, 3, 4, 5), (1, 1, 7, 2), (5, 2, 3, 3)):
        images, reconstructions = two_sets(rng, *shape)
        value = helpers.one_number(student.reconstruction_loss(images, reconstructions))
        right = slow_loss(images, reconstructions)
        assert math.isclose(value, right, rel_tol=1e-4), f"the loss of {shape}: expected {right:.4f}, yours {value:.4f}"


def assert_slope(call, gradient, given, rng, what):
    """The student's loss changes with an input as its gradient says, along a random direction."""
    gradient = expect_tensor(gradient, what=f"gradient of {what}", shape=tuple(given.shape), dtype="floating").double()
    assert float(gradient.abs().max()) > 1e-9, f"{what}: no gradient arrives"
    direction = torch.randn(given.shape, generator=rng, dtype=torch.float64)
    up, down = (helpers.one_number(call(given + by * direction), what) for by in (1e-3, -1e-3))
    change, promised = (up - down) / 2e-3, (gradient * direction).sum().item()
    near = abs(change - promised) < 2e-3 * (float(gradient.norm()) + abs(change))
    assert near, f"{what}: along a direction it changes by {change:.4f}, its gradient says {promised:.4f}"


@loss(
    "sends gradients to both sides",
    hint="A denoising network is trained through one side; the figures use the other. Is either cut off in yours?",
    weight=3,
)
def test_loss_has_both_gradients(student, rng):
    images, reconstructions = two_sets(rng, 3, 2, 4, 3, dtype=torch.float64)
    gradients = student.vjp("reconstruction_loss", (images, reconstructions), wrt=[0, 1])
    assert_slope(
        lambda other: student.reconstruction_loss(other, reconstructions),
        gradients[0],
        images,
        rng,
        "the loss (images)",
    )
    assert_slope(
        lambda other: student.reconstruction_loss(images, other),
        gradients[1],
        reconstructions,
        rng,
        "the loss (reconstructions)",
    )


def assert_excused(student, images, reconstructions, what):
    """The loss is right, or has one mistake in its formula, which other tests are about; what came back."""
    value = student.reconstruction_loss(images, reconstructions)
    unchanged, right = student.unchanged_inputs, slow_loss(images, reconstructions)
    helpers.assert_loss(value, right, mistaken(images, reconstructions), about=(), what=what)
    return value, unchanged


@loss(
    "is a tensor of shape () in the images' dtype",
    hint="`backward` needs a tensor with one number and no axes. What do you return?",
    weight=2,
)
def test_loss_is_a_scalar_tensor(student, rng):
    for dtype in (torch.float32, torch.float64):
        images, reconstructions = two_sets(rng, 2, 3, 4, 2, dtype=dtype)
        value, _ = assert_excused(student, images, reconstructions, "the loss")
        expect_tensor(value, what=f"the loss of {dtype} images", shape=(), dtype=dtype)


@loss(
    "is exact for float64, and leaves its inputs alone",
    hint="In which dtype do you compute, and do you write into what you were given?",
    weight=2,
)
def test_loss_is_exact_and_changes_nothing(student, rng):
    images, other = two_sets(rng, 3, 2, 5, 6, dtype=torch.float64)
    what = "the loss of float64 images about 1000 that are nearly equal"
    _, unchanged = assert_excused(student, 1000 + images, 1000 + images + 1e-3 * other, what)
    assert unchanged, "the loss changed its inputs"


@loss(
    "works on any device",
    hint="Everything that you make should live where the images live. What do you make yourself?",
    weight=2,
)
def test_loss_follows_the_device(student, rng):
    images, reconstructions = two_sets(rng, 2, 3, 4, 5)
    assert_excused(student, images, reconstructions, "the loss")
    elsewhere = images.to("meta")
    call = lambda: student.reconstruction_loss(elsewhere, elsewhere)  # noqa: E731
    assert_follows_device(call, "the loss of images on another device")


# --- add_noise --------------------------------------------------------------------------------------------------------


@corruptions(
    "add_noise: the noise is torch.randn of the images' shape, from the generator",
    hint="With a seeded generator the noise is known beforehand. Is yours drawn from it, all at once?",
    broad=True,
    weight=3,
)
def test_noise_comes_from_the_generator(student, rng):
    for shape, sigma in (((2, 3, 4, 7), 0.3), ((1, 1, 5, 2), 2.0), ((3, 2, 1, 6), 0.05)):
        images, seed = drawn(rng, *shape), helpers.a_seed(rng)
        noise = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
        noisy, what = student.add_noise(images, sigma, Seed(seed)), f"images {shape} plus noise of sigma {sigma}"
        assert_same(noisy, images + sigma * noise, what=what, any_float=True)


@corruptions(
    "add_noise: with no generator the noise is new each time, and with sigma 0 there is none",
    hint="Without a generator torch's own draws. Who decides where that one begins?",
    weight=2,
)
def test_noise_without_a_generator_is_new(student, rng):
    images = drawn(rng, 2, 3, 8, 9)
    first, second = (helpers.noise_in(student.add_noise(images, 0.5), images, 0.5) for _ in range(2))
    assert not torch.equal(first, second), "asked twice without a generator, the noise is the same"
    same = student.add_noise(0.1 + 0.8 * images, 0.0)
    assert_same(same, 0.1 + 0.8 * images, what="images plus no noise", any_float=True)


@corruptions(
    "add_noise: leaves the images alone and keeps their dtype",
    hint="The same images come back in the next epoch. What do they look like then, and in which dtype?",
)
def test_noise_leaves_the_images_alone(student, rng):
    for dtype in (torch.float32, torch.float64):
        images = drawn(rng, 6, 3, 9, 8, dtype=dtype)
        noisy = student.add_noise(images, 0.4)
        assert student.unchanged_inputs, "add_noise changed its images"
        helpers.noise_in(noisy, images, 0.4)
        expect_tensor(noisy, what=f"noisy {dtype} images", dtype=dtype)


# --- drop_pixels ------------------------------------------------------------------------------------------------------


@corruptions(
    "drop_pixels: black is where torch.rand (B, 1, H, W) of the generator is below the fraction",
    hint="With a seeded generator it is known which pixels go. How many numbers do you draw, and how do you compare?",
    broad=True,
    weight=3,
)
def test_dropped_pixels_come_from_the_generator(student, rng):
    for (batch, channels, height, width), fraction in (((3, 3, 4, 7), 0.4), ((1, 2, 6, 3), 0.7), ((2, 1, 5, 5), 0.2)):
        images, seed = drawn(rng, batch, channels, height, width, low=0.2), helpers.a_seed(rng)
        draw = torch.rand(batch, 1, height, width, generator=torch.Generator().manual_seed(seed))
        expected = torch.where(draw < fraction, torch.zeros(()), images)
        what = f"images {tuple(images.shape)} without {fraction:.0%} of their pixels"
        assert_same(student.drop_pixels(images, fraction, Seed(seed)), expected, what=what, any_float=True)


@corruptions(
    "drop_pixels: every image loses pixels of its own, anew each time without a generator",
    hint="Do two images of a batch lose the same pixels? And the same image, asked twice?",
    weight=2,
)
def test_every_image_loses_its_own_pixels(student, rng):
    images = drawn(rng, 3, 2, 9, 10, low=0.2)
    first, second = (helpers.black_in(student.drop_pixels(images, 0.5), images) for _ in range(2))
    assert not torch.equal(first[0], first[1]), "two images of a batch lose the same pixels"
    assert not torch.equal(first, second), "asked twice without a generator, the same pixels go"


@corruptions(
    "drop_pixels: a fraction of 0 takes nothing, 1 takes all",
    hint="torch.rand gives 0 now and then, and never 1. On which side of the comparison is equality?",
)
def test_no_pixel_or_every_pixel_is_dropped(student, rng):
    images = drawn(rng, 2, 3, 5, 6, low=0.2)
    whole = student.drop_pixels(images, 0.0)
    assert_same(whole, images, what="images without none of their pixels", any_float=True)
    black = student.drop_pixels(images, 1.0)
    assert_same(black, torch.zeros_like(images), what="images without all of their pixels", any_float=True)


@corruptions(
    "drop_pixels: leaves the images alone and keeps their dtype",
    hint="The same images come back in the next epoch. What do they look like then, and in which dtype?",
)
def test_dropping_leaves_the_images_alone(student, rng):
    for dtype in (torch.float32, torch.float64):
        images = drawn(rng, 6, 3, 9, 8, low=0.2, dtype=dtype)
        dropped = student.drop_pixels(images, 0.4)
        assert student.unchanged_inputs, "drop_pixels changed its images"
        helpers.black_in(dropped, images)
        expect_tensor(dropped, what=f"{dtype} images with dropped pixels", dtype=dtype)


# --- blur -------------------------------------------------------------------------------------------------------------


def slow_blur(images, sigma, reach=None):
    """The mean of the text, one offset after the other, in float64."""
    height, width = images.shape[2:]
    reach = math.ceil(3 * sigma) if reach is None else reach
    total, blurred = 0.0, torch.zeros(images.shape, dtype=torch.float64)
    for y in range(-reach, reach + 1):
        rows = (torch.arange(height) + y).clamp(0, height - 1)
        for x in range(-reach, reach + 1):
            columns = (torch.arange(width) + x).clamp(0, width - 1)
            weight = math.exp(-(y * y + x * x) / (2 * sigma * sigma))
            total += weight
            blurred += weight * images.double()[:, :, rows][:, :, :, columns]
    return blurred / total


@corruptions(
    "blur: agrees with a slow loop, whatever the sizes",
    hint="Sigma, channels, height and width all vary here. Which of them did you take to be fixed, or equal?",
    broad=True,
    weight=3,
)
def test_blur_agrees_with_a_loop(student, rng):
    for shape, sigma in (((2, 3, 9, 12), 1.0), ((1, 1, 8, 5), 0.5), ((2, 4, 6, 7), 1.7)):
        images = drawn(rng, *shape)
        what = f"images {shape} blurred with sigma {sigma}"
        assert_same(student.blur(images, sigma), slow_blur(images, sigma).float(), what=what, any_float=True)


@corruptions(
    "blur: reaches ceil(3 * sigma) pixels, no more and no less",
    hint="For sigma 0.4, 3 sigma is 1.2. How far does yours reach: 1 pixel, or 2?",
    weight=2,
)
def test_blur_reaches_three_sigma_rounded_up(student, rng):
    level = drawn(rng, low=1.0, high=2.0).item()
    for sigma, reach in ((0.4, 2), (1.0, 3), (1.2, 4)):
        image = torch.zeros(1, 1, 11, 13)
        image[0, 0, 5, 6] = 1e6 * level
        spread = helpers.numbers_of(student.blur(image, sigma), image, "a bright dot, blurred")[0, 0]
        lit = [x for x in range(13) if abs(spread[5, x].item()) > 1e-6 * level]
        assert 6 in lit, "nothing is left in the middle of the dot"
        found = max(lit) - 6
        assert found == reach, f"with sigma {sigma} the dot reaches {found} pixels to the right, expected {reach}"


@corruptions(
    "blur: the edge's pixels repeat beyond the border, also where the blur is wider than the image",
    hint="Near the border the mean asks for pixels that are not there. Which number stands for them in yours?",
    weight=2,
)
def test_blur_repeats_the_edge(student, rng):
    images = drawn(rng, 2, 1, 3, 2)
    blurred = student.blur(images, 1.5)  # reaches 5 pixels
    assert_same(blurred, slow_blur(images, 1.5).float(), what="images of 3 x 2, blurred with sigma 1.5", any_float=True)


@corruptions(
    "blur: each channel and each image is blurred alone",
    hint="A red dot stays red when it is blurred. Does yours?",
)
def test_blur_keeps_channels_and_images_apart(student, rng):
    images = torch.zeros(3, 4, 6, 7)
    images[1, 2] = drawn(rng, 6, 7, low=0.5)
    blurred = helpers.numbers_of(student.blur(images, 0.9), images, "one channel of one image, blurred")
    assert float(blurred[1, 2].abs().min()) > 0.01, "nothing is left of the channel that is not black"
    blurred[1, 2] = 0
    assert float(blurred.abs().max()) < 1e-5, "other channels or images, which are black, are black no more"


@corruptions(
    "blur: exact for float64, in the images' dtype, and leaves them alone",
    hint="In which dtype do you make the weights, and do you write into the images?",
    weight=2,
)
def test_blur_keeps_the_dtype(student, rng):
    images = 1000 + drawn(rng, 2, 3, 8, 9, dtype=torch.float64)
    blurred = student.blur(images, 0.6)
    unchanged = student.unchanged_inputs
    middle = expect_tensor(blurred, what="float64 images, blurred", shape=(2, 3, 8, 9), dtype=torch.float64)
    right = slow_blur(images, 0.6)
    inner = (..., slice(2, -2), slice(2, -2))  # what the border does, another test is about
    assert_same(middle[inner], right[inner], what="the inside of float64 images, blurred", atol=1e-8)
    assert unchanged, "blur changed its images"
    expect_tensor(student.blur(images.float(), 0.6), what="float32 images, blurred", dtype=torch.float32)


@corruptions(
    "all three work on the device of the images",
    hint="On a GPU every tensor that you make must live there, too: noise, draws, weights.",
    weight=2,
)
def test_corruptions_follow_the_device(student, rng):
    images = drawn(rng, 2, 3, 9, 8, low=0.2)
    helpers.noise_in(student.add_noise(images, 0.5), images, 0.5)
    helpers.black_in(student.drop_pixels(images, 0.5), images)
    blurred = helpers.numbers_of(student.blur(images, 0.7), images, "blurred images")
    assert 0 < float((blurred - images).abs().max()) < 1, "blurred images are far from the images, or the same"
    elsewhere, shape = images.to("meta"), (2, 3, 9, 8)
    assert_follows_device(lambda: student.add_noise(elsewhere, 0.5), "noise on another device", shape)
    assert_follows_device(lambda: student.drop_pixels(elsewhere, 0.5), "dropping on another device", shape)
    assert_follows_device(lambda: student.blur(elsewhere, 0.7), "blur on another device", shape)


# --- denoising_loss ---------------------------------------------------------------------------------------------------


def squared(images, reconstructions):
    return (images.double() - reconstructions.double()).square().sum().item() / len(images)


def shares(seed, shape):
    """What `dimmed` multiplies images with, for a generator of this seed: the first and the second draw."""
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(shape, generator=generator), torch.rand(shape, generator=generator)


def dimmed_mistakes(images, seed, by):
    """The loss of a model that stretches dimmed images, and what it would be if one property alone were missed."""
    first, second = shares(seed, images.shape)
    seen = images * first
    return squared(images, by * seen), {
        "target": [squared(seen, by * seen), squared(images * second, by * seen)],
        "seen": [squared(images, by * images)],
        "once": [squared(images, by * seen * second), squared(images, by * images * second)],
        "both": [squared(seen, by * images)],
    }


def trial(student, rng, shape, by=None):
    """A model that stretches, by how much, images and a seed."""
    by = 2 + drawn(rng).item() if by is None else by
    return student.build(helpers.STRETCHING, by), by, drawn(rng, *shape, low=0.2), helpers.a_seed(rng)


def half_black(images, by):
    """Images with a black left half, the right loss of a model that stretches them, and mistakes in it."""
    seen = images.clone()
    seen[..., : images.shape[3] // 2] = 0
    damaged = (..., slice(images.shape[3] // 2))
    return squared(images, by * seen), {
        "target": [squared(seen, by * seen)],
        "seen": [squared(images, by * images)],
        "both": [squared(seen, by * images)],
        "pixels": [squared(images[damaged], by * seen[damaged])],
    }


@denoising(
    "agrees with the formula, for random images and corruptions from a seeded generator",
    hint="Clean image, corrupted image, answer of the model: which two does the loss compare?",
    broad=True,
    weight=3,
)
def test_denoising_agrees_with_the_formula(student, rng):
    for shape in ((2, 3, 4, 7), (1, 1, 5, 3), (5, 2, 3, 3)):
        model, by, images, seed = trial(student, rng, shape)
        right, _ = dimmed_mistakes(images, seed, by)
        value = helpers.one_number(student.denoising_loss(model, images, helpers.DIMMED, Seed(seed)))
        assert math.isclose(value, right, rel_tol=1e-4), f"the loss of {shape}: expected {right:.4f}, yours {value:.4f}"


@denoising(
    "hands the generator on, by position, also where it is None",
    hint="Not every corruption calls its second argument `generator`, or has a default for it. What do you pass?",
    weight=3,
)
def test_denoising_hands_the_generator_on(student, rng):
    model, by, images, seed = trial(student, rng, (3, 2, 5, 4))
    value = student.denoising_loss(model, images, helpers.DIMMED, Seed(seed))
    right, mistakes = dimmed_mistakes(images, seed, by)
    helpers.assert_loss(value, right, mistakes, about=(), what="the loss with a seeded generator")
    for given in ((), (None,)):
        values = [helpers.one_number(student.denoising_loss(model, images, helpers.DIMMED, *given)) for _ in range(2)]
        assert min(values) > 0, "without a generator the loss is 0"
        assert values[0] != values[1] or math.isclose(values[0], mistakes["seen"][0], rel_tol=1e-4), (
            "asked twice without a generator, the corruption is the same"
        )


@denoising(
    "counts every pixel, the ones that were not damaged as well",
    hint="The model must also leave alone what is whole. Do you pick out the pixels that differ?",
    weight=2,
)
def test_denoising_counts_every_pixel(student, rng):
    model, by, images, seed = trial(student, rng, (2, 3, 4, 6))
    value = student.denoising_loss(model, images, helpers.LEFT_BLACK, Seed(seed))
    what = "the loss where only the left half is black"
    helpers.assert_loss(value, *half_black(images, by), about={"pixels"}, what=what)


@denoising(
    "calls the model once, with the whole batch",
    hint="The model may be large, and may have a BatchNorm. How often do you call it, and with how many images?",
    weight=2,
)
def test_denoising_calls_the_model_once(student, rng):
    model, by, images, seed = trial(student, rng, (4, 2, 3, 5))
    value = student.denoising_loss(model, images, helpers.LEFT_BLACK, Seed(seed))
    counts = model.state().buffers
    helpers.assert_loss(value, *half_black(images, by), about=(), what="the loss of half black images")
    calls, given = int(counts["calls"]), int(counts["images"])
    assert (calls, given) == (1, 4), (
        f"the model was called {calls} times, with {given} images in all; the batch holds 4"
    )


@denoising(
    "gradients reach the model, and the images on both sides",
    hint="The model learns from this loss. Is its answer, or the clean image, cut off from where it came from?",
    weight=2,
)
def test_denoising_has_gradients(student, rng):
    model, by, images, seed = trial(student, rng, (2, 3, 4, 5))
    (gradient,) = student.vjp("denoising_loss", (model, images, helpers.LEFT_BLACK, Seed(seed)), wrt=[1])
    kept = torch.ones_like(images).double()
    kept[..., :2] = 0
    # The loss is the mean of (target - by * seen) ** 2, where both are the image, or the image where it is kept.
    factors = [
        1 - by * kept,
        kept - by * kept,
        (1 - by) * torch.ones_like(kept),
        kept - by,
        (1 - by * kept) * (1 - kept),
    ]
    right, *others = (factor.square() * 2 * images.double() / len(images) for factor in factors)
    helpers.assert_one_of(gradient, right.float(), others, what="gradient of the loss at the images", atol=1e-3)


@denoising(
    "keeps dtype and device, and leaves the images alone",
    hint="What do you make yourself, where does it live, and do you write into the images?",
    weight=2,
)
def test_denoising_keeps_dtype_and_device(student, rng):
    model, by, images, seed = trial(student, rng, (3, 2, 4, 6), by=2.0)
    exact = images.double() + 1000  # float32 rounds these by 3e-5
    value = student.denoising_loss(model, exact, helpers.LEFT_BLACK, Seed(seed))
    unchanged = student.unchanged_inputs
    what = "the loss of float64 images"
    helpers.assert_loss(value, *half_black(exact, by), about=(), what=what, within=1e-10)
    assert unchanged, "the loss changed its images"
    elsewhere = images.to("meta")
    model.meta()
    call = lambda: student.denoising_loss(model, elsewhere, helpers.LEFT_BLACK, Seed(seed))  # noqa: E731
    assert_follows_device(call, "the loss of images on another device")
