"""What the public and the hidden tests of momentum contrast share."""

import math

import torch

from kit import CheckFailed, Lib, expect_tensor

MIXED = Lib("ps3.momentum_contrast.parts.Mixed")

# --- momentum_update --------------------------------------------------------------------------------------------------

SHAPES = {
    "conv.weight": (3, 2, 1, 2),
    "norm.weight": (3,),
    "norm.bias": (3,),
    "turned": (3, 4),
    "last.weight": (2, 4),
    "last.bias": (2,),
}


def mixed_state(rng, value=None, dtype=torch.float32):
    """Parameters and buffers of a Mixed: drawn, or parameters of one value."""

    def some(*shape):
        drawn = torch.randn(shape, generator=rng, dtype=torch.float64).to(dtype)
        return drawn if value is None else torch.full_like(drawn, value)

    parameters = {name: some(*shape) for name, shape in SHAPES.items()}
    statistics = {
        "norm.running_mean": torch.randn(3, generator=rng).to(dtype),
        "norm.running_var": (torch.rand(3, generator=rng) + 0.5).to(dtype),
        "norm.num_batches_tracked": torch.randint(1, 90, (), generator=rng),
    }
    return parameters, parameters | statistics


def shares_moved(before, after, online, what):
    """For each parameter, the share of the way to online's that it moved; None where its numbers moved unequally."""
    shares = {}
    for name, start in before.items():
        end = expect_tensor(after.get(name), what=f"{what}: {name}", shape=tuple(start.shape), dtype="floating")
        way, moved = (online[name] - start).double(), (end - start).double()
        share = ((way * moved).sum() / way.square().sum()).item()
        shares[name] = share if (moved - share * way).abs().max() < 1e-4 else None
    return shares


def assert_some_followed(before, after, online, momentum, what):
    """At least one parameter moved by one of the two weights: which ones, and by which, is another test's business."""
    shares = shares_moved(before, after, online, what)
    wanted = (momentum, 1 - momentum)
    fits = [share is not None and any(abs(share - one) < 1e-4 for one in wanted) for share in shares.values()]
    assert any(fits), f"{what}: no parameter of target moved by {wanted[1]:g} of the way to online's"


# --- Queue ------------------------------------------------------------------------------------------------------------


def queue_of(student, keys, pointer):
    """A student's queue with these rows (M, D) and its pointer there."""
    queue = student.build("Queue", keys.shape[1], len(keys))
    return queue.load({"keys": keys, "pointer": torch.tensor(pointer)})


def rows_of(queue, size, dim, what):
    """The rows of a queue as it is now, of whatever floating dtype."""
    keys = queue.state().buffers.get("keys")
    return expect_tensor(keys, what=f"{what}: the queue's keys", shape=(size, dim), dtype="floating")


def pointer_of(queue, what):
    """The queue's pointer as an int, of whatever integer dtype and shape."""
    pointer = expect_tensor(queue.state().buffers.get("pointer"), what=f"{what}: the pointer", dtype="integer")
    if pointer.is_meta or pointer.numel() != 1:
        raise CheckFailed(f"{what}: the pointer should be one number, it has shape {tuple(pointer.shape)}")
    return int(pointer)


def assert_inside(rows, keys, what):
    """Every key is among the rows, up to its length: in which row, and how long, is another test's business."""
    for n, key in enumerate(keys.double()):
        nearest = torch.cosine_similarity(rows.double(), key[None], dim=1).max()
        assert nearest > 1 - 1e-5, f"{what}: key {n} of the batch stands in no row of the queue"


# --- moco_loss --------------------------------------------------------------------------------------------------------


def one_number(loss, what):
    """The loss as a float, whatever its dtype and shape: other tests are about those."""
    if isinstance(loss, float):
        loss = torch.tensor(loss, dtype=torch.float64)
    tensor = expect_tensor(loss, what=what, dtype="floating", finite=False)
    if tensor.is_meta or tensor.numel() != 1:
        raise CheckFailed(f"{what}: expected one number, got a tensor of shape {tuple(tensor.shape)}")
    return tensor.double().item()


def assert_loss(loss, right, mistakes, *, about, what, within=1e-4):
    """The loss is right, or has one mistake that another test is about.

    mistakes: for each property, what the loss would be if that alone were missed. about: what this test is about.
    """
    value = one_number(loss, what)
    excused = [other for name, others in mistakes.items() if name not in about for other in others]
    if not any(math.isclose(value, other, rel_tol=within, abs_tol=within) for other in (right, *excused)):
        raise CheckFailed(f"{what}: expected {right:.6g}, yours is {value:.6g}")
