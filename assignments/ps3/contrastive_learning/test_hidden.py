# kit-canary-60b09308d7aff85cc5f7d1b7: not to be published
"""Hidden tests of the contrastive problem: random inputs against slow loops, laws, gradients, float64."""

import pytest
import torch

from kit import CheckFailed, Lib, Seed, assert_same, exercise, expect_tensor, expect_tuple, load_helpers

crop = exercise("nce-crop-and-resize")
two_views = exercise("nce-two-views")
info_nce = exercise("nce-info-nce")
nt_xent = exercise("nce-nt-xent")

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


def assert_crops_agree(student, images, boxes, size, what):
    crops = student.crop_and_resize(images, boxes, size)
    assert_same(crops, slow_crop(images, boxes, size).float(), what=what, atol=1e-4)


@crop(
    "agrees with a slow loop on random images and boxes",
    hint="Height and width of the image, of the box and of the output are six different numbers.",
)
@pytest.mark.parametrize("shape, size", [((3, 3, 8, 13), 5), ((2, 1, 11, 6), 8), ((2, 5, 5, 9), 3)])
def test_crop_agrees_with_a_loop(student, rng, shape, size):
    images, boxes = drawn(rng, *shape), boxes_inside(rng, shape[0])
    assert_crops_agree(student, images, boxes, size, f"crops of {shape} at size {size}")


@crop(
    "returns the place where it looked, when the image holds coordinates",
    hint="Feed it an image whose value is the row (or column) of each pixel. What should output pixel i hold?",
)
def test_crop_of_coordinates_is_where_it_looked(student, rng):
    height, width, size = 9, 14, 6
    rows = torch.arange(height).float().view(1, 1, -1, 1).expand(2, 1, height, width)
    columns = torch.arange(width).float().view(1, 1, 1, -1).expand(2, 1, height, width)
    extent = drawn(rng, 2, 2, low=0.3, high=0.6)
    boxes = torch.cat([drawn(rng, 2, 2, low=0.2, high=0.3), extent], dim=1)
    crops = student.crop_and_resize(torch.cat([rows, columns], dim=1), boxes, size)
    steps = (torch.arange(size) + 0.5) / size
    down = (boxes[:, :1] + steps * boxes[:, 2:3]) * height - 0.5  # (2, size)
    right = (boxes[:, 1:2] + steps * boxes[:, 3:]) * width - 0.5
    expected = torch.stack([down[:, :, None].expand(-1, -1, size), right[:, None, :].expand(-1, size, -1)], dim=1)
    assert_same(crops, expected, what="crops of an image of coordinates", atol=1e-3)


@crop(
    "handles boxes that touch the image's border",
    hint="A box may begin at 0 and end at 1. What do you read beyond the last pixel's centre?",
)
def test_crop_at_the_border(student, rng):
    images = drawn(rng, 4, 2, 6, 10, low=1.0, high=2.0)
    a, b, c = (drawn(rng, 1, low=0.15, high=0.4).item() for _ in range(3))
    boxes = torch.tensor([[0.0, 0.0, 1.0, 1.0], [0.0, b, a, 1 - b], [1 - a, 0.0, a, c], [1 - b, 1 - c, b, c]])
    assert_crops_agree(student, images, boxes, 12, "crops at the border")


@crop(
    "handles boxes smaller than a pixel and crops of a single pixel",
    hint="Nothing in the text says that a box holds a whole pixel, or that the output has more than one.",
)
def test_crop_of_tiny_boxes_and_outputs(student, rng):
    images = drawn(rng, 2, 3, 5, 7)
    boxes = torch.cat([drawn(rng, 2, 2, low=0.1, high=0.8), drawn(rng, 2, 2, low=0.03, high=0.09)], dim=1)
    for chosen, size in ((boxes, 4), (boxes_inside(rng, 2), 1)):
        assert_crops_agree(student, images, chosen, size, f"crops at size {size}")


@crop(
    "keeps float64 in float64, and leaves its inputs alone",
    hint="In which dtype are the places computed where you look? Do you write into images or boxes?",
)
def test_crop_follows_the_dtype(student, rng):
    images, boxes = drawn(rng, 2, 2, 6, 9, dtype=torch.float64), boxes_inside(rng, 2, torch.float64)
    crops = student.crop_and_resize(images, boxes, 7)
    assert student.unchanged_inputs, "crop_and_resize changed its inputs"
    assert_same(crops, slow_crop(images, boxes, 7), what="crops in float64", atol=1e-6)


@crop("works on the device of its inputs", hint="On a GPU every tensor that you make must live there, too.")
def test_crop_follows_the_device(student, rng):
    images, boxes = drawn(rng, 2, 3, 6, 9), boxes_inside(rng, 2)
    assert_crops_agree(student, images, boxes, 4, "crops")
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
)
@pytest.mark.parametrize("shape, dtype", [((3, 1, 4, 7), torch.float32), ((2, 4, 5, 3), torch.float64)])
def test_two_views_are_the_first_two_draws(student, rng, shape, dtype):
    images, seed = drawn(rng, *shape, dtype=dtype), a_seed(rng)
    views = student.two_views(images, helpers.NOISE, Seed(seed))
    assert_first_two_draws(views, images, seed)
    helpers.assert_in_a_tuple(views)


@two_views(
    "lets the augmentation decide on the size of a view",
    hint="A crop is smaller than its image. Does your function count on equal shapes?",
)
def test_two_views_may_be_smaller_than_the_images(student, rng):
    images, seed = drawn(rng, 2, 3, 5, 6), a_seed(rng)
    views = student.two_views(images, Lib("ps3.contrastive_learning.parts.noisy_corner"), Seed(seed))
    assert_first_two_draws(views, images[:, :, :2, :3], seed)


@two_views(
    "leaves the images as they were", hint="The same images come back in the next epoch. What do they look like then?"
)
def test_two_views_leave_the_images_alone(student, rng):
    images, seed = drawn(rng, 2, 3, 5, 6), a_seed(rng)
    views = student.two_views(images, helpers.NOISE, Seed(seed))
    assert student.unchanged_inputs, "two_views changed its images"
    assert_first_two_draws(views, images, seed)


@two_views(
    "augments the whole batch at once, twice",
    hint="How often is the augmentation called for one batch, and with how many images?",
)
def test_two_views_call_the_augmentation_twice(student, rng):
    counter = student.build(Lib("ps3.contrastive_learning.parts.CountingNoise"))
    expect_tuple(student.two_views(drawn(rng, 3, 2, 5, 4), counter, Seed(a_seed(rng))), 2, what="two_views")
    counts = counter.state().buffers
    assert_same(counts["calls"], torch.tensor(2), what="calls of the augmentation")
    assert_same(counts["images"], torch.tensor(6), what="images that it was given, 3 in the batch")


@two_views(
    "draws anew each time when there is no generator",
    hint="Without a generator the augmentation uses the global one. Who decides where that one begins?",
)
def test_two_views_without_a_generator_are_new_each_time(student):
    images, views = torch.zeros(2, 2, 4, 5), []
    for _ in range(2):
        views += expect_tuple(student.two_views(images, helpers.NOISE), 2, what="two_views")
    for view in views:
        expect_tensor(view, what="a view", shape=(2, 2, 4, 5), dtype=torch.float32)
        assert not view.is_meta, "a view has a shape but no numbers"
    different = len({tuple(view.flatten().tolist()) for view in views})
    assert different == 4, f"only {different} of four views drawn without a generator are different"


@two_views(
    "gives the views back as the augmentation made them",
    hint="Does anything between the augmentation and the reader cut a view off from where it came from?",
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


def cosine(a, b):
    return (a * b).sum() / ((a * a).sum().sqrt() * (b * b).sum().sqrt())


def slow_info_nce(queries, keys, temperature):
    """InfoNCE, one query and one key at a time, in float64."""
    queries, keys = queries.double(), keys.double()
    costs = []
    for i, query in enumerate(queries):
        logits = torch.stack([cosine(query, key) / temperature for key in keys])
        costs.append(logits.logsumexp(0) - logits[i])
    return torch.stack(costs).mean()


def slow_nt_xent(view1, view2, temperature):
    """NT-Xent, one embedding and one candidate at a time, in float64."""
    crowd, batch = [*view1.double(), *view2.double()], len(view1)
    costs = []
    for i, mine in enumerate(crowd):
        logits = {k: cosine(mine, other) / temperature for k, other in enumerate(crowd) if k != i}
        costs.append(torch.stack(list(logits.values())).logsumexp(0) - logits[(i + batch) % (2 * batch)])
    return torch.stack(costs).mean()


def slow_gradients(loss, a, b, temperature):
    a, b = a.clone().requires_grad_(), b.clone().requires_grad_()
    return torch.autograd.grad(loss(a, b, temperature), (a, b))


def assert_loops_agree(student_loss, slow_loss, rng, batch, width, temperature):
    a, b = embeddings(rng, batch, width)
    expected = slow_loss(a, b, temperature).float()
    what = f"the loss of {batch} pairs of width {width} at temperature {temperature}"
    assert_same(student_loss(a, b, temperature), expected, what=what, atol=1e-4)


def assert_gradients_agree(student, name, slow_loss, rng, batch, width):
    a, b = embeddings(rng, batch, width, torch.float64)
    got = student.vjp(name, (a, b, 0.3), wrt=[0, 1])
    for gradient, expected, which in zip(got, slow_gradients(slow_loss, a, b, 0.3), ("first", "second"), strict=True):
        assert_same(gradient, expected, what=f"gradient at the {which} input", atol=1e-6)


def assert_lengths_do_not_matter(student_loss, slow_loss, rng):
    a, b = embeddings(rng, 5, 4)
    a, b = (view * 10 ** drawn(rng, 5, 1, low=-3.0, high=3.0) / view.norm(dim=1, keepdim=True) for view in (a, b))
    what = "the loss of vectors of lengths from 0.001 to 1000"
    assert_same(student_loss(a, b, 0.5), slow_loss(a, b, 0.5).float(), what=what, atol=3e-4)


def assert_finite_when_cold(student, name, slow_loss, a, b, cost):
    loss = getattr(student, name)(a, b, 0.005)
    assert_same(loss, slow_loss(a, b, 0.005).float(), what="the loss at temperature 0.005", atol=2e-2)
    assert loss.item() > cost, f"the loss is {loss.item():.1f}: this case should cost more than {cost}"
    expected = slow_gradients(slow_loss, a.double(), b.double(), 0.005)
    for gradient, wanted in zip(student.vjp(name, (a, b, 0.005), wrt=[0, 1]), expected, strict=True):
        assert_same(gradient, wanted.float(), what="its gradient", atol=1e-2, rtol=1e-3)


def assert_plain(student, student_loss, slow_loss, rng):
    a, b = embeddings(rng, 4, 7, torch.float64)
    loss = student_loss(a, b, 0.4)
    assert student.unchanged_inputs, "the loss changed its inputs"
    assert_same(loss, slow_loss(a, b, 0.4).detach(), what="the loss in float64", atol=1e-7)


def assert_loss_follows_device(student_loss, slow_loss, rng):
    a, b = embeddings(rng, 4, 6)
    assert_same(student_loss(a, b, 0.5), slow_loss(a, b, 0.5).float(), what="the loss", atol=1e-4)
    assert_follows_device(lambda: student_loss(a.to("meta"), b.to("meta"), 0.5), "the loss on another device", ())


# --- info_nce ---------------------------------------------------------------------------------------------------------


@info_nce(
    "agrees with a double loop over queries and keys",
    hint="Write the sum out for B = 2 on paper, with the temperature, and compare it with yours term by term.",
)
@pytest.mark.parametrize("batch, width, temperature", [(5, 3, 0.1), (4, 9, 0.5), (7, 2, 2.0)])
def test_info_nce_agrees_with_a_loop(student, rng, batch, width, temperature):
    assert_loops_agree(student.info_nce, slow_info_nce, rng, batch, width, temperature)


@info_nce(
    "has the right gradient for queries and for keys",
    hint="Values can be right where gradients are not. Is any part of your formula cut off from its input?",
)
def test_info_nce_gradients(student, rng):
    assert_gradients_agree(student, "info_nce", slow_info_nce, rng, 5, 3)


@info_nce(
    "does not care about lengths from 0.001 to 1000",
    hint="A small number added to a length matters when the length is small, too.",
)
def test_info_nce_of_all_lengths(student, rng):
    assert_lengths_do_not_matter(student.info_nce, slow_info_nce, rng)


@info_nce(
    "is finite at temperature 0.005 in every row, and so is its gradient",
    hint="Rows differ: what is a large logit in one row is out of reach in another. What becomes of exp(-200)?",
)
def test_info_nce_is_finite_when_cold(student, rng):
    queries = torch.eye(4, 5)
    keys = torch.eye(4, 5).roll(1, 0) + 0.1 * drawn(rng, 4, 5)
    queries[3] = torch.tensor([0.0, 0.0, 0.0, 0.0, 1.0])  # far from every key
    assert_finite_when_cold(student, "info_nce", slow_info_nce, queries, keys, 50)


@info_nce(
    "keeps float64 in float64, and leaves its inputs alone",
    hint="Does some step of yours fix a dtype, or write into what it was given?",
)
def test_info_nce_follows_the_dtype(student, rng):
    assert_plain(student, student.info_nce, slow_info_nce, rng)


@info_nce("works on the device of its inputs", hint="On a GPU every tensor that you make must live there, too.")
def test_info_nce_follows_the_device(student, rng):
    assert_loss_follows_device(student.info_nce, slow_info_nce, rng)


# --- nt_xent ----------------------------------------------------------------------------------------------------------


@nt_xent(
    "agrees with a double loop over all embeddings",
    hint="Write the sum out for B = 2 on paper: four turns, three candidates in each. Compare term by term.",
)
@pytest.mark.parametrize("batch, width, temperature", [(4, 3, 0.1), (3, 8, 0.5), (5, 2, 2.0)])
def test_nt_xent_agrees_with_a_loop(student, rng, batch, width, temperature):
    assert_loops_agree(student.nt_xent, slow_nt_xent, rng, batch, width, temperature)


@nt_xent(
    "has the right gradient for both views",
    hint="Values can be right where gradients are not. Is any part of your formula cut off from its input?",
)
def test_nt_xent_gradients(student, rng):
    assert_gradients_agree(student, "nt_xent", slow_nt_xent, rng, 4, 3)


@nt_xent(
    "does not care about lengths from 0.001 to 1000",
    hint="A small number added to a length matters when the length is small, too.",
)
def test_nt_xent_of_all_lengths(student, rng):
    assert_lengths_do_not_matter(student.nt_xent, slow_nt_xent, rng)


@nt_xent(
    "is finite at temperature 0.005 in every row, and so is its gradient",
    hint="Everyone is most similar to itself. What is left of the others if that similarity sets the scale?",
)
def test_nt_xent_is_finite_when_cold(student, rng):
    view1 = torch.eye(4, 8) + 0.1 * drawn(rng, 4, 8)
    view2 = torch.eye(4, 8).roll(4, 1) + 0.1 * drawn(rng, 4, 8)  # nobody is like anybody
    view2[1] = view1[0]  # but for one stranger
    assert_finite_when_cold(student, "nt_xent", slow_nt_xent, view1, view2, 20)


@nt_xent(
    "does not depend on the order of the images",
    hint="Shuffle both views alike: the pairs are the same. Does your way of finding partners know that?",
)
def test_nt_xent_of_shuffled_pairs(student, rng):
    view1, view2 = embeddings(rng, 6, 4)
    expected, order = slow_nt_xent(view1, view2, 0.2).float(), torch.randperm(6, generator=rng)
    assert_same(student.nt_xent(view1, view2, 0.2), expected, what="NT-Xent", atol=1e-4)
    assert_same(student.nt_xent(view1[order], view2[order], 0.2), expected, what="NT-Xent, shuffled", atol=1e-4)


@nt_xent(
    "keeps float64 in float64, and leaves its inputs alone",
    hint="Does some step of yours fix a dtype, or write into what it was given?",
)
def test_nt_xent_follows_the_dtype(student, rng):
    assert_plain(student, student.nt_xent, slow_nt_xent, rng)


@nt_xent("works on the device of its inputs", hint="On a GPU every tensor that you make must live there, too.")
def test_nt_xent_follows_the_device(student, rng):
    assert_loss_follows_device(student.nt_xent, slow_nt_xent, rng)
