# kit-canary-60b09308d7aff85cc5f7d1b7: not to be published
"""Hidden tests of the linear probe: other sizes, dtypes and modes, the optimality condition, slow loops."""

import math

import pytest
import torch

from kit import Lib, assert_same, exercise, expect_number, expect_tensor, load_helpers

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
)
def test_features_do_not_depend_on_the_batch_size(student, rng):
    weights, images = random_weights(rng, 7, 3), torch.rand(6, 3, 5, 8, generator=rng)
    encoder = student.build(Lib("ps3.linear_probe.parts.TinyEncoder"), 7).load(weights)
    expected = helpers.written_out(weights, images).float()
    for size in (1, 2, 4, 6, 50):
        assert_same(student.extract_features(encoder, images, size), expected, what=f"features, batch size {size}")
    assert_same(student.extract_features(encoder, images), expected, what="features, default batch size")


@extract_features("uses batches of 256 where nothing is said", hint="The signature has a default.")
def test_the_default_batch_size_is_256(student, rng):
    recorder, images = (
        student.build(Lib("ps3.linear_probe.parts.BatchRecorder")),
        torch.rand(300, 1, 1, 2, generator=rng),
    )
    assert_same(student.extract_features(recorder, images), images.flatten(1), what="features of 300 images")
    sizes = [size for size, _, _ in recorder.call("seen")]
    assert len(sizes) == 2 and max(sizes) <= 256, f"300 images went through the encoder in batches of {sizes}"


@extract_features(
    "gives each part of an encoder its own mode back",
    hint="A part of an encoder may be in eval mode while the rest is training, such as a frozen BatchNorm.",
    weight=2,
)
def test_every_part_gets_its_own_mode_back(student, rng):
    encoder = student.build(Lib("ps3.linear_probe.parts.HalfFrozen"), 4, channels=2)
    before = encoder.state().training
    features = student.extract_features(encoder, torch.rand(3, 2, 4, 5, generator=rng))
    expect_tensor(features, what="features", shape=(3, 4))
    after = encoder.state().training
    assert before == after, f"training flags before: {before}, after: {after}"


@extract_features(
    "gives back float32, also from a float64 encoder",
    hint="The encoder's dtype decides what it puts out. What does the text promise?",
)
def test_features_are_float32(student, rng):
    weights, images = random_weights(rng, 5, 2), torch.rand(4, 2, 5, 6, generator=rng)
    encoder = student.build(Lib("ps3.linear_probe.parts.TinyEncoder"), 5, channels=2).load(weights).double()
    features = student.extract_features(encoder, images.double(), 3)
    assert student.unchanged_inputs, "extract_features changed the images"
    assert_same(features, helpers.written_out(weights, images).float(), what="features of an encoder in float64")
    kept = encoder.state().parameters["conv.weight"]
    assert_same(kept, weights["conv.weight"].double(), what="the encoder's weight afterwards", atol=0)


@extract_features(
    "sends each batch to the encoder's device",
    hint="Images wait on the CPU; an encoder may live on a GPU. Who goes where?",
)
def test_batches_go_to_the_encoders_device(student, rng):
    encoder = student.build(Lib("ps3.linear_probe.parts.Elsewhere"))
    features = student.extract_features(encoder, torch.rand(5, 1, 2, 3, generator=rng), 2)
    expect_tensor(features, what="features", shape=(5, 2))
    devices = encoder.call("seen")
    assert len(devices) == 3, f"5 images with batch size 2 went through the encoder in {len(devices)} batches"
    assert set(devices) == {"meta"}, f"the encoder lives on the device meta, its images were on {set(devices)}"


@extract_features(
    "leaves an encoder that can still be trained",
    hint="Freezing is for the moment only. Whose requires_grad did you change?",
)
def test_the_encoder_can_be_trained_afterwards(student, rng):
    encoder = student.build(Lib("ps3.linear_probe.parts.TinyEncoder"), 4, channels=2)
    images = torch.rand(3, 2, 4, 5, generator=rng)
    expect_tensor(student.extract_features(encoder, images), what="features", shape=(3, 4))
    gradients = student.vjp(encoder, (images,), torch.rand(3, 4, generator=rng), wrt="parameters")
    lost = [name for name, value in gradients.items() if value is None]
    assert not lost, f"no gradient reaches {', '.join(lost)} after extract_features"


# --- standardize ------------------------------------------------------------------------------------------------------


def standardized(student, train, test):
    """The student's two tensors; the inputs must be unchanged."""
    results = helpers.standardized(student, train, test)
    assert student.unchanged_inputs, "standardize changed its inputs"
    return results


def by_hand(train, values, correction):
    """Values standardised by train's statistics, one number at a time."""
    columns = []
    for column, own in zip(train.T.tolist(), values.T.tolist(), strict=True):
        mean = math.fsum(column) / len(column)
        variance = math.fsum((x - mean) ** 2 for x in column) / (len(column) - correction)
        columns.append([(x - mean) / math.sqrt(variance) for x in own])
    return torch.tensor(columns, dtype=torch.float64).T.to(values.dtype)


def assert_standardized(results, train, test, what):
    """Both results are as by hand, with one of the two deviations, the same for both."""
    wanted = [(by_hand(train, train, c), by_hand(train, test, c)) for c in (0, 1)]
    expected = min(wanted, key=lambda pair: (results[0] - pair[0]).abs().max().item())
    for result, right, name in zip(results, expected, ("train", "test"), strict=True):
        assert_same(result, right, what=f"{what}: {name}", atol=2e-3, rtol=1.1e-2)


@standardize(
    "agrees with a slow loop, with one deviation for both sets",
    hint="N, M and D all differ here. Which of them did you count over?",
)
def test_standardize_agrees_with_a_loop(student, rng):
    for rows, others, dim in ((9, 4, 5), (5, 7, 3)):
        scale, shift = 1 + 9 * torch.rand(dim, generator=rng), 20 * torch.rand(dim, generator=rng) - 10
        train = torch.randn(rows, dim, generator=rng) * scale + shift
        test = torch.randn(others, dim, generator=rng) * scale + shift + 3
        assert_standardized(standardized(student, train, test), train, test, f"{rows} and {others} images")


@standardize(
    "treats a test image alone as among others",
    hint="Standardise one test image alone, then with others. What may differ?",
)
def test_a_test_image_alone_is_treated_as_among_others(student, rng):
    train, test = torch.randn(8, 4, generator=rng), 2 * torch.randn(5, 4, generator=rng) + 1
    results = standardized(student, train, test)
    assert_standardized(results, train, test, "five test images")
    _, alone = standardized(student, train, test[2:3])
    assert_same(alone, results[1][2:3], what="test image 2 alone", atol=1e-5)


@standardize(
    "does not let small features shrink",
    hint="What you add to a deviation so that nothing is divided by 0 must be small beside a deviation of 0.001.",
)
def test_small_and_large_features_get_deviation_1(student, rng):
    scale = torch.tensor([1e-3, 1e-2, 1.0, 1e3])
    train, test = torch.randn(30, 4, generator=rng) * scale, torch.randn(6, 4, generator=rng) * scale
    assert_standardized(standardized(student, train, test), train, test, "deviations from .001 to 1,000")


@standardize(
    "keeps constant features small, in both dtypes and at any size",
    hint="How far is the computed mean of 1,000 equal numbers from the number? Then look at what you divide by.",
)
def test_constant_features_of_any_size_become_small(student):
    constants = torch.tensor([0.0, 0.1, -7.3, 100.3, 1e-4, 333.3, 1.7])
    for dtype in (torch.float32, torch.float64):
        for rows in (3, 100, 1000):
            train = constants.to(dtype).expand(rows, -1).contiguous()
            result, other = standardized(student, train, train[:2] + 1)
            largest, at = result.abs().max(dim=0).values.max(dim=0)
            message = f"{rows} times {constants[at]:g} in {dtype} becomes {largest:.3g}; allowed is 0.001"
            assert largest < 1e-3, message
            expect_tensor(other, what="test images beside a constant training feature")


@standardize("keeps float64 in float64", hint="Inputs of either precision come back in their own.")
def test_standardize_in_float64(student, rng):
    train, test = (torch.randn(rows, 3, generator=rng, dtype=torch.float64) for rows in (7, 4))
    assert_standardized(standardized(student, train, test), train, test, "float64")


# --- fit_linear_probe -------------------------------------------------------------------------------------------------


def fitted(student, features, labels, classes, *l2):
    """The student's weight and bias; the inputs must be unchanged."""
    pair = helpers.fitted(student, features, labels, classes, *l2)
    assert student.unchanged_inputs, "fit_linear_probe changed its inputs"
    return pair


@fit(
    "reaches the bottom in float64, to 1e-4",
    hint="In which dtype do you compute? And does your method stop because it is done, or because it ran out of steps?",
    weight=2,
)
@pytest.mark.parametrize("counts, dim, l2", [((7, 16, 11, 5), 3, 0.1), ((15, 9), 6, 0.01)])
def test_fit_in_float64_reaches_the_bottom(student, rng, counts, dim, l2):
    features, labels = helpers.clouds(rng, counts, dim, torch.float64)
    pair = fitted(student, features, labels, len(counts), l2)
    helpers.assert_at_the_bottom(pair, features, labels, l2, f"{len(counts)} classes, {dim} features, l2 = {l2}")


@fit("takes l2 = 0.001 where nothing is said", hint="The signature has a default. Does the objective?")
def test_the_default_penalty(student, rng):
    labels = torch.tensor([0, 1]).repeat(20)
    features = torch.randn(40, 2, generator=rng) + 0.6 * (2 * labels[:, None] - 1)  # apart, but not cleanly
    helpers.assert_at_the_bottom(fitted(student, features, labels, 2), features, labels, 1e-3, "default l2")


@fit(
    "gives features with a mean the bias they need",
    hint="A shift of all features can be made good by the bias alone, if nothing holds it back.",
)
def test_fit_with_shifted_features_and_rare_classes(student, rng):
    features, labels = helpers.clouds(rng, (25, 6, 3), 3)
    features = features + torch.tensor([0.8, -0.5, 0.3])
    helpers.assert_at_the_bottom(fitted(student, features, labels, 3, 0.2), features, labels, 0.2, "shifted features")


@fit(
    "copes with more features than images, and with constant ones",
    hint="With more features than images the classes come apart: only the penalty says where to stop.",
)
def test_fit_with_more_features_than_images(student, rng):
    features, labels = helpers.clouds(rng, (5, 4, 6), 20)
    features[:, 3] = 0.0
    pair = fitted(student, features, labels, 3, 0.05)
    helpers.assert_at_the_bottom(pair, features, labels, 0.05, "15 images, 20 features")


@fit(
    "gives every label its own row",
    hint="Exchange two labels everywhere: which rows of your answer should change places?",
)
def test_rows_belong_to_labels(student, rng):
    features, labels = helpers.clouds(rng, (9, 14, 11), 3)
    order = torch.tensor([2, 0, 1])
    weight, _ = fitted(student, features, labels, 3, 0.2)
    renamed, bias = fitted(student, features, order[labels], 3, 0.2)
    assert_same(renamed[order], weight, what="weight after renaming the labels 0 1 2 to 2 0 1", atol=4e-2)
    helpers.assert_at_the_bottom((renamed, bias), features, order[labels], 0.2, "renamed labels")


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
)
@pytest.mark.parametrize("count, classes, dim", [(40, 5, 3), (23, 3, 7), (1, 4, 2)])
def test_accuracy_agrees_with_a_loop(student, rng, count, classes, dim):
    weight, bias = torch.randn(classes, dim, generator=rng), torch.randn(classes, generator=rng)
    features = torch.randn(count, dim, generator=rng)
    labels = (features @ weight.T + bias).argmax(dim=1)
    wrong = torch.rand(count, generator=rng) < 0.5
    labels = torch.where(wrong, torch.zeros_like(labels), labels)  # many zeros: classes are not balanced
    value = expect_number(student.accuracy(weight, bias, features, labels), what="accuracy")
    expected = counted(weight, bias, features, labels)
    assert abs(value - expected) < 1e-6, f"accuracy on {count} images is {expected:.4f}, yours is {value:.4f}"


@accuracy("takes the highest score, not the largest size", hint="Scores may all be negative. Which one wins then?")
def test_accuracy_with_negative_scores_in_float64(student, rng):
    features = -torch.rand(12, 3, generator=rng, dtype=torch.float64) - 0.1
    weight, bias = torch.eye(3, dtype=torch.float64), torch.full((3,), -5.0, dtype=torch.float64)
    labels = features.argmax(dim=1)
    labels[:3] = (labels[:3] + 1) % 3
    value = expect_number(student.accuracy(weight, bias, features, labels), what="accuracy")
    assert student.unchanged_inputs, "accuracy changed its inputs"
    assert abs(value - 0.75) < 1e-6, f"nine of twelve images are right, yours is {value:.4f}"
