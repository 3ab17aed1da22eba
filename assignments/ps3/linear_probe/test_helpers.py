"""What the public and the hidden tests of the linear probe share."""

import torch
from torch.nn import functional as F

from kit import assert_same, expect_number, expect_tensor, expect_tuple


def written_out(weights, images):
    """What a TinyEncoder with these weights makes of images in eval mode: features (N, D) in float64."""
    w, per_map = {name: value.double() for name, value in weights.items()}, (-1, 1, 1)
    x = F.conv2d(images.double(), w["conv.weight"], w["conv.bias"], padding=1)
    x = (x - w["norm.running_mean"].view(per_map)) / (w["norm.running_var"].view(per_map) + 1e-5).sqrt()
    return (x * w["norm.weight"].view(per_map) + w["norm.bias"].view(per_map)).clamp(min=0).mean(dim=(2, 3))


def with_levels(weights):
    """The weights of a TinyEncoder that gives, of any image in any mode, the features 1, 8, 64, ...

    In training mode Dropout leaves some noise on them.
    """
    dim = len(weights["norm.bias"])
    return weights | {"norm.weight": torch.zeros(dim), "norm.bias": 8.0 ** torch.arange(dim)}


def assert_levels(features, rows, width):
    """Features of a TinyEncoder with such weights; the mode that it ran in and their dtype other tests are about."""
    features = expect_tensor(features, what="features", shape=(rows, width), dtype="floating")
    assert not features.is_meta, "the features have a shape but no numbers"
    levels = 8.0 ** torch.arange(width)
    near = ((features > 0.2 * levels) & (features < 1.8 * levels)).double().mean().item()
    assert near > 0.8, f"only {near:.0%} of the features are what the encoder puts out"


def assert_pixels(features, images, what):
    """Every image's pixels are one row of the features, in whatever order and floating dtype."""
    rows, pixels = expect_tensor(features, what=what, dtype="floating"), images.flatten(1)
    assert rows.shape == pixels.shape and not rows.is_meta, f"{what} have shape {tuple(rows.shape)}"
    rows, pixels = (part[part[:, 0].argsort()] for part in (rows, pixels))
    assert_same(rows, pixels, what=f"{what}, sorted", any_float=True)


def standardized(student, train, test):
    """The student's two tensors by name, of numbers; their order and dtype other tests are about."""
    results = expect_tuple(student.standardize(train, test), 2, what="standardize")
    if len(train) != len(test) and [len(expect_tensor(part, what="a result")) for part in results] == [
        len(test),
        len(train),
    ]:
        results = results[::-1]
    for result, given, name in zip(results, (train, test), ("train", "test"), strict=True):
        expect_tensor(result, what=name, shape=tuple(given.shape), dtype="floating")
        assert not result.is_meta, f"{name} has a shape but no numbers"
    return results


def readings(train, test):
    """Train and test as they should be, in float64, and as they would be if one property alone were missed.

    The first list holds both deviations. For each property: pairs (train, test).
    """
    train, test = train.double(), test.double()
    mean, biased, unbiased = train.mean(dim=0), train.std(dim=0, correction=0), train.std(dim=0)
    least, spread = train.amin(dim=0), train.amax(dim=0) - train.amin(dim=0)
    both = torch.cat([train, test])

    def by(shift, scale):
        return (train - shift) / scale, (test - shift) / scale

    def rows(part):
        return (part - part.mean(dim=1, keepdim=True)) / part.std(dim=1, keepdim=True)

    by_their_own = [(test - test.mean(dim=0)) / test.std(dim=0, correction=correction) for correction in (0, 1)]
    right = [by(mean, unbiased), by(mean, biased)]
    return right, {
        "scale": [by(mean, 1), by(mean, unbiased**2), by(mean, biased**2), by(least, spread)],
        "mean": [by(0, unbiased), by(0, biased)],
        "each feature": [by(train.mean(), train.std()), (rows(train), rows(test))],
        "small": [by(mean, unbiased + 1e-2), by(mean, biased + 1e-2)],
        "one deviation": [(right[0][0], right[1][1]), (right[1][0], right[0][1])],
        "whose": [
            *((own, by_itself) for own, _ in right for by_itself in by_their_own),
            by(both.mean(dim=0), both.std(dim=0)),
            by(both.mean(dim=0), both.std(dim=0, correction=0)),
        ],
    }


def assert_standardized(results, train, test, *, about, what, rtol=1.1e-2):
    """Both results are right, with one of the two deviations, or have one mistake that another test is about."""
    right, mistakes = readings(train, test)
    excused = [pair for name, pairs in mistakes.items() if name not in about for pair in pairs]
    if any(near(results, pair, rtol) for pair in excused):
        return
    pair = min(right, key=lambda pair: (results[0].double() - pair[0]).abs().max().item())
    for result, wanted, name in zip(results, pair, ("train", "test"), strict=True):
        assert_same(result, wanted, what=f"{what}: {name}", atol=2e-3, rtol=rtol, any_float=True)


def near(results, pair, rtol):
    parts = zip(results, pair, strict=True)
    return all(torch.allclose(result.double(), wanted, atol=2e-3, rtol=rtol) for result, wanted in parts)


def clouds(rng, counts=(12, 20, 8), dim=4, dtype=torch.float32):
    """Features (N, dim), nearly standardised, and labels: overlapping clouds in random order."""
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    labels = labels[torch.randperm(len(labels), generator=rng)]
    centres = torch.randn(len(counts), dim, generator=rng, dtype=torch.float64)
    features = 0.6 * centres[labels] + torch.randn(len(labels), dim, generator=rng, dtype=torch.float64)
    return features.to(dtype), labels


def fitted(student, features, labels, classes, *l2):
    """The student's weight and bias, of numbers; which way the weight lies and its dtype other tests are about."""
    pair = expect_tuple(student.fit_linear_probe(features, labels, classes, *l2), 2, what="fit_linear_probe")
    weight, bias = (expect_tensor(part, what=name) for part, name in zip(pair, ("weight", "bias"), strict=True))
    weight = weight.T if weight.shape == (features.shape[1], classes) != (classes, features.shape[1]) else weight
    for part, name, shape in ((weight, "weight", (classes, features.shape[1])), (bias, "bias", (classes,))):
        expect_tensor(part, what=name, shape=shape, dtype="floating")
        assert not part.is_meta, f"the {name} has a shape but no numbers"
    return weight, bias


def limit_of(features):
    return 1e-4 if features.dtype == torch.float64 else 1e-3


def assert_at_the_bottom(pair, features, labels, l2, what):
    """No entry of the gradient of mean cross-entropy + l2 / 2 * |weight|^2, in float64, is above the limit."""
    limit = limit_of(features)
    weight, bias, features = (part.double() for part in (*pair, features))
    excess = (features @ weight.T + bias).softmax(dim=1) - F.one_hot(labels, len(bias)).double()
    slopes = {"weight": excess.T @ features / len(features) + l2 * weight, "bias": excess.mean(dim=0)}
    for name, slope in slopes.items():
        largest = slope.abs().max().item()
        message = f"{what}: the objective still slopes by {largest:.2g} along the {name}; near enough is {limit:g}"
        assert largest < limit, message


def one_share(value, what="accuracy"):
    """The number that accuracy gave, whatever kind of number it is: other tests are about that."""
    if isinstance(value, torch.Tensor):
        number = expect_tensor(value, what=what)
        assert number.numel() == 1 and not number.is_meta, f"{what} is a tensor of shape {tuple(number.shape)}"
        return number.double().item()
    return expect_number(float(value) if type(value) is int else value, what=what)
