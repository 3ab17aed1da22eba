# kit-canary-60b09308d7aff85cc5f7d1b7: not to be published
"""Hidden tests of the colourisation problem: random inputs against formulas in float64, far corners, gradients."""

import math

import pytest
import torch

from kit import CheckFailed, assert_same, exercise, expect_tensor, load_helpers

to_lab = exercise("color-rgb-to-lab")
to_rgb = exercise("color-lab-to-rgb")
nearest = exercise("color-nearest-bins")
rebalance = exercise("color-rebalance")
loss = exercise("color-loss")
annealed = exercise("color-annealed-mean")

helpers = load_helpers(__file__)

# --- shared -----------------------------------------------------------------------------------------------------------


def drawn(rng, *shape, low=0.0, high=1.0, dtype=torch.float32):
    return (torch.rand(*shape, generator=rng, dtype=torch.float64) * (high - low) + low).to(dtype)


def assert_follows_device(call, what, shape):
    """Meta tensors show a tensor that was made on the CPU. What has no meta version (`.item()`, say) is no fault."""
    try:
        value = call()
    except RuntimeError as error:
        if "device" in str(error) and "expected" in str(error):
            raise CheckFailed(f"{what}: {error}") from None
        return
    expect_tensor(value, what=what, shape=shape)


def excused_by(mistakes, about, *args):
    """What each mistake would give that a test is not about."""
    return [wrong(*args) for name, wrongs in mistakes.items() if name not in about for wrong in wrongs]


def assert_dtype(value, dtype, student, what):
    expect_tensor(value, what=what, dtype=dtype)
    assert student.unchanged_inputs, f"{what}: the inputs have changed"


# --- rgb_to_lab and lab_to_rgb ----------------------------------------------------------------------------------------

TO_XYZ = torch.tensor(
    [0.4124564, 0.3575761, 0.1804375, 0.2126729, 0.7151522, 0.0721750, 0.0193339, 0.1191920, 0.9503041],
    dtype=torch.float64,
).view(3, 3)
D65 = torch.tensor([0.95047, 1.0, 1.08883], dtype=torch.float64)
KNEE = 6 / 29


def light_of(number, foot=True):
    """Gamma expansion; without its foot, the power everywhere."""
    power = ((number.clamp(min=0) + 0.055) / 1.055) ** 2.4
    return torch.where(number <= 0.04045, number / 12.92, power) if foot else power


def compressed(number):
    """Gamma the wrong way round."""
    return torch.where(number <= 0.04045, number / 12.92, 1.055 * number.clamp(min=0.04045) ** (1 / 2.4) - 0.055)


def seen(amount, edge=KNEE**3):
    root = amount.clamp(min=1e-12) ** (1 / 3)
    return torch.where(amount > edge, root, amount / (3 * KNEE**2) + 4 / 29)


def lab_of(images, *, light=light_of, matrix=TO_XYZ, white=D65, sight=seen, order=(0, 1, 2), scale=(1, 1, 1)):
    """Lab in float64, with its pitfalls as options."""
    red, green, blue = light(images.double()).unbind(dim=1)
    x, y, z = (sight((r * red + g * green + b * blue) / w) for (r, g, b), w in zip(matrix, white, strict=True))
    planes = (116 * y - 16, 500 * (x - y), 200 * (y - z))
    return torch.stack([planes[place] * by for place, by in zip(order, scale, strict=True)], dim=1)


LAB_MISTAKES = {
    "gamma": [
        lambda images: lab_of(images, light=lambda number: number),
        lambda images: lab_of(images, light=lambda number: number.clamp(min=1e-12) ** 2.2),
        lambda images: lab_of(images, light=compressed),
    ],
    "feet": [
        lambda images: lab_of(images, light=lambda number: light_of(number, foot=False)),
        lambda images: lab_of(images, sight=lambda amount: seen(amount, edge=-1)),
        lambda images: lab_of(images, sight=lambda amount: seen(amount, edge=KNEE)),
    ],
    "matrix": [
        lambda images: lab_of(images, matrix=TO_XYZ.T),
        lambda images: lab_of(images, matrix=(TO_XYZ / D65[:, None]).T, white=torch.ones(3)),
        lambda images: lab_of(images.flip(1)),
    ],
    "white": [
        lambda images: lab_of(images, white=torch.ones(3)),
        lambda images: lab_of(images, matrix=TO_XYZ / D65, white=torch.ones(3)),
    ],
    "order": [lambda images: lab_of(images, order=(0, 2, 1))],
    "scale": [
        lambda images: lab_of(images, scale=(0.01, 0.01, 0.01)),
        lambda images: lab_of(images, scale=(0.01, 1 / 128, 1 / 128)),
        lambda images: lab_of(images, scale=(0.01, 1 / 110, 1 / 110)),
    ],
}


def assert_lab(student, images, what, *, about, atol=1e-3):
    found = student.rgb_to_lab(images)
    helpers.assert_right(found, lab_of(images), excused_by(LAB_MISTAKES, about, images), what=what, atol=atol)
    return found


@to_lab(
    "agrees with the formula on random images",
    hint="Take one pixel and follow it on paper: light, X Y Z, f, Lab. Where does yours part from it?",
    broad=True,
)
@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (1, 3, 3, 3)])
def test_lab_agrees_with_the_formula(student, rng, shape):
    images = drawn(rng, *shape)
    what = f"Lab of images of shape {shape}"
    helpers.assert_right(student.rgb_to_lab(images), lab_of(images), what=what, atol=2e-3)


@to_lab(
    "follows both straight pieces, of gamma and of f, in the dark",
    hint="Below .04045 gamma is a straight line, below (6/29)³ f is another one. What do you do with a channel of .01?",
    weight=2,
)
def test_lab_of_the_dark(student, rng):
    assert_lab(student, drawn(rng, 2, 3, 4, 6, high=0.06), "Lab of dark images", about={"feet"})


@to_lab(
    "has finite gradients on black, and right ones elsewhere",
    hint="The slope of a cube root at 0 is infinite, and 0 × infinity is nan, also in a branch that is not taken.",
    weight=2,
)
def test_lab_gradients(student, rng):
    images, weights = drawn(rng, 2, 3, 3, 5, low=0.1, dtype=torch.float64), drawn(rng, 2, 3, 3, 5, dtype=torch.float64)
    images[:, :, 0] = 0
    (gradient,) = student.vjp("rgb_to_lab", (images,), weights, wrt=[0])
    assert gradient is not None, "no gradient reaches the images"
    expect_tensor(gradient, what="gradient at the images", shape=(2, 3, 3, 5))

    def slope(wrong):
        point = images.clone().requires_grad_()
        return torch.autograd.grad(wrong(point), point, weights)[0][:, :, 1:]

    others = [slope(wrong) for name, wrongs in LAB_MISTAKES.items() if name != "feet" for wrong in wrongs]
    helpers.assert_right(gradient[:, :, 1:], slope(lab_of), others, what="gradient at coloured pixels", atol=1e-3)


@to_lab(
    "computes in the precision of the images, and leaves them alone",
    hint="Does some step go through float32, or come out in float64 because the constants are?",
    weight=2,
)
def test_lab_follows_the_dtype(student, rng):
    images = drawn(rng, 2, 3, 4, 5, low=0.1, dtype=torch.float64)
    found = assert_lab(student, images, "Lab of float64 images", about={"dtype"}, atol=1e-8)
    assert_dtype(found, torch.float64, student, "Lab of float64 images")
    expect_tensor(student.rgb_to_lab(images.float()), what="Lab of float32 images", dtype=torch.float32)


@to_lab("works on the device of its images", hint="On a GPU the constants must go where the images are.", weight=2)
def test_lab_follows_the_device(student, rng):
    images = drawn(rng, 2, 3, 4, 5, low=0.1)
    assert_lab(student, images, "Lab", about={"device"}, atol=2e-3)
    on_meta = images.to("meta")
    assert_follows_device(lambda: student.rgb_to_lab(on_meta), "Lab of images on another device", (2, 3, 4, 5))


def rgb_of(
    lab, *, back=None, foot=True, gamma=True, edges=(KNEE, 0.0031308), clip=True, order=(0, 1, 2), add=16, b_by=-1
):
    """sRGB in float64, with its pitfalls as options. back: from X, Y, Z, each over the white's, to light."""
    lightness, a, b = (lab.double()[:, place] for place in order)
    y = (lightness + add) / 116
    places = (y + a / 500, y, y + b_by * b / 200)
    x, y, z = (torch.where(t > edges[0], t**3, 3 * KNEE**2 * (t - 4 / 29)) if foot else t**3 for t in places)
    rows = TO_LIGHT if back is None else back
    light = torch.stack([one * x + two * y + three * z for one, two, three in rows], dim=1)
    power = 1.055 * light.clamp(min=0) ** (1 / 2.4) - 0.055
    number = torch.where(light <= edges[1], 12.92 * light, power) if gamma else light
    return number.clamp(0, 1) if clip else number


TO_LIGHT = TO_XYZ.inverse() * D65
RGB_MISTAKES = {
    "gamma": [lambda lab: rgb_of(lab, gamma=False)],
    "feet": [
        lambda lab: rgb_of(lab, foot=False),
        lambda lab: rgb_of(lab, edges=(KNEE**3, 0.0031308)),
        lambda lab: rgb_of(lab, edges=(KNEE, 0.04045)),
        lambda lab: rgb_of(lab, edges=(KNEE, -1)),
    ],
    "matrix": [lambda lab: rgb_of(lab, back=TO_LIGHT.T), lambda lab: rgb_of(lab, back=TO_XYZ / D65)],
    "white": [
        lambda lab: rgb_of(lab, back=TO_XYZ.inverse()),
        lambda lab: rgb_of(lab, back=(TO_LIGHT / D65) * D65[:, None]),
    ],
    "order": [lambda lab: rgb_of(lab, order=(0, 2, 1)), lambda lab: rgb_of(lab).flip(1)],
    "sums": [lambda lab: rgb_of(lab, add=0), lambda lab: rgb_of(lab, b_by=1)],
    "scale": [lambda lab: 255 * rgb_of(lab)],
    "clip": [lambda lab: rgb_of(lab, clip=False)],
}


def assert_rgb(student, lab, what, *, about, atol=1e-3):
    found = student.lab_to_rgb(lab)
    helpers.assert_right(found, rgb_of(lab), excused_by(RGB_MISTAKES, about, lab), what=what, atol=atol)
    return found


@to_rgb(
    "brings random images back from Lab",
    hint="Every step of rgb_to_lab has one that undoes it. Walk back from Lab, the last step first.",
    broad=True,
)
@pytest.mark.parametrize("shape", [(2, 3, 5, 7), (1, 3, 3, 3)])
def test_rgb_undoes_lab(student, rng, shape):
    images = drawn(rng, *shape, low=0.05, high=0.98)
    lab = lab_of(images).float()
    helpers.assert_right(student.lab_to_rgb(lab), images, what=f"sRGB of Lab of shape {shape}", atol=1e-3)


@to_rgb(
    "is finite and clipped for any Lab value",
    hint="A colour that no screen shows has a negative amount of some light. What is its power of 1 / 2.4?",
    weight=3,
)
def test_rgb_of_wild_lab(student, rng):
    mild = torch.stack([drawn(rng, 2, 4, 5, low=0, high=100), *(drawn(rng, 2, 4, 5, low=-128, high=128) for _ in "ab")])
    wild = drawn(rng, 3, 2, 4, 5, low=-1000, high=1000)
    for lab, what in ((mild, "sRGB of colours of which many are beyond the screen"), (wild, "sRGB of wild Lab values")):
        lab = lab.transpose(0, 1)
        found = expect_tensor(student.lab_to_rgb(lab), what=what, shape=(2, 3, 4, 5), dtype="floating")
        excused = excused_by(RGB_MISTAKES, {"clip"}, lab)
        helpers.assert_right(found, rgb_of(lab), excused, what=what, atol=2e-3)


@to_rgb(
    "undoes both straight pieces in the dark",
    hint="f changes its shape where t is 6/29, not its cube; gamma where the light is .0031308, not .04045.",
    weight=2,
)
def test_rgb_of_the_dark(student, rng):
    lab = lab_of(drawn(rng, 2, 3, 4, 6, high=0.12)).float()
    assert_rgb(student, lab, "sRGB of dark colours", about={"feet"}, atol=2e-4)


@to_rgb(
    "computes in the precision of its input, and leaves it alone",
    hint="Does some step go through float32, or come out in float64 because the constants are?",
    weight=2,
)
def test_rgb_follows_the_dtype(student, rng):
    lab = lab_of(drawn(rng, 2, 3, 4, 5, low=0.3, high=0.7))
    found = assert_rgb(student, lab, "sRGB of float64 Lab", about={"dtype"}, atol=1e-8)
    assert_dtype(found, torch.float64, student, "sRGB of float64 Lab")
    expect_tensor(student.lab_to_rgb(lab.float()), what="sRGB of float32 Lab", dtype=torch.float32)


@to_rgb("works on the device of its input", hint="On a GPU the constants must go where the colours are.", weight=2)
def test_rgb_follows_the_device(student, rng):
    lab = lab_of(drawn(rng, 2, 3, 4, 5, low=0.3, high=0.7)).float()
    assert_rgb(student, lab, "sRGB", about={"device"})
    assert_follows_device(lambda: student.lab_to_rgb(lab.to("meta")), "sRGB of Lab on another device", (2, 3, 4, 5))


# --- nearest_bins -----------------------------------------------------------------------------------------------------


def distances(pixels, centres):
    """Euclidean, one pixel and one centre at a time: pixels (n, 2), centres (Q, 2) -> (n, Q) float64."""
    table = [[math.dist(pixel, centre) for centre in centres.tolist()] for pixel in pixels.tolist()]
    return torch.tensor(table, dtype=torch.float64)


def clear_pixels(rng, centres, shape, dtype=torch.float32):
    """Pixels (B, 2, H, W) that are not halfway between two centres, and their bins (B, H, W)."""
    batch, height, width = shape
    count = batch * height * width
    pixels = drawn(rng, 3 * count + 20, 2, low=-80, high=80, dtype=dtype)
    table = distances(pixels, centres)
    if len(centres) > 1:
        first, second = table.sort(dim=1).values[:, :2].unbind(dim=1)
        clear = second - first > 0.1
        pixels, table = pixels[clear], table[clear]
    ab = pixels[:count].view(batch, height, width, 2).permute(0, 3, 1, 2)
    return ab, table[:count].argmin(dim=1).view(shape)


@nearest(
    "agrees with a double loop over pixels and centres",
    hint="Take one pixel and one centre: two differences, squared, added. Which shape holds all of them?",
    broad=True,
)
@pytest.mark.parametrize("shape, count", [((2, 5, 7), 6), ((3, 4, 3), 2)])
def test_nearest_bins_agree_with_a_loop(student, rng, shape, count):
    centres = drawn(rng, count, 2, low=-70, high=70)
    ab, right = clear_pixels(rng, centres, shape)
    assert_same(student.nearest_bins(ab, centres), right, what=f"bins of pixels {shape}, {count} centres")


@nearest(
    "takes a single image, a single row and hundreds of bins",
    hint="Nothing in the text says how many centres there are, or that an image has more than one row.",
    weight=3,
)
def test_nearest_bins_of_unusual_sizes(student, rng):
    for shape, count in (((1, 1, 9), 5), ((2, 3, 2), 1), ((1, 4, 3), 313)):
        centres = torch.linspace(-80, 80, count)[torch.randperm(count, generator=rng)][:, None].repeat(1, 2)
        chosen = torch.randint(0, count, (math.prod(shape),), generator=rng)
        points = centres[chosen] + drawn(rng, len(chosen), 2, low=-1e-3, high=1e-3)
        ab = points.view(*shape, 2).permute(0, 3, 1, 2)
        found = expect_tensor(student.nearest_bins(ab, centres), what="bins", shape=shape, dtype="integer")
        apart = (centres[found.long().flatten().clamp(0, len(centres) - 1)] - centres[chosen]).abs().amax()
        assert apart < 0.1, f"{len(centres)} centres: a pixel at one centre is put into a bin {apart:.1f} away"


@nearest(
    "tells centres apart that float32 cannot, and leaves its inputs alone",
    hint="float64 in, float64 all the way. Does some step of yours go through float32?",
    weight=1,
)
def test_nearest_bins_in_float64(student, rng):
    places = 20 + 1e-6 * torch.randperm(5, generator=rng).double()
    centres = places[:, None].repeat(1, 2)
    right = torch.randint(0, 5, (2, 3, 4), generator=rng)
    ab = centres[right].permute(0, 3, 1, 2)
    found = student.nearest_bins(ab, centres)
    assert student.unchanged_inputs, "nearest_bins changed its inputs"
    found = expect_tensor(found, what="bins in float64", shape=(2, 3, 4), dtype="integer")
    assert_same(found.long(), right, what="bins of centres a millionth apart")


@nearest("works on the device of its inputs", hint="On a GPU every tensor that you make must live there, too.")
def test_nearest_bins_follow_the_device(student, rng):
    right = torch.randint(0, 3, (2, 3, 4), generator=rng)
    centres = torch.tensor([[-60.0, -60.0], [0.0, 0.0], [60.0, 60.0]])
    ab = centres[right].permute(0, 3, 1, 2)
    found = expect_tensor(student.nearest_bins(ab, centres), what="bins", shape=(2, 3, 4), dtype="integer")
    assert_same(found.long(), right, what="bins of pixels at the centres")
    on_meta = ab.to("meta"), centres.to("meta")
    assert_follows_device(lambda: student.nearest_bins(*on_meta), "bins on another device", (2, 3, 4))


# --- rebalancing_weights ----------------------------------------------------------------------------------------------


def weights_of(counts, mix=0.5, *, shares=True, scaled="expected"):
    """Zhang et al. 2016, Eq. 4, one bin at a time in float64; pitfalls as options."""
    counts = counts.double().tolist()
    p = [count / sum(counts) for count in counts]
    under = [(1 - mix) * (share if shares else count) + mix / len(p) for share, count in zip(p, counts, strict=True)]
    weights = [1 / part if part else math.inf for part in under]
    over = {"expected": sum(a * b for a, b in zip(p, weights, strict=True)), "mean": sum(weights) / len(weights)}
    return torch.tensor([weight / over.get(scaled, 1.0) for weight in weights], dtype=torch.float64)


REBALANCE_MISTAKES = {
    "scale": [
        lambda counts, mix=0.5: weights_of(counts, mix, scaled="mean"),
        lambda counts, mix=0.5: weights_of(counts, mix, scaled="none"),
        lambda counts, mix=0.5: weights_of(counts, mix, scaled="mean") / len(counts),
    ],
    "shares": [lambda counts, mix=0.5: weights_of(counts, mix, shares=False)],
    "mix": [lambda counts, mix=0.5: weights_of(counts, 1 - mix), lambda counts, mix=0.5: weights_of(counts)],
}


def assert_weights(student, counts, *mix, about, what, atol=1e-4):
    found = student.rebalancing_weights(counts, *mix)
    excused = excused_by(REBALANCE_MISTAKES, about, counts, *mix)
    helpers.assert_right(found, weights_of(counts, *mix), excused, what=what, atol=atol, rtol=1e-4)
    return found


@rebalance(
    "agrees with the formula on random counts",
    hint="For each bin: its share, the mixture under the fraction line, then one scale for all.",
    broad=True,
)
@pytest.mark.parametrize("bins, mix", [(5, 0.5), (32, 0.2)])
def test_weights_agree_with_the_formula(student, rng, bins, mix):
    counts = drawn(rng, bins, high=90) ** 2
    what = f"weights of {bins} bins at mix {mix}"
    found = student.rebalancing_weights(counts, mix)
    helpers.assert_right(found, weights_of(counts, mix), what=what, atol=1e-4, rtol=1e-4)


@rebalance(
    "mixes with .5 where nothing is said",
    hint="The second argument may be left out. Which mixture is it then?",
    weight=2,
)
def test_weights_at_the_usual_mix(student, rng):
    counts = drawn(rng, 7, low=1, high=30)
    assert_weights(student, counts, about={"default"}, what="weights without a mix")


@rebalance(
    "takes whole counts, small and in the millions",
    hint="Counts are whole numbers in real life. What happens to 1 / 3 where everything is whole?",
    weight=2,
)
def test_weights_of_whole_counts(student, rng):
    for high in (9, 3_000_000):
        counts = torch.randint(1, high, (6,), generator=rng)
        assert_weights(student, counts, 0.3, about={"whole"}, what=f"weights of whole counts up to {high:,}")


@rebalance(
    "keeps bins without a single pixel finite, and their weight the largest, at any mix",
    hint="At a small mix an empty bin weighs much, but never infinitely. What stands under its fraction line?",
    weight=3,
)
def test_weights_of_empty_bins(student, rng):
    counts = torch.cat([torch.zeros(3), drawn(rng, 5, low=1, high=40)])[torch.randperm(8, generator=rng)]
    for mix in (0.05, 0.8):
        what = f"weights of eight bins, three of them empty, at mix {mix}"
        found = assert_weights(student, counts, mix, about={"empty"}, what=what)
        expect_tensor(found, what=what, dtype="floating")


@rebalance(
    "computes in the precision of floating counts, and leaves them alone",
    hint="float64 in, float64 all the way; and the counts are still needed afterwards.",
)
def test_weights_in_float64(student, rng):
    counts = drawn(rng, 6, low=1, high=40, dtype=torch.float64)
    found = student.rebalancing_weights(counts, 0.4)
    excused = excused_by(REBALANCE_MISTAKES, {"dtype"}, counts, 0.4)
    helpers.assert_right(found, weights_of(counts, 0.4), excused, what="weights of float64 counts", atol=1e-10)
    assert_dtype(found, torch.float64, student, "weights of float64 counts")


@rebalance("works on the device of the counts", hint="On a GPU every tensor that you make must live there, too.")
def test_weights_follow_the_device(student, rng):
    counts = drawn(rng, 6, low=1, high=40)
    assert_weights(student, counts, 0.4, about={"device"}, what="weights")
    on_meta = counts.to("meta")
    assert_follows_device(lambda: student.rebalancing_weights(on_meta, 0.4), "weights on another device", (6,))


# --- colorization_loss ------------------------------------------------------------------------------------------------


def cost_of(logits, bins):
    """Cross-entropy of each pixel (B, H, W): the log of the sum of exponentials, minus the right logit."""
    top = logits.amax(dim=1, keepdim=True)
    rest = (logits - top).exp().sum(dim=1).log() + top[:, 0]
    return rest - logits.gather(1, bins[:, None])[:, 0]


def loss_of(logits, bins, weights):
    """In float64 and differentiable."""
    return (weights.double()[bins] * cost_of(logits.double(), bins)).sum() / bins.numel()


LOSS_MISTAKES = {
    "mean": [
        lambda logits, bins, weights: loss_of(logits, bins, weights) * bins.numel(),
        lambda logits, bins, weights: loss_of(logits, bins, weights) * bins.numel() / len(bins),
        lambda logits, bins, weights: loss_of(logits, bins, weights) / weights.double()[bins].mean(),
    ],
    "weights": [
        lambda logits, bins, weights: loss_of(logits, bins, torch.ones_like(weights)),
        lambda logits, bins, weights: loss_of(logits * weights.view(1, -1, 1, 1), bins, torch.ones_like(weights)),
        lambda logits, bins, weights: cost_of(logits.double(), bins).mean() * weights.double().mean(),
        lambda logits, bins, weights: (weights.double()[logits.argmax(dim=1)] * cost_of(logits.double(), bins)).mean(),
    ],
    "softmax": [lambda logits, bins, weights: loss_of(logits.double().softmax(dim=1), bins, weights)],
}


def loss_case(rng, batch, bins, height, width, dtype=torch.float32):
    """Logits, true bins, and weights of mean far from 1."""
    logits = 2 * torch.randn(batch, bins, height, width, generator=rng, dtype=torch.float64).to(dtype)
    true = torch.randint(0, bins, (batch, height, width), generator=rng)
    return logits, true, drawn(rng, bins, low=0.2, high=6, dtype=dtype)


def assert_loss(student, case, what, *, about, atol=1e-4):
    found = student.colorization_loss(*case)
    excused = excused_by(LOSS_MISTAKES, about, *case)
    helpers.assert_right(found, loss_of(*case), excused, what=what, atol=atol, rtol=1e-5)
    return found


@loss(
    "agrees with the formula on random logits",
    hint="For each pixel: the weight of its true bin times its cross-entropy. Then the mean over all of them.",
    broad=True,
)
@pytest.mark.parametrize("sizes", [(2, 5, 3, 4), (1, 32, 4, 2)])
def test_loss_agrees_with_the_formula(student, rng, sizes):
    case = loss_case(rng, *sizes)
    found = student.colorization_loss(*case)
    helpers.assert_right(found, loss_of(*case), what=f"the loss of logits {sizes}", atol=1e-4, rtol=1e-5)


@loss(
    "has the right gradient at the logits",
    hint="Of each pixel: its weight × (its probabilities - 1 at its true bin), over the number of pixels.",
    weight=3,
)
def test_loss_gradients(student, rng):
    logits, bins, weights = loss_case(rng, 2, 4, 3, 5, torch.float64)
    (gradient,) = student.vjp("colorization_loss", (logits, bins, weights), wrt=[0])
    assert gradient is not None, "no gradient reaches the logits"

    def slope(formula):
        point = logits.clone().requires_grad_()
        return torch.autograd.grad(formula(point, bins, weights), point)[0]

    others = [slope(wrong) for wrongs in LOSS_MISTAKES.values() for wrong in wrongs]
    helpers.assert_right(gradient, slope(loss_of), others, what="gradient at the logits", atol=1e-5)


@loss(
    "is finite for logits up to 1000, and as large as it should be",
    hint="exp(1000) is larger than any number, and the log of a probability of 0 is minus infinity.",
    weight=3,
)
def test_loss_of_large_logits(student, rng):
    logits, bins, weights = loss_case(rng, 2, 4, 3, 5)
    logits = 1000 * torch.where(logits > 0, 1.0, -1.0)
    logits[:, 0] = 1000  # there is always one that is large, and with it
    logits[:, 1], bins[:, 0] = -1000, 1  # pixels that are wrong with certainty
    assert_loss(student, (logits, bins, weights), "the loss of logits of 1000 and -1000", about={"range"}, atol=1e-2)


@loss(
    "does not care how many pixels have a rare bin",
    hint="The same pixels twice, in one image or in two: the mean is the same. Weights of 0 count as pixels, too.",
    weight=2,
)
def test_loss_counts_all_pixels(student, rng):
    logits, bins, weights = loss_case(rng, 2, 4, 3, 5)
    weights[0] = 0
    bins[0] = 0
    assert_loss(student, (logits, bins, weights), "the loss where half of the pixels weigh nothing", about={"mean"})


@loss(
    "computes in the precision of its inputs, and leaves them alone",
    hint="Does some step of yours go through float32, or write into what it was given?",
)
def test_loss_in_float64(student, rng):
    case = loss_case(rng, 2, 3, 2, 5, torch.float64)
    found = student.colorization_loss(*case)
    excused = excused_by(LOSS_MISTAKES, {"dtype"}, *case)
    helpers.assert_right(found, loss_of(*case), excused, what="the loss in float64", atol=1e-10)
    assert_dtype(found, torch.float64, student, "the loss in float64")


@loss("works on the device of its inputs", hint="On a GPU every tensor that you make must live there, too.")
def test_loss_follows_the_device(student, rng):
    case = loss_case(rng, 2, 3, 2, 5)
    assert_loss(student, case, "the loss", about={"device"})
    on_meta = [part.to("meta") for part in case]
    assert_follows_device(lambda: student.colorization_loss(*on_meta), "the loss on another device", ())


# --- annealed_mean ----------------------------------------------------------------------------------------------------


def colours_of(logits, centres, temperature=0.38, *, sharpen=True):
    """Shares of the bins, then the mean of their centres, in float64."""
    scaled = logits.double() / temperature if sharpen else logits.double() * temperature
    shares = (scaled - scaled.amax(dim=1, keepdim=True)).exp()
    shares = shares / shares.sum(dim=1, keepdim=True)
    planes = [(shares * centres.double()[:, axis].view(1, -1, 1, 1)).sum(dim=1) for axis in (0, 1)]
    return torch.stack(planes, dim=1)


def blurred(logits, centres, temperature=0.38):
    """One colour for the whole image: the mean of all pixels' probabilities first."""
    mean = logits.double().softmax(dim=1).mean(dim=(2, 3), keepdim=True).log().expand_as(logits)
    return colours_of(mean, centres, temperature)


def best_bet(logits, centres, *_):
    return centres.double()[logits.argmax(dim=1)].permute(0, 3, 1, 2)


ANNEALED_MISTAKES = {
    "temperature": [
        lambda logits, centres, temperature=0.38: colours_of(logits, centres, temperature, sharpen=False),
        lambda logits, centres, temperature=0.38: colours_of(logits, centres, 1.0),
        lambda logits, centres, temperature=0.38: colours_of(logits, centres),
        lambda logits, centres, temperature=0.38: colours_of(logits.double().softmax(dim=1), centres, temperature),
        best_bet,
    ],
    "pixels": [blurred],
    "order": [lambda *args: colours_of(*args).flip(1)],
}


def annealed_case(rng, batch, bins, height, width, dtype=torch.float32):
    logits = torch.randn(batch, bins, height, width, generator=rng, dtype=torch.float64).to(dtype)
    return logits, drawn(rng, bins, 2, low=-80, high=80, dtype=dtype)


def assert_colours(student, case, what, *, about, atol=1e-2):
    found = student.annealed_mean(*case)
    excused = excused_by(ANNEALED_MISTAKES, about, *case)
    helpers.assert_right(found, colours_of(*case), excused, what=what, atol=atol)
    return found


@annealed(
    "agrees with the formula on random logits",
    hint="Over the temperature, softmax over the bins, then a weighted mean of the centres, a and b each.",
    broad=True,
)
@pytest.mark.parametrize("sizes, temperature", [((2, 5, 3, 4), 0.7), ((1, 32, 4, 2), 0.2)])
def test_colours_agree_with_the_formula(student, rng, sizes, temperature):
    case = *annealed_case(rng, *sizes), temperature
    what = f"colours of logits {sizes} at temperature {temperature}"
    helpers.assert_right(student.annealed_mean(*case), colours_of(*case), what=what, atol=1e-2)


@annealed(
    "takes .38 where no temperature is given",
    hint="The third argument may be left out. Which temperature is it then?",
    weight=2,
)
def test_colours_at_the_usual_temperature(student, rng):
    case = annealed_case(rng, 2, 4, 3, 5)
    found = student.annealed_mean(*case)
    one = colours_of(*case, 1.0)
    kept = [wrong(*case) for name, wrongs in ANNEALED_MISTAKES.items() for wrong in wrongs]
    excused = [other for other in kept if (other - one).abs().max() > 1]
    helpers.assert_right(found, colours_of(*case), excused, what="colours without a temperature", atol=1e-2)


@annealed(
    "gives each pixel its own colour, a before b",
    hint="One pixel alone, or among others: its colour is the same. Which plane of your result is a?",
    weight=2,
)
def test_each_pixel_has_its_own_colour(student, rng):
    logits, centres = annealed_case(rng, 2, 4, 3, 5)
    assert_colours(student, (logits, centres, 0.5), "colours of six by five pixels", about={"pixels", "order"})
    assert_colours(student, (logits[:1, :, 1:2, 3:4], centres, 0.5), "the colour of one pixel", about={"order"})


@annealed(
    "is finite at 0.005, and for logits up to 1000",
    hint="Only differences between logits matter. Which of them could you subtract from all?",
    weight=3,
)
def test_colours_are_finite(student, rng):
    logits, centres = annealed_case(rng, 2, 4, 3, 5)
    order = torch.rand(2, 4, 3, 5, generator=rng).argsort(dim=1)  # bins in some order, a clear winner for each pixel
    clear = 5.0 * order.float() + 0.1 * logits
    for table, temperature in ((clear, 0.005), (1000 * torch.tanh(logits), 0.38), (clear - 1000, 0.5)):
        what = f"colours of logits up to {table.abs().max():.0f} at temperature {temperature}"
        found = student.annealed_mean(table, centres, temperature)
        expect_tensor(found, what=what, shape=(2, 2, 3, 5), dtype="floating")
        excused = excused_by(ANNEALED_MISTAKES, {"range"}, table, centres, temperature)
        helpers.assert_right(found, colours_of(table, centres, temperature), excused, what=what, atol=5e-2)


@annealed(
    "computes in the precision of its inputs, and leaves them alone",
    hint="Does some step of yours go through float32, or write into what it was given?",
)
def test_colours_in_float64(student, rng):
    case = *annealed_case(rng, 2, 3, 2, 5, torch.float64), 0.6
    found = assert_colours(student, case, "colours in float64", about={"dtype"}, atol=1e-8)
    assert_dtype(found, torch.float64, student, "colours in float64")


@annealed("works on the device of its inputs", hint="On a GPU every tensor that you make must live there, too.")
def test_colours_follow_the_device(student, rng):
    logits, centres = annealed_case(rng, 2, 3, 2, 5)
    assert_colours(student, (logits, centres, 0.6), "colours", about={"device"})
    on_meta = logits.to("meta"), centres.to("meta"), 0.6
    assert_follows_device(lambda: student.annealed_mean(*on_meta), "colours on another device", (2, 2, 2, 5))
