"""What the public and the hidden tests of the autoencoders share."""

import math

import torch

from kit import CheckFailed, Lib, assert_same, expect_tensor, expect_tuple

MOST_WEIGHTS = 100_000


def drawn(rng, *size, low=0.0, high=1.0, dtype=torch.float32):
    """Random numbers from low to high."""
    return (low + (high - low) * torch.rand(size, generator=rng, dtype=torch.float64)).to(dtype)


def a_seed(rng):
    """A seed for a generator."""
    return int(torch.randint(1, 1_000_000, (), generator=rng).item())


def assert_one_of(actual, right, others, *, what, atol=1e-4, hint=None):
    """The tensor is right in every number, whatever its dtype, or has a mistake that another test is about."""
    __tracebackhide__ = True
    tensor = expect_tensor(actual, what=what, dtype="floating", finite=False)
    for other in others:
        if (
            not tensor.is_meta
            and tensor.shape == other.shape
            and (tensor.double() - other.double()).abs().max() <= atol
        ):
            return
    assert_same(tensor, right, what=what, atol=atol, any_float=True, hint=hint)


def with_an_end(pictures):
    """Pictures with something after them that should not be there: other tests are about it."""
    return [pictures.sigmoid(), pictures.tanh(), pictures.clamp(0, 1), pictures.clamp(min=0)]


# --- the network ------------------------------------------------------------------------------------------------------


def shapes_of(network):
    """The shapes of a student's parameters by name; not more of them than the constructor makes."""
    shapes = {name: tuple(value.shape) for name, value in network.state().parameters.items()}
    count = sum(math.prod(shape) for shape in shapes.values())
    assert count <= MOST_WEIGHTS, f"the network has {count:,} weights, far more than its constructor makes"
    return shapes


def picking_weights(network, gains):
    """Weights with which map c holds every fourth pixel of every fourth row, times gains[c].

    The code is all numbers of the maps, in their order; `up` puts each number of map 0 where it came from, and adds the
    others times 10, 100, ...: one channel, no biases.
    """
    shapes = shapes_of(network)
    weights = {name: torch.zeros(shape) for name, shape in shapes.items()}
    for name in ("to_code.weight", "from_code.weight"):
        assert len(shapes[name]) == 2 and shapes[name][0] == shapes[name][1], f"{name} has the shape {shapes[name]}"
        weights[name] = torch.eye(shapes[name][0])
    weights["down.0.weight"][0, 0, 1, 1] = 1
    weights["down.2.weight"][:, 0, 1, 1] = gains
    weights["up.0.weight"][:, 0, 1, 1] = 10.0 ** torch.arange(len(gains))
    weights["up.2.weight"][0, 0, 1, 1] = 1
    network.load(weights)


def random_weights(network, rng, *, plain=False):
    """Give a student's network random weights, and return them in float64.

    plain: all numbers of the maps count alike, so that the order in which they are flattened does not matter.
    """
    shapes = shapes_of(network)
    weights = {name: 0.4 * torch.randn(shape, generator=rng) for name, shape in shapes.items()}
    if plain:  # positive, so that nothing is lost in a ReLU, and pictures between 0 and 1, where a sigmoid is no wall
        weights = {name: value.abs() + 0.1 for name, value in weights.items()}
        numbers = shapes["to_code.weight"][1]
        weights["to_code.weight"] = weights["to_code.weight"][:, :1].expand(-1, numbers).clone() / (200 * numbers)
        weights["from_code.weight"] = weights["from_code.weight"][:1].expand(numbers, -1).clone()
        weights["from_code.bias"] = weights["from_code.bias"][:1].expand(numbers).clone()
        weights["up.2.weight"], weights["up.2.bias"] = 0.006 * weights["up.2.weight"], 0.5 * weights["up.2.bias"]
    network.load(weights)
    return {name: value.double() for name, value in weights.items()}


def both_parts(result, images, code_dim):
    """Reconstructions and codes (or None) of a student's forward; their order and container another test is about."""
    if not isinstance(result, (tuple, list)):
        result = (result, None)
    first, second = expect_tuple(result, 2, what="forward")
    if isinstance(first, torch.Tensor) and first.dim() == 2 and second is not None:
        first, second = second, first
    shape = tuple(images.shape)
    reconstructions = expect_tensor(first, what="the reconstructions", shape=shape, dtype="floating")
    if second is None:
        return reconstructions, None
    codes = expect_tensor(second, what="the codes", shape=(len(images), code_dim), dtype="floating")
    return reconstructions, codes


def assert_looks(network, images, code_dim):
    """A student's codes and pictures tell something apart, the same twice, and others for other images.

    For tests of something else: neither a constant nor anything drawn is an answer.
    """
    __tracebackhide__ = True
    results = [both_parts(network(some), some, code_dim) for some in (images, images.clone(), 0.5 * images)]
    for what, first, again, other in zip(("reconstructions", "codes"), *results, strict=True):
        if first is None or again is None or other is None:
            continue
        assert not first.is_meta, f"the {what} have a shape but no numbers"
        first, again, other = (part.double() for part in (first, again, other))
        assert float(first.flatten(1).std(dim=1).min()) > 1e-6, f"all numbers of the {what} are the same"
        assert float((first - again).abs().max()) < 1e-3, f"the {what} of the same images differ the second time"
        assert float((first - other).abs().max()) > 1e-6, f"the {what} of these images are those of others"


# --- losses -----------------------------------------------------------------------------------------------------------


def one_number(loss, what="the loss"):
    """The loss as a float, whatever its dtype and shape: other tests are about those."""
    if isinstance(loss, float):
        loss = torch.tensor(loss, dtype=torch.float64)
    tensor = expect_tensor(loss, what=what, dtype="floating", finite=False)
    if tensor.is_meta or tensor.numel() != 1:
        raise CheckFailed(f"{what}: expected one number, got a tensor of shape {tuple(tensor.shape)}")
    return tensor.double().item()


def assert_loss(loss, right, mistakes, *, about, what, within=1e-4):
    """The loss is right, or has a mistake that another test is about.

    mistakes: for each property, what the loss would be if that alone were missed. about: those this test is about.
    """
    __tracebackhide__ = True
    value = one_number(loss, what)
    excused = [other for name, values in mistakes.items() if name not in about for other in values]
    if not any(math.isclose(value, other, rel_tol=within, abs_tol=1e-12) for other in (right, *excused)):
        raise CheckFailed(f"{what}: expected {right:.4f}, yours is {value:.4f}")


# --- corruptions ------------------------------------------------------------------------------------------------------


def numbers_of(result, images, what):
    """The student's images: of the shape of those that went in, and numbers; their dtype another test is about."""
    tensor = expect_tensor(result, what=what, shape=tuple(images.shape), dtype="floating")
    assert not tensor.is_meta, f"{what}: the result has a shape but no numbers"
    return tensor.double()


def noise_in(result, images, sigma, what="noisy images"):
    """The student's noise over sigma, if it looks like noise at all; exactly which, another test is about."""
    noise = (numbers_of(result, images, what) - images.double()) / sigma
    middle, spread = noise.mean().item(), noise.std().item()
    text = f"{what}: over sigma, the noise has mean {middle:.2f} and deviation {spread:.2f}, expected about 0 and 1"
    assert abs(middle) < 0.6 and 0.3 < spread < 1.9, text
    return noise


def black_in(result, images, what="images with dropped pixels"):
    """Which of the student's numbers are 0, (B, C, H, W), if some are; of images without zeros."""
    black = numbers_of(result, images, what) == 0
    share = black.double().mean().item()
    assert 0.02 < share < 0.98, f"{what}: {share:.0%} of the numbers are 0"
    return black


# --- denoising --------------------------------------------------------------------------------------------------------

DIMMED = Lib("ps3.autoencoders.doubles.dimmed")
BRIGHTENED = Lib("ps3.autoencoders.doubles.brightened")
LEFT_BLACK = Lib("ps3.autoencoders.doubles.left_black")
STRETCHING = Lib("ps3.autoencoders.doubles.Stretching")
COUNTING = Lib("ps3.autoencoders.doubles.CountingDim")
