# kit-canary-60b09308d7aff85cc5f7d1b7: not to be published
"""Hidden tests of the linear probe: other sizes, dtypes and modes, the optimality condition, slow loops."""

import functools
import itertools
import math

import pytest
import torch
from torch.nn import functional as F

from kit import CheckFailed, Lib, assert_same, exercise, expect_tensor, load_helpers

extract_features = exercise("probe-extract-features")
standardize = exercise("probe-standardize")
fit = exercise("probe-fit")
accuracy = exercise("probe-accuracy")

helpers = load_helpers(__file__)

# --- extract_features -------------------------------------------------------------------------------------------------


def random_weights(rng, dim, channels):
    """Weights for TinyEncoder, float32."""

    def draw(*shape):
        return torch.rand(shape, generator=rng)

    return {
        "conv.weight": draw(dim, channels, 3, 3) - 0.5,
        "conv.bias": draw(dim) - 0.5,
        "norm.weight": draw(dim) + 0.5,
        "norm.bias": draw(dim),
        "norm.running_mean": draw(dim) - 0.5,
        "norm.running_var": draw(dim) + 0.5,
        "norm.num_batches_tracked": torch.tensor(11),
    }


@extract_features(
    "gives the same features whatever the batch size",
    hint="Batch sizes that divide the number of images, that do not, and that are larger than it.",
    weight=3,
)
def test_features_do_not_depend_on_the_batch_size(student, rng):
    weights, images = random_weights(rng, 7, 3), torch.rand(6, 3, 5, 8, generator=rng)
    encoder = student.build(Lib("ps3.linear_probe.parts.TinyEncoder"), 7).load(weights)
    expected = helpers.written_out(weights, images).float()
    for size in (1, 4, 50):
        features = student.extract_features(encoder, images, size)
        assert_same(features, expected, what=f"features, batch size {size}", any_float=True)


@extract_features(
    "uses batches of 256 where nothing is said",
    hint="The signature has a default.",
    weight=2,
)
def test_the_default_batch_size_is_256(student, rng):
    recorder = student.build(Lib("ps3.linear_probe.parts.BatchRecorder"))
    images = torch.rand(300, 1, 1, 2, generator=rng)
    features = student.extract_features(recorder, images)
    helpers.assert_pixels(features, images, "features of 300 images, of an encoder that returns the pixels,")
    sizes = [size for size, _, _ in recorder.call("seen")]
    assert len(sizes) == 2 and max(sizes) <= 256, f"300 images went through the encoder in batches of {sizes}"


def half_frozen(student, rng):
    encoder = student.build(Lib("ps3.linear_probe.parts.HalfFrozen"), 4, channels=2)
    return encoder.load(helpers.with_levels(random_weights(rng, 4, 2)))


@extract_features(
    "gives each part of an encoder its own mode back",
    hint="A part of an encoder may be in eval mode while the rest is training, such as a frozen BatchNorm.",
)
def test_every_part_gets_its_own_mode_back(student, rng):
    encoder = half_frozen(student, rng)
    features = student.extract_features(encoder, torch.rand(3, 2, 4, 5, generator=rng))
    helpers.assert_levels(features, 3, 4)
    after = encoder.state().training
    before = {"": True, "conv": True, "norm": False, "drop": True}
    assert before == after, f"training flags before: {before}, after: {after}"


@extract_features(
    "gives back float32, also from a float64 encoder",
    hint="The encoder's dtype decides what it puts out. What does the text promise?",
    weight=2,
)
def test_features_are_float32(student, rng):
    weights, images = random_weights(rng, 5, 2), torch.rand(4, 2, 5, 6, generator=rng)
    encoder = student.build(Lib("ps3.linear_probe.parts.TinyEncoder"), 5, channels=2).load(weights).double()
    features = student.extract_features(encoder, images.double(), 2)
    assert student.unchanged_inputs, "extract_features changed the images"
    assert_same(features, helpers.written_out(weights, images).float(), what="features of an encoder in float64")
    kept = encoder.state().parameters["conv.weight"]
    assert_same(kept, weights["conv.weight"].double(), what="the encoder's weight afterwards", atol=0)


@extract_features(
    "sends each batch to the encoder's device",
    hint="Images wait on the CPU; an encoder may live on a GPU. Who goes where?",
    weight=5,
)
def test_batches_go_to_the_encoders_device(student, rng):
    encoder = student.build(Lib("ps3.linear_probe.parts.Elsewhere"))
    features = student.extract_features(encoder, torch.rand(6, 1, 2, 3, generator=rng), 2)
    expected = torch.tensor([1.0, 2.0]).repeat(6, 1)
    assert_same(features, expected, what="features, of an encoder that returns 1 and 2", any_float=True)
    devices = encoder.call("seen")
    assert len(devices) == 3, f"6 images with batch size 2 went through the encoder in {len(devices)} batches"
    assert set(devices) == {"meta"}, f"the encoder lives on the device meta, its images were on {set(devices)}"


@extract_features(
    "leaves an encoder that can be trained as before",
    hint="Freezing is for the moment only. Whose requires_grad did you change, and who was frozen before you came?",
)
def test_the_encoder_can_be_trained_afterwards(student, rng):
    encoder = half_frozen(student, rng)
    before = encoder.state()
    helpers.assert_levels(student.extract_features(encoder, torch.rand(3, 2, 4, 5, generator=rng)), 3, 4)
    after = encoder.state()
    assert set(before.requires_grad) == {"conv.weight", "conv.bias", "norm.weight", "norm.bias"}, "parameters are gone"
    assert after.requires_grad == before.requires_grad, f"requires_grad is now {after.requires_grad}"
    assert after.objects == before.objects, "parameters or buffers are other objects than before"
    assert after.hooks == before.hooks, f"hooks are left: {after.hooks}"


# --- standardize ------------------------------------------------------------------------------------------------------


def by_hand(train, values, correction):
    """Values standardised by train's statistics, one number at a time, in float64."""
    columns = []
    for column, own in zip(train.T.tolist(), values.T.tolist(), strict=True):
        mean = math.fsum(column) / len(column)
        variance = math.fsum((x - mean) ** 2 for x in column) / (len(column) - correction)
        columns.append([(x - mean) / math.sqrt(variance) for x in own])
    return torch.tensor(columns, dtype=torch.float64).T


@standardize(
    "agrees with a slow loop, with one deviation for both sets",
    hint="N, M and D all differ here. Which of them did you count over?",
    broad=True,
    weight=2,
)
def test_standardize_agrees_with_a_loop(student, rng):
    for rows, others, dim in ((9, 4, 5), (5, 7, 3)):
        scale, shift = 1 + 9 * torch.rand(dim, generator=rng), 20 * torch.rand(dim, generator=rng) - 10
        train = torch.randn(rows, dim, generator=rng) * scale + shift
        test = torch.randn(others, dim, generator=rng) * scale + shift + 3
        results = helpers.standardized(student, train, test)
        wanted = [(by_hand(train, train, correction), by_hand(train, test, correction)) for correction in (0, 1)]
        pair = min(wanted, key=lambda pair: (results[0].double() - pair[0]).abs().max().item())
        for result, right, name in zip(results, pair, ("train", "test"), strict=True):
            what = f"{name}, of {rows} and {others} images"
            assert_same(result, right, what=what, atol=2e-3, rtol=1.1e-2, any_float=True)


@standardize(
    "treats a test image alone as among others",
    hint="Standardise one test image alone, then with others. What may differ?",
    weight=2,
)
def test_a_test_image_alone_is_treated_as_among_others(student, rng):
    train, test = torch.randn(8, 4, generator=rng), 2 * torch.randn(5, 4, generator=rng) + 1
    results = helpers.standardized(student, train, test)
    helpers.assert_standardized(results, train, test, about={"whose"}, what="five test images")
    _, alone = helpers.standardized(student, train, test[2:3])
    assert_same(alone, results[1][2:3].to(alone), what="test image 2 alone", atol=1e-5, any_float=True)


@standardize(
    "does not let small features shrink",
    hint="What you add to a deviation so that nothing is divided by 0 must be small beside a deviation of 0.001.",
    weight=2,
)
def test_small_and_large_features_get_deviation_1(student, rng):
    scale = torch.tensor([1e-3, 1e-2, 1.0, 1e3])
    train, test = torch.randn(30, 4, generator=rng) * scale, torch.randn(6, 4, generator=rng) * scale
    results = helpers.standardized(student, train, test)
    helpers.assert_standardized(results, train, test, about={"small"}, what="deviations from .001 to 1,000")


@standardize(
    "keeps constant features small, in both dtypes and at any size",
    hint="How far is the computed mean of 1,000 equal numbers from the number? Then look at what you divide by.",
)
def test_constant_features_of_any_size_become_small(student):
    constants = torch.tensor([0.0, 0.1, -7.3, 100.3, 1e-4, 333.3, 1.7])
    for dtype, rows in ((torch.float32, 3), (torch.float32, 1000), (torch.float64, 1000)):
        rising = torch.arange(float(rows), dtype=dtype)[:, None]
        train = torch.cat([constants.to(dtype).expand(rows, -1), rising], dim=1)
        result, other = helpers.standardized(student, train, train[:2] + 1)
        largest, at = result[:, :-1].abs().max(dim=0).values.max(dim=0)
        message = f"{rows} times {constants[at]:g} in {dtype} becomes {largest:.3g}; allowed is 0.001"
        assert largest < 1e-3, message
        assert result[:, -1].std() > 1e-3, "beside constant features, one that varies has no deviation left"
        expect_tensor(other, what="test images beside a constant training feature")


@standardize(
    "keeps each dtype, and leaves its inputs alone",
    hint="Inputs of either precision come back in their own. And do you write into what you were given?",
)
def test_standardize_in_float64(student, rng):
    for dtype in (torch.float32, torch.float64):
        train, test = (torch.randn(rows, 3, generator=rng, dtype=dtype) for rows in (7, 4))
        results = helpers.standardized(student, train, test)
        assert student.unchanged_inputs, "standardize changed its inputs"
        helpers.assert_standardized(results, train, test, about={"dtype"}, what=f"{dtype}")
        for result, name in zip(results, ("train", "test"), strict=True):
            expect_tensor(result, what=name, dtype=dtype)


# --- fit_linear_probe -------------------------------------------------------------------------------------------------


def entropy(weight, bias, features, labels, **options):
    return F.cross_entropy(features @ weight.T + bias, labels, **options)


def half_square(weight):
    return weight.square().sum() / 2


def from_the_last(weight):
    return weight - weight[-1:]


def one_hot(labels, bias):
    return F.one_hot(labels, len(bias)).to(bias)


def penalty(weight_of):
    return lambda w, b, x, y, l2: entropy(w, b, x, y) + weight_of(w, x, l2)


def loss(loss_of):
    return lambda w, b, x, y, l2: loss_of(x @ w.T + b, y, b) + l2 * half_square(w)


def in_order_of_appearance(labels):
    seen = list(dict.fromkeys(labels.tolist()))
    return torch.tensor([seen.index(label) for label in labels.tolist()])


OBJECTIVES = {  # for each property, what is minimised if it alone is missed: (weight, bias, features, labels, l2)
    "penalty": [
        penalty(lambda w, x, l2: 0),
        penalty(lambda w, x, l2: 1e-3 * half_square(w)),
        penalty(lambda w, x, l2: 2 * l2 * half_square(w)),
        penalty(lambda w, x, l2: l2 * half_square(w) / w.numel()),
        penalty(lambda w, x, l2: l2 * half_square(w) / len(x)),
        penalty(lambda w, x, l2: l2 / 2 * w.norm()),
        penalty(lambda w, x, l2: l2 / 2 * w.abs().sum()),
        penalty(lambda w, x, l2: l2 * half_square(from_the_last(w))),
    ],
    "loss": [
        loss(lambda scores, y, b: F.cross_entropy(scores.softmax(dim=1), y)),
        loss(lambda scores, y, b: F.binary_cross_entropy_with_logits(scores, one_hot(y, b))),
        loss(lambda scores, y, b: (scores - one_hot(y, b)).square().sum(dim=1).mean() / 2),
        loss(lambda scores, y, b: F.cross_entropy(scores, y, len(y) / y.bincount().to(scores))),
    ],
    "bias": [
        lambda w, b, x, y, l2: entropy(w, b, x, y) + l2 * (half_square(w) + half_square(b)),
        lambda w, b, x, y, l2: entropy(w, 0 * b, x, y) + l2 * half_square(w),
    ],
    "rows": [
        lambda w, b, x, y, l2: entropy(w, b, x, (y + 1) % len(b)) + l2 * half_square(w),
        lambda w, b, x, y, l2: entropy(w, b, x, in_order_of_appearance(y)) + l2 * half_square(w),
    ],
    "features": [
        lambda w, b, x, y, l2: entropy(w, b, (x - x.mean(0)) / (x.std(0) + 1e-6), y) + l2 * half_square(w),
    ],
}


def slope_of(objective, pair, features, labels, l2):
    """The largest entry of the objective's gradient, in float64."""
    weight, bias = (part.double().clone().requires_grad_() for part in pair)
    value = objective(weight, bias, features.double(), labels, l2)
    return max(slope.abs().max().item() for slope in torch.autograd.grad(value, [weight, bias]))


def right_objective(weight, bias, features, labels, l2):
    return entropy(weight, bias, features, labels) + l2 * half_square(weight)


def assert_near_a_bottom(pair, features, labels, l2, what, *, about, limit=5e-2):
    """Near the bottom of the objective, or of one with a mistake that another test is about.

    How near is another test's concern, too: the limit is generous.
    """
    assert pair[0].abs().max() > 0.05, f"{what}: the weight is 0"
    largest = slope_of(right_objective, pair, features, labels, l2)
    others = (other for name, objectives in OBJECTIVES.items() if name != about for other in objectives)
    if largest < limit or any(slope_of(other, pair, features, labels, l2) < limit for other in others):
        return
    raise CheckFailed(f"{what}: the objective slopes by {largest:.2g}")


@fit(
    "reaches the bottom in float64, to 1e-4",
    hint="In which dtype do you compute? And does your method stop because it is done, or because it ran out of steps?",
)
@pytest.mark.parametrize("counts, dim, l2", [((7, 16, 11, 5), 3, 0.1), ((15, 9), 6, 0.01)])
def test_fit_in_float64_reaches_the_bottom(student, rng, counts, dim, l2):
    features, labels = helpers.clouds(rng, counts, dim, torch.float64)
    pair = helpers.fitted(student, features, labels, len(counts), l2)
    helpers.assert_at_the_bottom(pair, features, labels, l2, f"{len(counts)} classes, {dim} features, l2 = {l2}")


def nearly_the_same(rng, counts):
    """Features (N, 16) in float64, standardised, and labels: one strong source in all of them, fifteen faint ones.

    Orthogonal signs mix the sources, so that each feature holds as much of the strong one. As the sources have two
    sizes only, methods that learn the bowl's shape need few steps.
    """
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    labels = labels[torch.randperm(len(labels), generator=rng)]
    centres = 0.3 * torch.randn(len(counts), 16, generator=rng, dtype=torch.float64)
    sources = torch.randn(len(labels), 16, generator=rng, dtype=torch.float64) + centres[labels]
    two = torch.tensor([[1.0, 1.0], [1.0, -1.0]], dtype=torch.float64)
    signs = functools.reduce(torch.kron, 4 * [two])
    sizes = torch.tensor([1.0] + 15 * [0.003], dtype=torch.float64)
    features = sources * sizes @ signs
    return (features - features.mean(dim=0)) / features.std(dim=0), labels


@fit(
    "reaches the bottom where many features say nearly the same",
    hint="Features of a network are like that. The bowl is then long and narrow, and steps of one size creep along it.",
    weight=2,
)
def test_fit_with_many_correlated_features(student, rng):
    # Allowed is 1e-4. Measured with five seeds, rates of .001 to .3, constant or falling: 1,000 steps of Adam end at
    # 1.5e-3 or more, 2,000 at 4.6e-4 or more, 3,000 at 1.6e-4 or more; LBFGS, Newton and their like at 3e-5 or less.
    features, labels = nearly_the_same(rng, (20, 12, 8))
    pair = helpers.fitted(student, features, labels, 3, 1e-4)
    what, limit = "40 images, 16 correlated features", helpers.limit_of(features)
    assert_near_a_bottom(pair, features, labels, 1e-4, what, about="steps", limit=limit)


@fit("takes l2 = 0.001 where nothing is said", hint="The signature has a default. Does the objective?")
def test_the_default_penalty(student, rng):
    labels = torch.tensor([0, 1]).repeat(20)
    features = torch.randn(40, 3, generator=rng) + 0.7 * (2 * labels[:, None] - 1)  # apart, but not cleanly
    pair = helpers.fitted(student, features, labels, 2)
    assert_near_a_bottom(pair, features, labels, 1e-3, "default l2", about="default", limit=5e-3)


@fit(
    "gives features with a mean the bias they need, and leaves them alone",
    hint="A shift of all features can be made good by the bias alone, if nothing holds it back.",
)
def test_fit_with_shifted_features_and_rare_classes(student, rng):
    features, labels = helpers.clouds(rng, (25, 6, 3), 4)
    features = features + torch.tensor([0.8, -0.5, 0.3, 0.0])
    pair = helpers.fitted(student, features, labels, 3, 0.5)
    assert student.unchanged_inputs, "fit_linear_probe changed its inputs"
    assert_near_a_bottom(pair, features, labels, 0.5, "shifted features", about="bias")


@fit(
    "copes with more features than images, and with constant ones",
    hint="With more features than images the classes come apart: only the penalty says where to stop.",
)
def test_fit_with_more_features_than_images(student, rng):
    features, labels = helpers.clouds(rng, (5, 4, 6), 20)
    features[:, 3] = 0.0
    pair = helpers.fitted(student, features, labels, 3, 0.05)
    assert_near_a_bottom(pair, features, labels, 0.05, "15 images, 20 features", about="penalty", limit=1e-2)


@fit(
    "gives every label its own row",
    hint="Here the images of class 2 come first. Which row of your answer belongs to class 2?",
)
def test_rows_belong_to_labels(student, rng):
    features, labels = helpers.clouds(rng, (9, 14, 11), 4)
    features, labels = features[labels.argsort(descending=True)], labels.sort(descending=True).values
    pair = helpers.fitted(student, features, labels, 3, 0.2)
    assert_near_a_bottom(pair, features, labels, 0.2, "three clouds, class 2 first", about="rows")


# --- accuracy ---------------------------------------------------------------------------------------------------------


def counted(weight, bias, features, labels):
    """Accuracy by plain loops."""
    right = 0
    for image, label in zip(features.tolist(), labels.tolist(), strict=True):
        scores = [math.fsum(a * b for a, b in zip(row, image, strict=True)) for row in weight.tolist()]
        scores = [score + own for score, own in zip(scores, bias.tolist(), strict=True)]
        right += scores.index(max(scores)) == label
    return right / len(labels)


@accuracy(
    "counts as a slow loop does, whatever the sizes",
    hint="Images, classes and features differ in number, and common labels count as often as they occur.",
    broad=True,
)
@pytest.mark.parametrize("count, classes, dim", [(40, 5, 3), (23, 3, 7)])
def test_accuracy_agrees_with_a_loop(student, rng, count, classes, dim):
    weight, bias = torch.randn(classes, dim, generator=rng), torch.randn(classes, generator=rng)
    features = torch.randn(count, dim, generator=rng)
    labels = (features @ weight.T + bias).argmax(dim=1)
    wrong = torch.rand(count, generator=rng) < 0.5
    wrong[0] = False
    labels = torch.where(wrong, torch.zeros_like(labels), labels)  # many zeros: classes are not balanced
    value = helpers.one_share(student.accuracy(weight, bias, features, labels))
    expected = counted(weight, bias, features, labels)
    near = any(abs(value - share) < 1e-4 for share in (expected, 100 * expected))  # percent is another test
    assert near, f"accuracy on {count} images is {expected:.4f}, yours is {value:.4f}"


def other_shares(features, labels):
    """What mistakes about the share give where the features are the scores: other tests are about those.

    In percent, as a count, over the classes, the wrong ones, the lowest score's, the mean of the probability, the best
    image for each class, the mean of the classes.
    """
    right = (features.argmax(dim=1) == labels).double()
    share, classes = right.mean(), features.shape[1]
    of_classes = torch.stack([right[labels == label].mean() for label in labels.unique()]).mean()
    probability = features.softmax(dim=1)[torch.arange(len(labels)), labels].mean()
    best = (labels[features.argmax(dim=0)] == torch.arange(classes)).double().sum() / len(labels)
    lowest = (features.argmin(dim=1) == labels).double().mean()
    others = (100 * share, right.sum(), right.sum() / classes, 1 - share, lowest, probability, best, of_classes)
    return [float(other) for other in others]


@accuracy(
    "takes the highest score, not the largest size, and leaves its inputs alone",
    hint="A score may be negative, and far from 0. Does it win then?",
    weight=2,
)
def test_accuracy_with_negative_scores_in_float64(student, rng):
    places = torch.tensor(list(itertools.permutations(range(3))))[:, torch.randperm(3, generator=rng)]
    far_below, near_zero = (torch.tensor(row, dtype=torch.float64)[places] for row in ((-4, 1, 2), (-1, 2, 5)))
    features = torch.cat([far_below, near_zero]) + 0.01 * torch.rand(12, 1, generator=rng, dtype=torch.float64)
    wrong = torch.tensor([0, 3, 6, 10])  # their label has the lowest score
    labels = features.argmax(dim=1).index_put((wrong,), features.argmin(dim=1)[wrong])
    order = torch.randperm(12, generator=rng)
    features, labels = features[order], labels[order]
    weight, bias = torch.eye(3, dtype=torch.float64), torch.full((3,), 0.1, dtype=torch.float64)
    value = helpers.one_share(student.accuracy(weight, bias, features, labels))
    assert student.unchanged_inputs, "accuracy changed its inputs"
    near = any(abs(value - share) < 1e-6 for share in (2 / 3, *other_shares(features, labels)))
    assert near, f"eight of twelve images are right, yours is {value:.4g}"


@accuracy(
    "counts every image once, however rare its label is",
    hint="The share of all images, not the mean of the classes' shares: what is the difference where classes are rare?",
)
def test_accuracy_where_labels_are_rare(student, rng):
    labels = torch.tensor(12 * [0] + 4 * [1] + 2 * [2])
    chosen = torch.tensor(10 * [0] + 2 * [1] + 2 * [1] + 2 * [0] + 2 * [0])  # right are 10, 2 and none
    order = torch.randperm(18, generator=rng)
    labels, chosen = labels[order], chosen[order]
    features = torch.eye(3)[chosen] * (1 + 0.1 * torch.rand(18, 1, generator=rng)) - torch.tensor([0.0, 0.1, 0.2])
    value = helpers.one_share(student.accuracy(torch.eye(3), torch.zeros(3), features, labels))
    *others, _ = other_shares(features, labels)  # not the mean of the classes, which this test is about
    near = any(abs(value - share) < 1e-6 for share in (2 / 3, *others))
    assert near, f"twelve of eighteen images are right, yours is {value:.4g}"


@accuracy(
    "can judge one image alone",
    hint="An image is scored by its own features alone: what the others look like does not matter.",
)
def test_accuracy_of_one_image(student, rng):
    features = torch.tensor([[0.0, 1.0, 3.0]]) + torch.rand(1, 1, generator=rng)
    bias = torch.tensor([0.0, 0.5, 0.0])
    for label, expected in ((2, 1.0), (1, 0.0)):
        value = helpers.one_share(student.accuracy(torch.eye(3), bias, features, torch.tensor([label])))
        near = any(abs(value - share) < 1e-6 for share in (expected, 100 * expected, expected / 3))
        assert near, f"one image that is {'right' if expected else 'wrong'}: {expected:g}, yours is {value:.4g}"
