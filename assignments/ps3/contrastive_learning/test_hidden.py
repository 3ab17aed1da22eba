# kit-canary-60b09308d7aff85cc5f7d1b7: not to be published
"""Hidden tests of the contrastive problem: random inputs against slow loops, laws, gradients, float64."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain

import pytest
import torch
from torch.nn import functional as F

from kit import CheckFailed, Lib, Seed, assert_same, exercise, expect_tensor, load_helpers

crop = exercise("nce-crop-and-resize")
two_views = exercise("nce-two-views")
info_nce = exercise("nce-info-nce")
nt_xent = exercise("nce-nt-xent")

helpers = load_helpers(__file__)

# --- shared -----------------------------------------------------------------------------------------------------------


def drawn(rng, *shape, low=0.0, high=1.0, dtype=torch.float32):
    return (torch.rand(*shape, generator=rng, dtype=torch.float64) * (high - low) + low).to(dtype)


def assert_follows_device(call, what, shape=None):
    """Meta tensors show a tensor that was made on the CPU. What has no meta version (`.item()`, say) is no fault."""
    try:
        value = call()
    except RuntimeError as error:
        if "device" in str(error) and "expected" in str(error):
            raise CheckFailed(f"{what}: {error}") from None
        return
    expect_tensor(value, what=what, shape=shape)


# --- crop_and_resize --------------------------------------------------------------------------------------------------


def boxes_inside(rng, count, dtype=torch.float32):
    """Random boxes (count, 4) within the image: top, left, height, width."""
    size = drawn(rng, count, 2, low=0.2, high=0.9, dtype=torch.float64)
    corner = drawn(rng, count, 2, dtype=torch.float64) * (1 - size)
    return torch.cat([corner, size], dim=1).to(dtype)


def slow_crop(images, boxes, size):
    """Bilinear interpolation, one output pixel at a time, in float64."""
    height, width = images.shape[-2:]
    crops = torch.empty(*images.shape[:2], size, size, dtype=torch.float64)
    for n, (top, left, box_height, box_width) in enumerate(boxes.double().tolist()):
        image = images[n].double()
        for i in range(size):
            row, low, high = between((top + (i + 0.5) / size * box_height) * height - 0.5, height)
            line = image[:, low] * (1 - row) + image[:, high] * row
            for j in range(size):
                column, first, second = between((left + (j + 0.5) / size * box_width) * width - 0.5, width)
                crops[n, :, i, j] = line[:, first] * (1 - column) + line[:, second] * column
    return crops


def between(place, count):
    """The two pixels around a place, and how far it is on the way from the first to the second; edges repeat."""
    place = min(max(place, 0.0), count - 1.0)
    low = min(int(place), max(count - 2, 0))
    return place - low, low, min(low + 1, count - 1)


def sampled(images, boxes, size, *, steps=None, mode="bilinear", edge="border", corners=False, turned=False):
    """Crops by grid_sample in float64, with its pitfalls as options: used for crops that are wrong in a known way."""
    top, left, height, width = boxes.double().unsqueeze(-1).unbind(dim=1)
    steps = middles(size) if steps is None else steps(size)
    y, x = ((top + height * steps)[:, :, None], (left + width * steps)[:, None, :])
    places = torch.stack([part.expand(-1, size, size) for part in ((y, x) if turned else (x, y))], dim=-1)
    return F.grid_sample(images.double(), places * 2 - 1, mode, edge, corners)


def middles(size):
    return (torch.arange(size, dtype=torch.float64) + 0.5) / size


def cut_out(images, boxes, size, antialias=False):
    """Whole pixels, cut out and resized."""
    crops = []
    for image, box in zip(images.double(), boxes.double(), strict=True):
        top, left, height, width = (box * torch.tensor(image.shape[1:]).repeat(2)).round().int().tolist()
        piece = image[None, :, top : top + max(1, height), left : left + max(1, width)]
        crops.append(F.interpolate(piece, (size, size), mode="bilinear", antialias=antialias))
    return torch.cat(crops)


def moved(boxes, images):
    """Half a pixel further down and to the right."""
    height, width = images.shape[-2:]
    return boxes + torch.tensor([0.5 / height, 0.5 / width, 0, 0])


CROP_MISTAKES = {  # for each property, crops in which it alone is missed
    "order": [
        lambda images, boxes, size: sampled(images, boxes[:, [1, 0, 2, 3]], size),
        lambda images, boxes, size: sampled(images, boxes[:, [1, 0, 3, 2]], size),
        lambda images, boxes, size: sampled(images, boxes, size, turned=True),
        lambda images, boxes, size: sampled(images, boxes * shape_factor(images), size),
    ],
    "extent": [lambda images, boxes, size: sampled(images, boxes - F.pad(boxes[:, :2], (2, 0)), size)],
    "boxes": [lambda images, boxes, size: sampled(images, boxes[:1].expand_as(boxes), size)],
    "middles": [
        lambda images, boxes, size: sampled(images, boxes, size, steps=lambda n: middles(n) - 0.5 / n),
        lambda images, boxes, size: sampled(images, boxes, size, steps=lambda n: torch.linspace(0, 1, n).double()),
    ],
    "centres": [
        lambda images, boxes, size: sampled(images, boxes, size, corners=True),
        lambda images, boxes, size: sampled(images, moved(boxes, images), size),
    ],
    "mix": [
        lambda images, boxes, size: sampled(images, boxes, size, mode="nearest"),
        lambda images, boxes, size: sampled(images, boxes, size, mode="bicubic"),
    ],
    "whole pixels": [cut_out],
    "area": [lambda images, boxes, size: cut_out(images, boxes, size, antialias=True)],
    "edge": [lambda images, boxes, size: sampled(images, boxes, size, edge="zeros")],
}


def shape_factor(images):
    """Measures columns in image heights."""
    height, width = images.shape[-2:]
    return torch.tensor([1.0, height / width, 1.0, height / width])


def assert_crops_agree(student, images, boxes, size, what, *, about, atol=1e-3):
    """The crops are right, or have one mistake that another test is about; it is looked for only if need be."""
    crops = student.crop_and_resize(images, boxes, size)
    mistakes = [crop for name, crops in CROP_MISTAKES.items() if name not in about for crop in crops]
    others = (crop(images, boxes, size) for crop in mistakes)
    right = slow_crop(images, boxes, size)
    helpers.assert_crops(crops, right, chain([right], others), what=what, atol=atol)
    return crops


@crop(
    "agrees with a slow loop on random images and boxes",
    hint="Height and width of the image, of the box and of the output are six different numbers.",
    broad=True,
    weight=2,
)
@pytest.mark.parametrize("shape, size", [((3, 3, 8, 13), 5), ((2, 1, 11, 6), 8), ((2, 5, 5, 9), 3)])
def test_crop_agrees_with_a_loop(student, rng, shape, size):
    images, boxes = drawn(rng, *shape), boxes_inside(rng, shape[0])
    crops, what = student.crop_and_resize(images, boxes, size), f"crops of {shape} at size {size}"
    assert_same(crops, slow_crop(images, boxes, size), what=what, atol=1e-4, any_float=True)


@crop(
    "returns the place where it looked, when the image holds coordinates",
    hint="Feed it an image whose value is the row (or column) of each pixel. What should output pixel i hold?",
    weight=3,
)
def test_crop_of_coordinates_is_where_it_looked(student, rng):
    height, width, size = 9, 14, 6
    rows = torch.arange(height).float().view(1, 1, -1, 1).expand(2, 1, height, width)
    columns = torch.arange(width).float().view(1, 1, 1, -1).expand(2, 1, height, width)
    extent = drawn(rng, 2, 2, low=0.3, high=0.6)
    boxes = torch.cat([drawn(rng, 2, 2, low=0.2, high=0.3), extent], dim=1)
    images = torch.cat([rows, columns], dim=1)
    places = {"middles", "centres", "whole pixels"}
    assert_crops_agree(student, images, boxes, size, "crops of an image of coordinates", about=places)


@crop(
    "handles boxes that touch the image's border",
    hint="A box may begin at 0 and end at 1. What do you read beyond the last pixel's centre?",
    weight=2,
)
def test_crop_at_the_border(student, rng):
    images = drawn(rng, 4, 2, 6, 10, low=1.0, high=2.0)
    a, b, c = (drawn(rng, 1, low=0.15, high=0.4).item() for _ in range(3))
    boxes = torch.tensor([[0.0, 0.0, 1.0, 1.0], [0.0, b, a, 1 - b], [1 - a, 0.0, a, c], [1 - b, 1 - c, b, c]])
    assert_crops_agree(student, images, boxes, 12, "crops at the border", about={"edge"})


@crop(
    "handles boxes smaller than a pixel and crops of a single pixel",
    hint="Nothing in the text says that a box holds a whole pixel, or that the output has more than one.",
    weight=2,
)
def test_crop_of_tiny_boxes_and_outputs(student, rng):
    images = drawn(rng, 2, 3, 5, 7)
    boxes = torch.cat([drawn(rng, 2, 2, low=0.1, high=0.8), drawn(rng, 2, 2, low=0.03, high=0.09)], dim=1)
    for chosen, size in ((boxes, 4), (boxes_inside(rng, 2), 1)):
        assert_crops_agree(student, images, chosen, size, f"crops at size {size}", about={"whole pixels"})


@crop(
    "gives crops the dtype of the images, and leaves its inputs alone",
    hint="In which dtype do you mix the pixels? Do you write into images or boxes?",
)
def test_crop_follows_the_dtype(student, rng):
    images = 1000 + drawn(rng, 2, 2, 6, 9, dtype=torch.float64)  # float32 rounds these by 3e-5
    boxes = boxes_inside(rng, 2, torch.float64)
    crops = assert_crops_agree(student, images, boxes, 7, "crops of float64 images", about={"dtype"}, atol=1e-5)
    unchanged = student.unchanged_inputs
    expect_tensor(crops, what="crops of float64 images", dtype=torch.float64)
    crops = student.crop_and_resize(images.float(), boxes.float(), 7)
    expect_tensor(crops, what="crops of float32 images", dtype=torch.float32)
    assert unchanged, "crop_and_resize changed its inputs"


@crop(
    "works on the device of its inputs",
    hint="On a GPU every tensor that you make must live there, too.",
    weight=2,
)
def test_crop_follows_the_device(student, rng):
    images, boxes = drawn(rng, 2, 3, 6, 9), boxes_inside(rng, 2)
    assert_crops_agree(student, images, boxes, 4, "crops", about={"device"})
    what = "crops of images on another device"
    assert_follows_device(lambda: student.crop_and_resize(images.to("meta"), boxes.to("meta"), 4), what, (2, 3, 4, 4))


# --- two_views --------------------------------------------------------------------------------------------------------


def a_seed(rng):
    return int(torch.randint(1, 10**6, (), generator=rng))


def assert_first_two_draws(views, images, seed):
    """The views are the images plus the first and the second draw of a generator with this seed."""
    generator = torch.Generator().manual_seed(seed)
    for view, what in helpers.named_views(views):
        assert_same(view, images + torch.randn(images.shape, generator=generator).to(images), what=what)


@two_views(
    "returns the first two draws of the augmentation, in order, as a tuple",
    hint="With a seeded generator the two views are known beforehand: first draw, second draw.",
    weight=2,
    broad=True,
)
@pytest.mark.parametrize("shape, dtype", [((3, 1, 4, 7), torch.float32), ((2, 4, 5, 3), torch.float64)])
def test_two_views_are_the_first_two_draws(student, rng, shape, dtype):
    images, seed = drawn(rng, *shape, dtype=dtype), a_seed(rng)
    views = student.two_views(images, helpers.NOISE, Seed(seed))
    assert_first_two_draws(views, images, seed)
    helpers.assert_in_a_tuple(views)


@two_views(
    "leaves the images as they were", hint="The same images come back in the next epoch. What do they look like then?"
)
def test_two_views_leave_the_images_alone(student, rng):
    images = drawn(rng, 20, 3, 5, 6)
    views = student.two_views(images, helpers.NOISE, Seed(a_seed(rng)))
    assert student.unchanged_inputs, "two_views changed its images"
    assert helpers.noises(views, images), "no view holds the images plus the augmentation's noise"


@two_views(
    "lets the augmentation decide on the size of a view",
    hint="A crop is smaller than its image. Does your function count on equal shapes?",
    weight=2,
)
def test_two_views_may_be_smaller_than_the_images(student, rng):
    images = drawn(rng, 40, 3, 5, 6)
    views = student.two_views(images, Lib("ps3.contrastive_learning.parts.noisy_corner"), Seed(a_seed(rng)))
    assert helpers.noises(views, images[:, :, :2, :3]), "no view has the size that the augmentation gave it"


@two_views(
    "augments the whole batch at once",
    hint="How often is the augmentation called for one batch, and with how many images?",
)
def test_two_views_call_the_augmentation_twice(student, rng):
    counter, images = student.build(Lib("ps3.contrastive_learning.parts.CountingNoise")), drawn(rng, 9, 3, 8, 8)
    views = student.two_views(images, counter, Seed(a_seed(rng)))
    assert helpers.noises(views, images), "no view holds the images plus the augmentation's noise"
    counts = counter.state().buffers
    calls, given = int(counts["calls"]), int(counts["images"])
    assert 1 <= calls <= 2, f"the augmentation was called {calls} times for one batch"
    assert given == 9 * calls, f"{given} images went through the augmentation in {calls} calls, 9 in the batch"


@two_views(
    "draws anew each time when there is no generator",
    hint="Without a generator the augmentation uses the global one. Who decides where that one begins?",
    weight=2,
)
def test_two_views_without_a_generator_are_new_each_time(student):
    images = torch.zeros(8, 3, 6, 7)
    first, second = (student.two_views(images, helpers.NOISE) for _ in range(2))
    for views in (first, second):
        assert helpers.noises(views, images), "no view holds the images plus the augmentation's noise"
    pairs = zip(helpers.named_views(first), helpers.named_views(second), strict=True)
    again = [what for (old, what), (new, _) in pairs if torch.equal(old, new)]
    assert len(again) < 2, "asked twice without a generator, the views are the same"


@two_views(
    "gives the views back as the augmentation made them",
    hint="Does anything between the augmentation and the reader cut a view off from where it came from?",
    weight=2,
)
def test_gradients_pass_through_both_views(student, rng):
    images, weights = drawn(rng, 2, 3, 4, 5), (drawn(rng, 2, 3, 4, 5), drawn(rng, 2, 3, 4, 5))
    gradient, *_ = student.vjp("two_views", (images, helpers.NOISE, Seed(a_seed(rng))), weights, wrt=[0])
    assert_same(gradient, weights[0] + weights[1], what="gradient at the images, through both views")


# --- the two losses ---------------------------------------------------------------------------------------------------


def embeddings(rng, batch, width, dtype=torch.float32):
    """Two views (B, D): random, related, of lengths 0.3 to 3."""
    common = torch.randn(batch, width, generator=rng, dtype=torch.float64)
    views = [common + 0.7 * torch.randn(batch, width, generator=rng, dtype=torch.float64) for _ in range(2)]
    return tuple((view * drawn(rng, batch, 1, low=0.3, high=3.0, dtype=torch.float64)).to(dtype) for view in views)


def dot(a, b):
    return (a * b).sum()


def cosine(a, b):
    return dot(a, b) / (dot(a, a).sqrt() * dot(b, b).sqrt())


def over_the_batch(vectors):
    return vectors / vectors.norm(dim=0).clamp(min=1e-12)


def with_a_small_number(vectors):
    return vectors / (vectors.norm(dim=1, keepdim=True) + 1e-3)


def table(rows, columns, similar=cosine):
    """Similarities of every row with every column, one by one, in float64."""
    return torch.stack([torch.stack([similar(a, b) for b in columns.double()]) for a in rows.double()])


def gradients(loss, *inputs):
    inputs = [part.double().clone().requires_grad_() for part in inputs]
    return torch.autograd.grad(loss(*inputs), inputs)


def agree(got, wanted, atol, rtol):
    return all(
        part is not None and part.shape == right.shape and torch.allclose(part.double(), right, atol=atol, rtol=rtol)
        for part, right in zip(got, wanted, strict=True)
    )


@dataclass(frozen=True)
class Loss:
    """A loss to be judged: its name, the slow one, and what it would be if one property alone were missed.

    mistakes: for each property, functions of (first, second, temperature).
    """

    name: str
    slow: Callable
    mistakes: dict

    def others(self, about):
        return [loss for name, losses in self.mistakes.items() if name != about for loss in losses]

    def assert_value(self, student, a, b, temperature, *, about, what, atol=1e-4):
        """The value is right, or has one mistake that another test is about; it is looked for only if need be."""
        value = getattr(student, self.name)(a, b, temperature)
        number, right = helpers.one_number(value, what), self.slow(a, b, temperature).item()
        excused = (loss(a, b, temperature).item() for loss in self.others(about))
        if not any(math.isclose(number, other, rel_tol=atol, abs_tol=atol) for other in chain([right], excused)):
            raise CheckFailed(f"{what}: expected {right:.6g}, yours is {number:.6g}")

    def assert_gradients(self, student, a, b, temperature, *, what, atol, rtol=0.0):
        """Both gradients are right, or those of a loss with one mistake that another test is about."""
        got = student.vjp(self.name, (a, b, temperature), wrt=[0, 1])
        wanted = gradients(lambda first, second: self.slow(first, second, temperature), a, b)
        for loss in self.others("gradients"):
            if agree(got, wanted, atol, rtol):
                break
            excused = gradients(lambda first, second, loss=loss: loss(first, second, temperature), a, b)
            wanted = excused if agree(got, excused, atol, rtol) else wanted
        for gradient, right, which in zip(got, wanted, ("first", "second"), strict=True):
            assert_same(gradient, right.to(a.dtype), what=f"{what} at the {which} input", atol=atol, rtol=rtol)


def assert_exact(student, loss, rng, batch, width, temperature):
    """The main test: the value is right, whatever its dtype and shape."""
    a, b = embeddings(rng, batch, width)
    what = f"the loss of {batch} pairs of width {width} at temperature {temperature}"
    value, right = getattr(student, loss.name)(a, b, temperature), loss.slow(a, b, temperature)
    assert_same(torch.tensor(helpers.one_number(value, what)), right.float(), what=what, atol=1e-4)


def assert_lengths_do_not_matter(student, loss, rng):
    a, b = embeddings(rng, 5, 4)
    lengths = 10 ** torch.linspace(-3, 3, 5)[:, None]
    a, b = (view * lengths[torch.randperm(5, generator=rng)] / view.norm(dim=1, keepdim=True) for view in (a, b))
    what = "the loss of vectors of lengths from 0.001 to 1000"
    loss.assert_value(student, a, b, 0.5, about="lengths", what=what, atol=3e-4)


def assert_finite_when_cold(student, loss, a, b, least):
    right = loss.slow(a, b, 0.005).item()
    assert right > least, f"the loss is {right:.1f}: this case should cost more than {least}"
    loss.assert_value(student, a, b, 0.005, about="range", what="the loss at temperature 0.005", atol=1e-3)
    loss.assert_gradients(student, a, b, 0.005, what="its gradient", atol=1e-2, rtol=1e-3)


def assert_precise(student, loss, rng):
    """Views that have nothing to do with each other, at a low temperature: float32 is off by more than 1e-7."""
    a, b = (torch.randn(4, 7, generator=rng, dtype=torch.float64) for _ in range(2))
    what = "the loss of float64 vectors"
    loss.assert_value(student, a, b, 0.02, about="precision", what=what, atol=1e-9)
    assert student.unchanged_inputs, "the loss changed its inputs"


def assert_loss_follows_device(student, loss, rng):
    a, b = embeddings(rng, 4, 6)
    loss.assert_value(student, a, b, 0.5, about="device", what="the loss")
    on_meta = (a.to("meta"), b.to("meta"), 0.5)
    assert_follows_device(lambda: getattr(student, loss.name)(*on_meta), "the loss on another device")


# --- info_nce ---------------------------------------------------------------------------------------------------------


def picks(logits, right=None):
    """The mean cost of picking, in each row, the logit on the diagonal (or at `right`)."""
    right = torch.arange(len(logits)) if right is None else right
    return (logits.logsumexp(dim=1) - logits[torch.arange(len(logits)), right]).mean()


def slow_info_nce(queries, keys, temperature):
    """InfoNCE, one query and one key at a time, in float64."""
    return picks(table(queries, keys) / temperature)


def without_the_right_key(logits):
    return (logits - torch.diag(torch.full((len(logits),), torch.inf))).logsumexp(dim=1) - logits.diagonal()


INFO_NCE = Loss(
    "info_nce",
    slow_info_nce,
    {
        "mean": [lambda q, k, t: len(q) * slow_info_nce(q, k, t)],
        "direction": [
            lambda q, k, t: slow_info_nce(k, q, t),
            lambda q, k, t: (slow_info_nce(q, k, t) + slow_info_nce(k, q, t)) / 2,
        ],
        "key": [lambda q, k, t: slow_info_nce(q, k.roll(-1, 0), t), lambda q, k, t: slow_info_nce(q, k.roll(1, 0), t)],
        "candidates": [
            lambda q, k, t: without_the_right_key(table(q, k) / t).mean(),
            lambda q, k, t: ((table(q, k) / t).sum(dim=1).log() - table(q, k).diagonal() / t).mean(),
        ],
        "temperature": [
            lambda q, k, t: picks(table(q, k)),
            lambda q, k, t: picks(table(q, k) * t),
            lambda q, k, t: picks(table(q, k) / t**2),
            lambda q, k, t: picks((table(q, k) / t).softmax(dim=1)),
        ],
        "lengths": [
            lambda q, k, t: picks(table(q, k, dot) / t),
            lambda q, k, t: picks(table(q / q.norm(dim=1, keepdim=True), k, dot) / t),
            lambda q, k, t: picks(table(q, k / k.norm(dim=1, keepdim=True), dot) / t),
            lambda q, k, t: picks(table(q / (q * q).sum(1, True), k / (k * k).sum(1, True), dot) / t),
            lambda q, k, t: picks(table(over_the_batch(q), over_the_batch(k), dot) / t),
            lambda q, k, t: picks(table(with_a_small_number(q), with_a_small_number(k), dot) / t),
        ],
    },
)


@info_nce(
    "agrees with a double loop over queries and keys",
    hint="Write the sum out for B = 2 on paper, with the temperature, and compare it with yours term by term.",
    weight=2,
    broad=True,
)
@pytest.mark.parametrize("batch, width, temperature", [(5, 3, 0.1), (4, 9, 0.5), (7, 2, 2.0)])
def test_info_nce_agrees_with_a_loop(student, rng, batch, width, temperature):
    assert_exact(student, INFO_NCE, rng, batch, width, temperature)


@info_nce(
    "has the right gradient for queries and for keys",
    hint="Values can be right where gradients are not. Is any part of your formula cut off from its input?",
    weight=3,
)
def test_info_nce_gradients(student, rng):
    a, b = embeddings(rng, 5, 3, torch.float64)
    INFO_NCE.assert_gradients(student, a, b, 0.3, what="gradient", atol=1e-6)


@info_nce(
    "does not care about lengths from 0.001 to 1000",
    hint="A small number added to a length matters when the length is small, too.",
    weight=3,
)
def test_info_nce_of_all_lengths(student, rng):
    assert_lengths_do_not_matter(student, INFO_NCE, rng)


@info_nce(
    "is finite at temperature 0.005 in every row, and so is its gradient",
    hint="Rows differ: what is a large logit in one row is out of reach in another. What becomes of exp(-200)?",
    weight=3,
)
def test_info_nce_is_finite_when_cold(student, rng):
    queries = torch.eye(4, 5)
    keys = torch.eye(4, 5).roll(1, 0) + 0.1 * drawn(rng, 4, 5)
    queries[3] = torch.tensor([0.0, 0.0, 0.0, 0.0, 1.0])  # far from every key
    assert_finite_when_cold(student, INFO_NCE, queries, keys, 50)


@info_nce(
    "computes in the precision of its inputs, and leaves them alone",
    hint="Does some step of yours go through float32, or write into what it was given?",
)
def test_info_nce_follows_the_dtype(student, rng):
    assert_precise(student, INFO_NCE, rng)


@info_nce(
    "works on the device of its inputs",
    hint="On a GPU every tensor that you make must live there, too.",
    weight=2,
)
def test_info_nce_follows_the_device(student, rng):
    assert_loss_follows_device(student, INFO_NCE, rng)


# --- nt_xent ----------------------------------------------------------------------------------------------------------


def across(logits):
    """The partner of each of 2B embeddings: the other view of its image."""
    return (torch.arange(len(logits)) + len(logits) // 2) % len(logits)


def crowd(view1, view2, temperature, similar=cosine):
    everyone = torch.cat([view1, view2])
    return table(everyone, everyone, similar) / temperature


def without_oneself(logits):
    return logits - torch.diag(torch.full((len(logits),), torch.inf))


def slow_nt_xent(view1, view2, temperature):
    """NT-Xent, one embedding and one candidate at a time, in float64."""
    logits = crowd(view1, view2, temperature)
    return picks(without_oneself(logits), across(logits))


def nt_xent_of(logits):
    return picks(without_oneself(logits), across(logits))


def without_the_partner(logits):
    others = without_oneself(logits).scatter(1, across(logits)[:, None], -torch.inf)
    return (others.logsumexp(dim=1) - logits[torch.arange(len(logits)), across(logits)]).mean()


def partner_over_the_temperature(a, b, t):
    logits = crowd(a, b, 1)
    right = logits[torch.arange(len(logits)), across(logits)]
    return (without_oneself(logits).logsumexp(dim=1) - right / t).mean()


NT_XENT = Loss(
    "nt_xent",
    slow_nt_xent,
    {
        "mean": [lambda a, b, t: 2 * len(a) * slow_nt_xent(a, b, t), lambda a, b, t: 2 * slow_nt_xent(a, b, t)],
        "candidates": [
            lambda a, b, t: picks(crowd(a, b, t), across(crowd(a, b, t))),
            lambda a, b, t: picks(crowd(a, b, t).fill_diagonal_(0), across(crowd(a, b, t))),
            lambda a, b, t: without_the_partner(crowd(a, b, t)),
            lambda a, b, t: (slow_info_nce(a, b, t) + slow_info_nce(b, a, t)) / 2,
        ],
        "partner": [
            lambda a, b, t: picks(without_oneself(crowd(a, b, t)), torch.arange(2 * len(a)) ^ 1),
            lambda a, b, t: picks(without_oneself(crowd(a, b, t)), torch.arange(2 * len(a)).roll(-1)),
        ],
        "turns": [
            lambda a, b, t: picks(without_oneself(crowd(a, b, t))[: len(a)], len(a) + torch.arange(len(a))),
            lambda a, b, t: picks(without_oneself(crowd(a, b, t))[len(a) :], torch.arange(len(a))),
        ],
        "temperature": [
            lambda a, b, t: slow_nt_xent(a, b, 1),
            lambda a, b, t: slow_nt_xent(a, b, 1 / t),
            lambda a, b, t: slow_nt_xent(a, b, t**2),
            partner_over_the_temperature,
        ],
        "lengths": [
            lambda a, b, t: nt_xent_of(crowd(a, b, t, dot)),
            lambda a, b, t: nt_xent_of(crowd(*over_the_batch(torch.cat([a, b])).chunk(2), t, dot)),
            lambda a, b, t: nt_xent_of(crowd(over_the_batch(a), over_the_batch(b), t, dot)),
            lambda a, b, t: nt_xent_of(crowd(with_a_small_number(a), with_a_small_number(b), t, dot)),
        ],
    },
)


@nt_xent(
    "agrees with a double loop over all embeddings",
    hint="Write the sum out for B = 2 on paper: four turns, three candidates in each. Compare term by term.",
    weight=2,
    broad=True,
)
@pytest.mark.parametrize("batch, width, temperature", [(4, 3, 0.1), (3, 8, 0.5), (5, 2, 2.0)])
def test_nt_xent_agrees_with_a_loop(student, rng, batch, width, temperature):
    assert_exact(student, NT_XENT, rng, batch, width, temperature)


@nt_xent(
    "has the right gradient for both views",
    hint="Values can be right where gradients are not. Is any part of your formula cut off from its input?",
    weight=3,
)
def test_nt_xent_gradients(student, rng):
    a, b = embeddings(rng, 4, 3, torch.float64)
    NT_XENT.assert_gradients(student, a, b, 0.3, what="gradient", atol=1e-6)


@nt_xent(
    "does not care about lengths from 0.001 to 1000",
    hint="A small number added to a length matters when the length is small, too.",
    weight=2,
)
def test_nt_xent_of_all_lengths(student, rng):
    assert_lengths_do_not_matter(student, NT_XENT, rng)


@nt_xent(
    "is finite at temperature 0.005 in every row, and so is its gradient",
    hint="Everyone is most similar to itself. What is left of the others if that similarity sets the scale?",
    weight=2,
)
def test_nt_xent_is_finite_when_cold(student, rng):
    view1 = torch.eye(4, 8) + 0.1 * drawn(rng, 4, 8)
    view2 = torch.eye(4, 8).roll(4, 1) + 0.1 * drawn(rng, 4, 8)  # nobody is like anybody
    view2[1] = view1[0]  # but for one stranger
    assert_finite_when_cold(student, NT_XENT, view1, view2, 20)


@nt_xent(
    "does not depend on the order of the images",
    hint="Shuffle both views alike: the pairs are the same. Does your way of finding partners know that?",
    weight=2,
)
def test_nt_xent_of_shuffled_pairs(student, rng):
    view1, view2 = embeddings(rng, 6, 4)
    order = torch.randperm(6, generator=rng)
    NT_XENT.assert_value(student, view1[order], view2[order], 0.2, about="partner", what="NT-Xent, shuffled")


@nt_xent(
    "computes in the precision of its inputs, and leaves them alone",
    hint="Does some step of yours go through float32, or write into what it was given?",
)
def test_nt_xent_follows_the_dtype(student, rng):
    assert_precise(student, NT_XENT, rng)


@nt_xent(
    "works on the device of its inputs",
    hint="On a GPU every tensor that you make must live there, too.",
    weight=2,
)
def test_nt_xent_follows_the_device(student, rng):
    assert_loss_follows_device(student, NT_XENT, rng)
