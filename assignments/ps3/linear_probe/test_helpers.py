"""What the public and the hidden tests of the linear probe share."""

import torch
from torch.nn import functional as F

from kit import expect_tensor, expect_tuple


def written_out(weights, images):
    """What a TinyEncoder with these weights makes of images in eval mode: features (N, D) in float64."""
    w, per_map = {name: value.double() for name, value in weights.items()}, (-1, 1, 1)
    x = F.conv2d(images.double(), w["conv.weight"], w["conv.bias"], padding=1)
    x = (x - w["norm.running_mean"].view(per_map)) / (w["norm.running_var"].view(per_map) + 1e-5).sqrt()
    return (x * w["norm.weight"].view(per_map) + w["norm.bias"].view(per_map)).clamp(min=0).mean(dim=(2, 3))


def standardized(student, train, test):
    """The student's two tensors, each like its input in shape and dtype."""
    results = expect_tuple(student.standardize(train, test), 2, what="standardize")
    for result, given, name in zip(results, (train, test), ("train", "test"), strict=True):
        expect_tensor(result, what=name, shape=tuple(given.shape), dtype=given.dtype)
        assert not result.is_meta, f"{name} has a shape but no numbers"
    return results


def clouds(rng, counts=(12, 20, 8), dim=4, dtype=torch.float32):
    """Features (N, dim), nearly standardised, and labels: overlapping clouds in random order."""
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    labels = labels[torch.randperm(len(labels), generator=rng)]
    centres = torch.randn(len(counts), dim, generator=rng, dtype=torch.float64)
    features = 0.6 * centres[labels] + torch.randn(len(labels), dim, generator=rng, dtype=torch.float64)
    return features.to(dtype), labels


def fitted(student, features, labels, classes, *l2):
    """The student's weight and bias, in the right shapes and dtype."""
    pair = expect_tuple(student.fit_linear_probe(features, labels, classes, *l2), 2, what="fit_linear_probe")
    for part, name, shape in zip(pair, ("weight", "bias"), ((classes, features.shape[1]), (classes,)), strict=True):
        expect_tensor(part, what=name, shape=shape, dtype=features.dtype)
        assert not part.is_meta, f"the {name} has a shape but no numbers"
    return pair


def assert_at_the_bottom(pair, features, labels, l2, what):
    """No entry of the gradient of mean cross-entropy + l2 / 2 * |weight|^2, in float64, is above the limit."""
    limit = 1e-4 if features.dtype == torch.float64 else 1e-3
    weight, bias, features = (part.double() for part in (*pair, features))
    excess = (features @ weight.T + bias).softmax(dim=1) - F.one_hot(labels, len(bias)).double()
    slopes = {"weight": excess.T @ features / len(features) + l2 * weight, "bias": excess.mean(dim=0)}
    for name, slope in slopes.items():
        largest = slope.abs().max().item()
        message = f"{what}: the objective still slopes by {largest:.2g} along the {name}; near enough is {limit:g}"
        assert largest < limit, message
