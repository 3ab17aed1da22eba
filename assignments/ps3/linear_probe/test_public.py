"""Public checks of the linear probe: small cases, worked out by hand or from a formula."""

import math

import torch

from kit import Lib, assert_same, exercise, expect_number, expect_tensor, expect_tuple, load_helpers

extract_features = exercise("probe-extract-features")
standardize = exercise("probe-standardize")
fit = exercise("probe-fit")
accuracy = exercise("probe-accuracy")

helpers = load_helpers(__file__)

# --- extract_features -------------------------------------------------------------------------------------------------

WEIGHTS = {
    "conv.weight": torch.linspace(-0.5, 0.5, 108).reshape(6, 2, 3, 3),
    "conv.bias": torch.tensor([0.3, -0.2, 0.1, 0.4, -0.1, 0.2]),
    "norm.weight": torch.tensor([1.0, 2.0, 0.5, 1.5, 1.0, 0.8]),
    "norm.bias": torch.tensor([0.1, 0.3, 0.5, 0.2, 0.4, 0.6]),
    "norm.running_mean": torch.tensor([0.2, -0.1, 0.0, 0.3, 0.1, -0.2]),
    "norm.running_var": torch.tensor([1.0, 0.5, 2.0, 1.5, 0.7, 1.2]),
    "norm.num_batches_tracked": torch.tensor(3),
}


def small_encoder(student):
    """Convolution, BatchNorm, Dropout: (B, 2, H, W) -> (B, 6), with known weights, in training mode."""
    return student.build(Lib("ps3.linear_probe.parts.TinyEncoder"), 6, channels=2).load(WEIGHTS)


def any_encoder(student):
    """The same with weights that make the features known in every mode."""
    return small_encoder(student).load(helpers.with_levels(WEIGHTS))


def numbered_images(count, height=2, width=3):
    """Images (count, 1, H, W) that hold 0, 1, 2, ... in order."""
    return torch.arange(float(count * height * width)).reshape(count, 1, height, width)


@extract_features(
    "runs the encoder in eval mode",
    hint="One image alone and in a batch must give the same numbers. Which layers look at their neighbours?",
)
def test_features_are_those_of_eval_mode(student, rng):
    images = torch.rand(6, 2, 4, 5, generator=rng)
    features = student.extract_features(small_encoder(student), images, 3)
    expected = helpers.written_out(WEIGHTS, images).float()
    what = "features of a small encoder with BatchNorm and Dropout"
    features = expect_tensor(features, what=what, shape=(6, 6), dtype="floating")
    features, expected = (
        part[part.sum(dim=1).argsort()] for part in (features, expected)
    )  # their order is the next test
    assert_same(features, expected, what=what, any_float=True)


@extract_features(
    "returns every image's features, in order",
    hint="Seven images in batches of three: what becomes of the last? And this encoder has no parameters.",
)
def test_no_image_is_lost_and_the_order_is_kept(student):
    images = numbered_images(7)
    features = student.extract_features(student.build(Lib("ps3.linear_probe.parts.BatchRecorder")), images, 3)
    what = "features of seven images, with an encoder that returns the pixels"
    assert_same(features, images.flatten(1), what=what, any_float=True)


@extract_features(
    "goes batch by batch, without gradients, each image once",
    hint="How many images does the encoder see at a time, and does torch keep what it needs for a backward pass?",
)
def test_batches_have_the_size_asked_for(student):
    recorder = student.build(Lib("ps3.linear_probe.parts.BatchRecorder"))
    features = student.extract_features(recorder, numbered_images(7), batch_size=3)
    helpers.assert_pixels(features, numbered_images(7), "features, of an encoder that returns the pixels,")
    calls = recorder.call("seen")
    sizes = sorted((size for size, _, _ in calls), reverse=True)
    message = f"7 images with batch_size=3 went through the encoder in batches of {sizes}"
    assert len(sizes) == 3 and max(sizes) <= 3 and sum(sizes) == 7, message
    assert not any(gradients for _, _, gradients in calls), "gradients were on while the encoder ran"
    assert not any(training for _, training, _ in calls), "the encoder ran in training mode"


@extract_features(
    "gives an encoder its training mode back", hint="You switch it to eval mode. In which mode did you receive it?"
)
def test_the_mode_is_given_back(student, rng):
    for mode in (True, False):
        encoder = any_encoder(student).train(mode)
        features = student.extract_features(encoder, torch.rand(3, 2, 4, 5, generator=rng))
        helpers.assert_levels(features, 3, 6)
        after = encoder.state().training
        expected = dict.fromkeys(("", "conv", "norm", "drop"), mode)
        assert after == expected, f"training was {mode} everywhere, and is now {after}"


@extract_features(
    "leaves the running statistics as they were",
    hint="BatchNorm updates its running mean whenever it runs in training mode, with gradients or without.",
)
def test_the_running_statistics_stay(student, rng):
    encoder = any_encoder(student)
    features = student.extract_features(encoder, torch.rand(5, 2, 4, 6, generator=rng))
    helpers.assert_levels(features, 5, 6)
    buffers = encoder.state().buffers
    for name in ("norm.running_mean", "norm.running_var", "norm.num_batches_tracked"):
        assert_same(buffers.get(name), WEIGHTS[name], what=f"the buffer {name} afterwards", atol=0)


@extract_features(
    "returns an ordinary tensor",
    hint="Does it still drag the encoder's gradients along? Or is it of a kind that torch refuses to train on?",
)
def test_features_are_an_ordinary_tensor(student, rng):
    features = student.extract_features(any_encoder(student), torch.rand(3, 2, 4, 5, generator=rng))
    helpers.assert_levels(features, 3, 6)
    expect_tensor(features, what="features", dtype=torch.float32)
    assert not student.flags, f"the features carry: {', '.join(sorted(student.flags))}"


@extract_features(
    "leaves torch as it was",
    hint="The next training needs gradients. Is each switch of torch that you turn off on again afterwards?",
)
def test_torch_is_left_as_it_was(student, rng):
    features = student.extract_features(any_encoder(student), torch.rand(3, 2, 4, 5, generator=rng))
    changed = student.changed_modes
    helpers.assert_levels(features, 3, 6)
    assert not changed, f"changed in torch, and left so: {', '.join(sorted(changed))}"


# --- standardize ------------------------------------------------------------------------------------------------------


@standardize(
    "gives each feature mean 0 and deviation 1",
    hint="Each feature is a column. Over what do you take mean and deviation, and what do you add to them?",
)
def test_each_feature_gets_mean_0_and_deviation_1(student):
    train = torch.tensor([[1.0, 100.0], [3.0, 300.0], [5.0, 200.0], [7.0, 400.0]])
    results, what = helpers.standardized(student, train, train[:2]), "the features 1 3 5 7 and 100 300 200 400"
    about = {"scale", "mean", "each feature"}
    helpers.assert_standardized(results, train, train[:2], about=about, what=what)


def small_sets(rng):
    """Two features that can be followed by hand, and one that is drawn."""
    train, test = torch.tensor([[1.0, 10.0], [3.0, 50.0], [5.0, 30.0]]), torch.tensor([[7.0, 90.0], [9.0, 70.0]])
    scale = 1 + torch.rand(1, generator=rng)
    return tuple(torch.cat([part, scale * part[:, :1] ** 2], dim=1) for part in (train, test))


@standardize("returns train first, then test", hint="Both come back in the order in which they were given.")
def test_standardize_returns_train_first(student, rng):
    train, test = small_sets(rng)
    first, second = expect_tuple(student.standardize(train, test), 2, what="standardize")
    expect_tensor(first, what="the first result", shape=(3, 3), dtype="floating")
    expect_tensor(second, what="the second result", shape=(2, 3), dtype="floating")
    what = "train 1 3 5 and test 7 9, ten times 1 5 3 and 9 7, and a drawn feature"
    helpers.assert_standardized((first, second), train, test, about={"order"}, what=what)


@standardize(
    "treats test images by the training set's statistics",
    hint="A test image must not know of the other test images. Whose mean do you take from it?",
)
def test_test_images_use_the_training_statistics(student, rng):
    train, test = small_sets(rng)
    results = helpers.standardized(student, train, test)
    helpers.assert_standardized(results, train, test, about={"whose"}, what="train 1 3 5 and test 7 9")


@standardize(
    "makes a constant feature small, and no NaN",
    hint="Mean and deviation of a hundred equal numbers are rounded. What is a small error over another one?",
)
def test_a_constant_feature_becomes_small(student):
    constants = torch.tensor([0.0, 5.0, 0.1, 100.3])
    train = torch.cat([constants.repeat(100, 1), torch.arange(100.0)[:, None]], dim=1)
    result, _ = helpers.standardized(student, train, train[:3])
    largest, at = result[:, :4].abs().max(dim=0).values.max(dim=0)
    message = f"a feature that is always {constants[at]:g} becomes {largest:.3g} in train; allowed is 0.001"
    assert largest < 1e-3, message
    assert result[:, 4].std() > 0.1, "beside a constant feature, the one from 0 to 99 has no deviation left"


# --- fit_linear_probe -------------------------------------------------------------------------------------------------


@fit(
    "solves the case of two images by hand",
    hint="The text derives where the slope is 0. Do you minimise the same objective, of the features as they are?",
)
def test_fit_of_two_images(student):
    features, labels = torch.tensor([[-1.0], [1.0]]), torch.tensor([0, 1])
    weight, _ = helpers.fitted(student, features, labels, 2, 1.0)
    expected = torch.tensor([[-0.3374], [0.3374]])
    assert_same(weight, expected, what="weight for -1 and 1 with l2 = 1", atol=2e-2, any_float=True)


@fit(
    "does not penalise the bias",
    hint="Features that say nothing leave only the bias. Which probabilities should it give to a rare class?",
)
def test_the_bias_is_free(student):
    labels = torch.tensor([0] * 12 + [1] * 6 + [2] * 2)
    features = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(10, 1)
    _, bias = helpers.fitted(student, features, labels, 3, 0.5)
    expected = torch.tensor([math.log(12), math.log(6), math.log(2)])
    centred, expected = (bias - bias.mean()).to(expected), expected - expected.mean()
    orders = [expected, expected.roll(1), expected.roll(2)]  # which row belongs to which class is another test
    nearest = min(orders, key=lambda order: (centred - order).abs().max().item())
    what = "bias, minus its mean, for 12, 6 and 2 images of three classes"
    assert_same(centred, nearest, what=what, atol=0.25)


@fit(
    "reaches the bottom of the objective",
    hint="Move your answer a little: does the objective fall? Then you stopped too early, or minimised something else.",
)
def test_fit_reaches_the_bottom(student, rng):
    features, labels = helpers.clouds(rng)
    for l2 in (0.3, 0.03):
        pair = helpers.fitted(student, features, labels, 3, l2)
        helpers.assert_at_the_bottom(pair, features, labels, l2, f"three clouds, l2 = {l2}")


@fit(
    "returns plain tensors of the shapes and the dtype that the text names",
    hint="What you train is made for training; what you return should be numbers only. Is a row a class or a feature?",
)
def test_fit_returns_plain_tensors(student, rng):
    for dtype in (torch.float32, torch.float64):
        features, labels = helpers.clouds(rng, dtype=dtype)
        weight, bias = expect_tuple(student.fit_linear_probe(features, labels, 3, 0.1), 2, what="fit_linear_probe")
        expect_tensor(weight, what="weight", shape=(3, 4), dtype=dtype)
        expect_tensor(bias, what="bias", shape=(3,), dtype=dtype)
        assert not student.flags, f"weight or bias carries: {', '.join(sorted(student.flags))}"
        own = (features @ weight.T + bias).softmax(dim=1)[torch.arange(len(labels)), labels].mean().item()
        assert own > 0.38, f"the probability of an image's own class is {own:.2f} on average: guessing gives 0.33"


# --- accuracy ---------------------------------------------------------------------------------------------------------


@accuracy(
    "is a Python float from 0 to 1",
    hint="The text asks for a Python float between 0 and 1: no tensor, no percent.",
)
def test_accuracy_is_a_float_from_0_to_1(student, rng):
    scores = torch.tensor([[2.0, 1.0], [0.0, 3.0], [4.0, 0.0], [1.0, 0.0], [0.0, 0.5]])
    scores, labels = scores + torch.rand(1, generator=rng), torch.tensor([0, 1, 0, 1, 0])
    value = expect_number(student.accuracy(torch.eye(2), torch.zeros(2), scores, labels), what="accuracy")
    # Right: 0.6. As a count, over the classes, the wrong ones, the mean of the classes or of the probability, the best
    # image for each class: other tests are about those.
    near = any(abs(value - share) < 1e-2 for share in (0.6, 3.0, 1.5, 0.4, 7 / 12, 0.6624))
    assert near, f"three of five images are right, but accuracy is {value:.4g}"


@accuracy(
    "is the share of images whose label has the highest score",
    hint="Count by hand: which of the three images are right? What do you divide by?",
)
def test_accuracy_of_three_images(student, rng):
    scores, labels = torch.tensor([[2.0, 1.0], [0.0, 3.0], [1.0, 0.0]]), torch.tensor([0, 1, 1])
    scores = scores + torch.rand(1, generator=rng)
    value = helpers.one_share(student.accuracy(torch.eye(2), torch.zeros(2), scores, labels))
    right = any(abs(value - share) < 1e-6 for share in (2 / 3, 200 / 3))  # percent is the test above
    assert right, f"two of three images are right, but accuracy is {value:.4g}"


@accuracy("adds the bias to the scores", hint="Which class wins where all features are 0?")
def test_accuracy_uses_the_bias(student, rng):
    features, labels = torch.tensor([[0.0], [1.0], [3.0], [0.5], [1.5]]), torch.tensor([1, 1, 0, 1, 0])
    weight, bias = torch.tensor([[1.0], [0.0]]), torch.tensor([0.0, 2.0]) + torch.rand(1, generator=rng)
    value = helpers.one_share(student.accuracy(weight, bias, features, labels))
    # Right: 0.8. In percent, as a count, over the classes, the wrong ones, the mean of the classes or of the
    # probability: other tests are about those.
    allowed = (0.8, 80.0, 4.0, 2.0, 0.2, 0.75, 0.7076)
    near = any(abs(value - share) < 1e-4 for share in allowed)
    assert near, f"with their biases four of five images are right, but accuracy is {value:.4g}"
