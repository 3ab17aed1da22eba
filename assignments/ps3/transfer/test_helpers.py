"""What the public and the hidden tests of the lesson on transfer share."""

import math

import torch
from torch.nn import functional as F

from kit import CheckFailed, Lib, assert_same, expect_tensor

SMALL = Lib("ps3.transfer.parts.small_classifier")


def classifier(student, rng, kind="tiny", dim=4, channels=3, classes=3, **more):
    """A small classifier with random weights, and these by name, float32."""
    network = student.build(SMALL, kind, dim, channels, classes, **more)
    return network, load_random(network, rng)


def load_random(network, rng):
    weights = random_values(entries(network), rng)
    network.load(weights)
    return weights


def entries(network):
    """Parameters and buffers by name."""
    state = network.state()
    return state.parameters | state.buffers


def random_values(like, rng):
    """Random numbers in the place of all tensors; those that should be positive are, and counts are whole numbers."""

    def draw(name, value):
        if not value.dtype.is_floating_point:
            return torch.randint(3, 90, value.shape, generator=rng)
        numbers = torch.rand(value.shape, generator=rng)
        return numbers + 0.5 if "var" in name or name.endswith("norm.weight") else 2 * numbers - 1

    return {name: draw(name, value) for name, value in like.items()}


def is_head(name):
    return name.startswith("head.")


# --- few_labels -------------------------------------------------------------------------------------------------------


def places(answer, labels, what="places"):
    """The student's places as a list of ints, of whatever whole dtype; every one a place in labels."""
    found = expect_tensor(answer, what=what, dtype="integer")
    assert found.dim() == 1 and not found.is_meta, f"{what}: expected one axis and numbers, got {tuple(found.shape)}"
    outside = [place for place in found.tolist() if not 0 <= place < len(labels)]
    assert not outside, f"{what}: {outside[0]} is no place among {len(labels)} labels"
    return found.tolist()


def counted(found, labels):
    """How many places of each class, in the order of the classes."""
    of = [labels[place].item() for place in found]
    return {label: of.count(label) for label in sorted(set(labels.tolist()))}


def assert_balanced(found, labels):
    """Every class has places, and all have the same number: how many, and which, other tests ask."""
    counts = counted(found, labels)
    assert len(set(counts.values())) == 1 and min(counts.values()) > 0, f"places of each class: {counts}"


def drawn_labels(rng, counts):
    """Labels in random order; counts: class -> how many."""
    labels = torch.cat([torch.full((count,), label) for label, count in counts.items()])
    return labels[torch.randperm(len(labels), generator=rng)]


# --- load_backbone ----------------------------------------------------------------------------------------------------


def changed(before, after):
    """Names of entries whose values are no longer the same."""
    return sorted(name for name in before if not torch.equal(before[name], after[name]))


def another_state(rng, like, classes=5):
    """The state of another classifier with so many classes: random values."""
    state = random_values(like, rng)
    dim = like["head.weight"].shape[1]
    heads = {"head.weight": torch.rand(classes, dim, generator=rng), "head.bias": torch.rand(classes, generator=rng)}
    return state | {name: value for name, value in heads.items() if name in like}


def assert_taken(found, state, names, what):
    """These entries have the values of the state."""
    for name in names:
        assert_same(found[name], state[name], what=f"{what}: {name}", atol=0)


# --- parameter_groups -------------------------------------------------------------------------------------------------


def grouped(answer, weights):
    """(name, rate, decay) of every parameter in the student's groups, in order.

    weights: the network's parameters by name; a parameter is known by its shape and its numbers.
    """
    assert isinstance(answer, (list, tuple)), f"expected a list of groups, got a {type(answer).__name__}"
    found = []
    for n, group in enumerate(answer):
        assert isinstance(group, dict), f"group {n}: expected a dict, got a {type(group).__name__}"
        missing = {"params", "lr", "weight_decay"} - set(group)
        assert not missing, f"group {n} has no {', '.join(sorted(missing))}"
        tensors = group["params"] if isinstance(group["params"], (list, tuple)) else [group["params"]]
        rate, decay = (_number(group[key], f"{key} of group {n}") for key in ("lr", "weight_decay"))
        found += [(_name_of(tensor, weights, n), rate, decay) for tensor in tensors]
    return found


def _number(value, what):
    if isinstance(value, torch.Tensor) and value.numel() == 1:
        value = value.item()
    assert isinstance(value, (int, float)) and not isinstance(value, bool), f"{what} is a {type(value).__name__}"
    return float(value)


def _name_of(tensor, weights, group):
    tensor = expect_tensor(tensor, what=f"a parameter of group {group}")
    for name, value in weights.items():
        if value.shape == tensor.shape and torch.equal(value, tensor.to(value)):
            return name
    raise CheckFailed(
        f"group {group} holds a tensor of shape {tuple(tensor.shape)} that is no parameter of the network"
    )


def parameters_of(weights):
    """Without buffers."""
    buffers = ("running_mean", "running_var", "num_batches_tracked", "shift")
    return {name: value for name, value in weights.items() if not name.endswith(buffers)}


# --- finetune_step ----------------------------------------------------------------------------------------------------


def loss_of(weights, images, labels, *, frozen, reduction="mean", smooth=0.0):
    """Cross-entropy of a classifier with a TinyBackbone, with BatchNorm by the running statistics where frozen."""
    per_map = (-1, 1, 1)
    x = F.conv2d(images, weights["backbone.conv.weight"], weights["backbone.conv.bias"], padding=1)
    if frozen:
        mean, variance = weights["backbone.norm.running_mean"], weights["backbone.norm.running_var"]
    else:
        mean, variance = x.mean(dim=(0, 2, 3)), x.var(dim=(0, 2, 3), correction=0)
    x = (x - mean.view(per_map)) / (variance.view(per_map) + 1e-5).sqrt()
    x = x * weights["backbone.norm.weight"].view(per_map) + weights["backbone.norm.bias"].view(per_map)
    scores = x.clamp(min=0).mean(dim=(2, 3)) @ weights["head.weight"].T + weights["head.bias"]
    rights = (1 - smooth) * scores[torch.arange(len(labels)), labels] + smooth * scores.mean(dim=1)
    losses = scores.logsumexp(dim=1) - rights
    return losses.mean() if reduction == "mean" else losses.sum()


def after_step(weights, images, labels, head_rate, backbone_rate, *, frozen=None, before=0.0, **loss_options):
    """(loss, parameters by name) after one step, by the formula, in float64.

    before: what every gradient held already, if that counted. loss_options: of `loss_of`.
    """
    frozen = backbone_rate == 0 if frozen is None else frozen
    values = {name: value.double().requires_grad_() for name, value in parameters_of(weights).items()}
    statistics = {name: value.double() for name, value in weights.items() if name not in values}
    loss = loss_of(values | statistics, images.double(), labels, frozen=frozen, **loss_options)
    slopes = torch.autograd.grad(loss, list(values.values()))
    moved = {}
    for (name, value), slope in zip(values.items(), slopes, strict=True):
        rate = head_rate if is_head(name) else backbone_rate
        moved[name] = value.detach() - rate * (slope + before)
    return loss.item(), moved


def statistics_after(weights, images):
    """BatchNorm's running mean and variance after one batch in training mode, by the formula, in float64."""
    x = F.conv2d(
        images.double(), weights["backbone.conv.weight"].double(), weights["backbone.conv.bias"].double(), padding=1
    )
    mean, variance = x.mean(dim=(0, 2, 3)), x.var(dim=(0, 2, 3), correction=1)
    return {
        "backbone.norm.running_mean": 0.9 * weights["backbone.norm.running_mean"].double() + 0.1 * mean,
        "backbone.norm.running_var": 0.9 * weights["backbone.norm.running_var"].double() + 0.1 * variance,
    }


def mistaken_steps(weights, images, labels, head_rate, backbone_rate):
    """For each property, (loss, parameters) after a step that misses it alone."""
    given = (weights, images, labels)
    frozen = backbone_rate == 0
    return {
        "rates": [
            after_step(*given, backbone_rate, head_rate, frozen=frozen),
            after_step(*given, head_rate, head_rate, frozen=frozen),
            after_step(*given, backbone_rate, backbone_rate, frozen=frozen),
        ],
        "mode": [after_step(*given, head_rate, backbone_rate, frozen=not frozen)],
        "mean": [
            after_step(*given, head_rate, backbone_rate, reduction="sum"),
            after_step(*given, head_rate, backbone_rate, smooth=0.2),
            after_step(*given, head_rate, backbone_rate, smooth=0.1),
        ],
    }


def close(found, wanted, names, tolerance=1e-5):
    return all(torch.allclose(found[name].double(), wanted[name], atol=tolerance, rtol=1e-4) for name in names)


def assert_moved(found, weights, images, labels, head_rate, backbone_rate, *, about, names, what, tolerance=1e-5):
    """These parameters are where one step brings them, or where a mistake does that another test is about."""
    _, right = after_step(weights, images, labels, head_rate, backbone_rate)
    mistakes = mistaken_steps(weights, images, labels, head_rate, backbone_rate)
    excused = [moved for name, wrong in mistakes.items() if name not in about for _, moved in wrong]
    if any(close(found, moved, names, tolerance) for moved in excused):
        return
    for name in names:
        expected = right[name].to(found[name].dtype)
        assert_same(found[name], expected, what=f"{what}: {name}", atol=tolerance, rtol=1e-4)


def possible_losses(weights, images, labels, head_rate, backbone_rate):
    """The loss before the step, and what is returned by a mistake that another test is about."""
    given = (weights, images, labels, head_rate, backbone_rate)
    loss, moved = after_step(*given)
    later, _ = after_step(weights | moved, images, labels, head_rate, backbone_rate)
    return [loss, later, *(wrong for steps in mistaken_steps(*given).values() for wrong, _ in steps)]


def one_number(value, what="the loss"):
    """The number that was returned, also out of a tensor: another test is about that."""
    if isinstance(value, torch.Tensor):
        value = expect_tensor(value, what=what)
        assert value.numel() == 1 and not value.is_meta, f"{what} is a tensor of shape {tuple(value.shape)}"
        return value.double().item()
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    assert is_number and math.isfinite(value), f"{what}: expected a finite number, got {value!r:.60}"
    return float(value)


def batch(rng, count=6, channels=3, height=4, width=5, classes=3):
    """Images (B, C, H, W) and labels (B,)."""
    images = 2 * torch.rand(count, channels, height, width, generator=rng) - 1
    return images, torch.randint(0, classes, (count,), generator=rng)
