# kit-canary-60b09308d7aff85cc5f7d1b7: not to be published
"""Hidden tests of momentum contrast: random networks, queues and vectors against slow loops in float64."""

import math

import pytest
import torch

from kit import CheckFailed, Lib, assert_raises, assert_same, exercise, expect_tensor, load_helpers

momentum_update = exercise("moco-momentum")
queue = exercise("moco-queue")
loss = exercise("moco-loss")
step = exercise("moco-step")

helpers = load_helpers(__file__)

# --- shared -----------------------------------------------------------------------------------------------------------


def runs_on_meta(call, what):
    """Meta tensors show a tensor that was made on the CPU. What has no meta version (`.item()`, say) is no fault."""
    try:
        return call()
    except RuntimeError as error:
        if "device" in str(error) and "expected" in str(error):
            raise CheckFailed(f"{what}: {error}") from None
        return None


def assert_equal_tensors(after, before, what):
    """Tensors by name, bit for bit as they were."""
    for name, value in before.items():
        assert_same(after.get(name), value, what=f"{what}: {name}", atol=0)


# --- momentum_update --------------------------------------------------------------------------------------------------


def followed(online, target, momentum):
    """Where the target's numbers should be, in float64."""
    return momentum * target.double() + (1 - momentum) * online.double()


class Following:
    """An online network and its target, before and after one update."""

    def __init__(self, student, rng, momentum, frozen=("none", "all"), dtype=torch.float32):
        self.online, online_state = helpers.mixed_state(rng)
        self.target, target_state = helpers.mixed_state(rng)
        self.online, self.target = ({n: v.to(dtype) for n, v in part.items()} for part in (self.online, self.target))
        self.momentum = momentum
        self.leader = student.build(helpers.MIXED, frozen[0]).load(online_state).to(dtype)
        self.follower = student.build(helpers.MIXED, frozen[1]).load(target_state).to(dtype)
        self.before = self.leader.state(), self.follower.state()
        student.momentum_update(self.leader, self.follower, momentum)
        self.changed_modes = student.changed_modes
        self.after = self.leader.state(), self.follower.state()

    def assert_some_followed(self):
        what = f"target after following at momentum {self.momentum:g}"
        helpers.assert_some_followed(self.target, self.after[1].parameters, self.online, self.momentum, what)


@momentum_update(
    "agrees with the formula for every number of every parameter",
    hint="Take one weight of one layer, before and after, and work out by hand where it should be.",
    broad=True,
)
@pytest.mark.parametrize("momentum", [0.99, 0.3])
def test_momentum_agrees_with_the_formula(student, rng, momentum):
    case = Following(student, rng, momentum, frozen=("some", "all"))
    for name, start in case.target.items():
        expected = followed(case.online[name], start, momentum)
        what = f"{name} of target at momentum {momentum:g}"
        assert_same(case.after[1].parameters.get(name), expected.float(), what=what, any_float=True)


@momentum_update(
    "leaves buffers of both as they are",
    hint="BatchNorm's running statistics are no parameters. Does your way of walking through target meet them?",
)
def test_momentum_leaves_buffers_alone(student, rng):
    case = Following(student, rng, 0.4)
    case.assert_some_followed()
    for which, before, after in zip(("online", "target"), case.before, case.after, strict=True):
        assert_equal_tensors(after.buffers, before.buffers, f"buffers of {which}")


@momentum_update(
    "leaves online as it is",
    hint="One follows, the other leads. Does anything of yours write into the leader?",
)
def test_momentum_leaves_online_alone(student, rng):
    case = Following(student, rng, 0.4, frozen=("some", "all"))
    case.assert_some_followed()
    before, after = case.before[0], case.after[0]
    assert_equal_tensors(after.parameters, before.parameters, "online")
    assert after.requires_grad == before.requires_grad, "online's parameters changed what they ask for"
    assert after.objects == before.objects, "online's parameters are other objects than before"


@momentum_update(
    "leaves no history, and the flags as they are",
    hint="The update is no part of any loss. What does autograd do with an operation that it is not told to ignore? "
    "And is torch afterwards as it was?",
)
def test_momentum_leaves_no_history(student, rng):
    case = Following(student, rng, 0.4)
    case.assert_some_followed()
    asking = [name for name, asks in case.after[1].requires_grad.items() if asks]
    assert not asking, f"a target that asked for no gradients asks for them afterwards: {', '.join(asking)}"
    assert not case.changed_modes, f"torch is left with another {', '.join(sorted(case.changed_modes))}"


@momentum_update(
    "works on a target whose parameters ask for gradients",
    hint="Not every target is frozen. Parameters that ask for gradients may not be changed in place, unless...?",
)
def test_momentum_works_on_a_target_that_asks_for_gradients(student, rng):
    case = Following(student, rng, 0.4, frozen=("none", "some"))
    case.assert_some_followed()
    before, after = case.before[1].requires_grad, case.after[1].requires_grad
    assert before == after, f"requires_grad of target's parameters was {before}, is {after}"


@momentum_update(
    "copies numbers, not memory, at momentum 0",
    hint="At momentum 0 the target is equal to online. When online moves on, does the target move with it?",
)
def test_momentum_shares_no_memory(student, rng):
    case = Following(student, rng, 0.0)
    shares = helpers.shares_moved(case.target, case.after[1].parameters, case.online, "target after following")
    assert any(abs((share or 0) - 1) < 1e-4 for share in shares.values()), "at momentum 0 no parameter equals online's"
    memory = {case.after[0].storages[name] for name in case.online}
    shared = [name for name in case.target if case.after[1].storages[name] in memory]
    assert not shared, f"at momentum 0 target shares the memory of online's {', '.join(shared)}"


@momentum_update(
    "changes parameters in place that are not contiguous",
    hint="A parameter may be a transposed view. Does your way reach its memory, or a copy of it?",
)
def test_momentum_changes_parameters_that_are_not_contiguous(student, rng):
    case = Following(student, rng, 0.4)
    case.assert_some_followed()
    shares = helpers.shares_moved(case.target, case.after[1].parameters, case.online, "target after following")
    share = shares["turned"] or 0.0
    assert min(abs(share - 0.6), abs(share - 0.4)) < 1e-3, "a parameter that is not contiguous did not follow"


@momentum_update(
    "keeps the precision of float64, and works on the device of the networks",
    hint="Does some step of yours go through float32, or make a tensor on the CPU?",
)
def test_momentum_follows_dtype_and_device(student, rng):
    case = Following(student, rng, 0.123456789, dtype=torch.float64)
    name = "conv.weight"
    after = expect_tensor(case.after[1].parameters[name], what=name, dtype=torch.float64)
    online, target = case.online[name], case.target[name]
    gaps = [(after - followed(online, target, m)).abs().max().item() for m in (0.123456789, 1 - 0.123456789)]
    assert min(gaps) < 1e-9, f"{name} in float64 is off by {gaps[0]:.2g}"
    leader, follower = (student.build(helpers.MIXED, frozen).meta() for frozen in ("none", "all"))
    runs_on_meta(lambda: student.momentum_update(leader, follower, 0.9), "networks on another device")


# --- Queue ------------------------------------------------------------------------------------------------------------


def stored(rows, pointer, batches):
    """Rows and pointer after batches of keys, one key after the other."""
    rows = [row.tolist() for row in rows.double()]
    for batch in batches:
        for key in batch.double().tolist():
            rows[pointer] = key
            pointer = pointer + 1 if pointer + 1 < len(rows) else 0
    return torch.tensor(rows, dtype=torch.float64), pointer


def drawn_queue(student, rng, size, dim, pointer, dtype=torch.float32):
    rows = torch.randn(size, dim, generator=rng).to(dtype)
    handle = student.build("Queue", dim, size).to(dtype)
    return handle.load({"keys": rows, "pointer": torch.tensor(pointer)}), rows


def batch_of(rng, count, dim, dtype=torch.float32):
    return torch.randn(count, dim, generator=rng, dtype=torch.float64).to(dtype)


@queue(
    "agrees with a loop, key by key, over batches of many sizes",
    hint="Write the rows of a queue of five down on paper, batch after batch of 2, 4, 2 and 3.",
    broad=True,
)
@pytest.mark.parametrize("size, dim", [(5, 3), (7, 2)])
def test_queue_agrees_with_a_loop(student, rng, size, dim):
    handle, rows = drawn_queue(student, rng, size, dim, size - 1)
    batches = [batch_of(rng, count, dim) for count in (2, 4, 2, 3, size)]
    pointer = size - 1
    for batch in batches:
        handle.call("enqueue", batch)
        rows, pointer = stored(rows, pointer, [batch])
        what = f"a queue of {size} after a batch of {len(batch)}"
        assert_same(helpers.rows_of(handle, size, dim, what), rows.float(), what=what, any_float=True)
        at = helpers.pointer_of(handle, what)
        assert at == pointer, f"{what}: the pointer should stand at {pointer}, not at {at}"


@queue(
    "takes a batch as large as itself",
    hint="A batch of B = size replaces every row. Where does its first key go, and where does the pointer stand?",
)
def test_queue_takes_a_batch_of_its_own_size(student, rng):
    handle, _ = drawn_queue(student, rng, 4, 3, 0)
    for batch in (batch_of(rng, 4, 3), batch_of(rng, 4, 3)):
        handle.call("enqueue", batch)
        found = helpers.rows_of(handle, 4, 3, "a queue of 4")
        helpers.assert_inside(found, batch, "a queue of 4 after a batch of 4")


@queue(
    "refuses a batch larger than itself, and stays as it was",
    hint="B > size cannot be stored without overwriting keys of the same batch. What does the text ask for, and when?",
)
def test_queue_refuses_too_large_a_batch(student, rng):
    handle, rows = drawn_queue(student, rng, 4, 3, 2)
    first = batch_of(rng, 2, 3)
    handle.call("enqueue", first)
    before = handle.state().buffers
    helpers.assert_inside(helpers.rows_of(handle, 4, 3, "a queue of 4"), first, "a queue of 4")
    for count in (5, 9):
        too_many = batch_of(rng, count, 3)
        what = f"{count} keys for a queue of 4"
        assert_raises(ValueError, lambda keys=too_many: handle.call("enqueue", keys), what=what)
        assert_equal_tensors(handle.state().buffers, before, f"after {what}")


@queue(
    "writes into the tensor that is there",
    hint="Whoever holds queue.keys should see the new keys. Do you change the tensor, or put another in its place?",
)
def test_queue_keeps_its_tensor(student, rng):
    handle, _ = drawn_queue(student, rng, 5, 3, 0)
    before = handle.state()
    for count in (1, 3):
        batch = batch_of(rng, count, 3)
        handle.call("enqueue", batch)
        found = helpers.rows_of(handle, 5, 3, "a queue of 5")
        helpers.assert_inside(found, batch[-1:], f"a queue of 5 after a batch of {count}")
    after = handle.state()
    assert after.objects["keys"] == before.objects["keys"], "queue.keys is another tensor than before"
    assert after.storages["keys"] == before.storages["keys"], "queue.keys has other memory than before"


@queue(
    "stores keys as they are given",
    hint="The random rows of the beginning have length 1. Does the text promise that of keys, or ask you for it?",
)
def test_queue_stores_keys_as_given(student, rng):
    handle, _ = drawn_queue(student, rng, 6, 3, 1)
    lengths = torch.tensor([0.01, 1.0, 40.0])
    batch = torch.nn.functional.normalize(batch_of(rng, 3, 3), dim=1) * lengths[:, None]
    handle.call("enqueue", batch)
    assert student.unchanged_inputs, "enqueue changed the keys that it was given"
    found = helpers.rows_of(handle, 6, 3, "a queue of 6")
    nearest = torch.cdist(batch.double(), found.double()).min(dim=1).values
    relative = nearest / lengths.double()
    assert relative.max() < 1e-4, f"keys of lengths 0.01, 1 and 40 are off by {relative.tolist()} of their lengths"


@queue(
    "stores no history",
    hint="Keys may come with a gradient function. Who still holds it when they stand in the queue for sixty steps?",
    weight=2,
)
def test_queue_stores_no_history(student, rng):
    handle, _ = drawn_queue(student, rng, 5, 3, 1)
    batch = batch_of(rng, 2, 3)
    student.vjp(handle.method("enqueue"), (batch,), (None,), wrt=[0])
    helpers.assert_inside(helpers.rows_of(handle, 5, 3, "a queue of 5"), batch, "after keys that ask for gradients")
    asks = student.run(Lib("ps3.momentum_contrast.parts.asks_for_gradients"), handle)
    assert asks is False, "after keys that ask for gradients, the queue asks for gradients"


@queue(
    "keeps its dtype, float64 included",
    hint="The queue has a dtype, the keys may have another. Which of the two stays?",
)
@pytest.mark.parametrize("own, given", [(torch.float64, torch.float64), (torch.float32, torch.float64)])
def test_queue_keeps_its_dtype(student, rng, own, given):
    handle, _ = drawn_queue(student, rng, 5, 3, 1, own)
    batch = batch_of(rng, 2, 3, given)
    handle.call("enqueue", batch)
    found = expect_tensor(handle.state().buffers["keys"], what="the queue's keys", shape=(5, 3), dtype=own)
    helpers.assert_inside(found, batch, "a queue of 5")
    short = found.double() / found.double().norm(dim=1, keepdim=True)
    way = batch / batch.norm(dim=1, keepdim=True)
    gap = torch.cdist(way.double(), short).min(dim=1).values.max().item()
    assert gap < (1e-9 if own == given else 1e-5), f"float64 keys are off by {gap:.2g} in the queue"


@queue(
    "keeps the pointer an int64 of shape (), below size",
    hint="A pointer of 6 in a queue of 6 stands behind the last row. And is it still a buffer of its kind?",
)
def test_queue_keeps_the_pointers_form(student, rng):
    handle, _ = drawn_queue(student, rng, 6, 2, 4)
    for count in (2, 3, 3):
        batch = batch_of(rng, count, 2)
        handle.call("enqueue", batch)
        helpers.assert_inside(helpers.rows_of(handle, 6, 2, "a queue of 6"), batch[-1:], "a queue of 6")
        pointer = expect_tensor(handle.state().buffers.get("pointer"), what="pointer", shape=(), dtype=torch.int64)
        assert 0 <= int(pointer) < 6, f"a pointer of {int(pointer)} in a queue of 6"


@queue("works on the device that it lives on", hint="On a GPU every tensor that you make must live there, too.")
def test_queue_follows_the_device(student, rng):
    handle, _ = drawn_queue(student, rng, 5, 3, 1)
    batch = batch_of(rng, 2, 3)
    handle.call("enqueue", batch)
    helpers.assert_inside(helpers.rows_of(handle, 5, 3, "a queue of 5"), batch, "a queue of 5")
    elsewhere = student.build("Queue", 3, 5).meta()
    runs_on_meta(lambda: elsewhere.call("enqueue", batch.to("meta")), "a queue on another device")


# --- moco_loss --------------------------------------------------------------------------------------------------------


def cosine(a, b):
    return (a * b).sum() / ((a * a).sum().sqrt() * (b * b).sum().sqrt())


def dot(a, b):
    return (a * b).sum()


def short(vectors):
    """Each at length 1."""
    return vectors / vectors.norm(dim=1, keepdim=True)


def similarities(queries, keys, queue, similar=cosine):
    """Of each query with its own key (B,), with the queue's rows (B, M), and with all keys (B, B): one by one."""
    queries, keys, queue = queries.double(), keys.double(), queue.double()
    own = torch.stack([similar(a, b) for a, b in zip(queries, keys, strict=True)])
    rows, others = (
        torch.stack([torch.stack([similar(a, b) for b in part]) for a in queries]) for part in (queue, keys)
    )
    return own, rows, others


def picks(right, candidates):
    """The mean cost of picking the right logit (B,) out of the candidates (B, n), the right one among them."""
    return (candidates.logsumexp(dim=1) - right).mean()


def slow_loss(queries, keys, queue, temperature, similar=cosine):
    """MoCo's loss, one query and one candidate at a time, in float64."""
    own, rows, _ = similarities(queries, keys, queue, similar)
    return picks(own / temperature, torch.cat([own[:, None], rows], dim=1) / temperature)


def _with_other_keys(q, k, n, t):
    own, rows, others = similarities(q, k, n)
    return picks(own / t, torch.cat([others, rows], dim=1) / t)


def _other_keys_only(q, k, n, t):
    own, _, others = similarities(q, k, n)
    return picks(own / t, others / t)


def _without_own(q, k, n, t):
    own, rows, _ = similarities(q, k, n)
    return picks(own / t, rows / t)


def _divided(q, k, n, own_by, rows_by):
    own, rows, _ = similarities(q, k, n)
    return picks(own / own_by, torch.cat([own[:, None] / own_by, rows / rows_by], dim=1))


def _over_the_batch(q, k, n, t):
    q, k, n = (part.double() / part.double().norm(dim=0).clamp(min=1e-12) for part in (q, k, n))
    return slow_loss(q, k, n, t, dot)


def _with_a_small_number(q, k, n, t):
    q, k, n = (part.double() / (part.double().norm(dim=1, keepdim=True) + 1e-3) for part in (q, k, n))
    return slow_loss(q, k, n, t, dot)


LOSS_MISTAKES = {  # for each property, losses in which it alone is missed
    "negatives": [_with_other_keys, _other_keys_only],
    "candidates": [_without_own],
    "mean": [lambda q, k, n, t: len(q) * slow_loss(q, k, n, t)],
    "key": [
        lambda q, k, n, t: slow_loss(q, k.roll(1, 0), n, t),
        lambda q, k, n, t: slow_loss(q, k.roll(-1, 0), n, t),
        lambda q, k, n, t: slow_loss(q, k[:1].expand_as(k), n, t),
    ],
    "temperature": [
        lambda q, k, n, t: _divided(q, k, n, 1, 1),
        lambda q, k, n, t: _divided(q, k, n, 1 / t, 1 / t),
        lambda q, k, n, t: _divided(q, k, n, t, 1),
        lambda q, k, n, t: _divided(q, k, n, 1, t),
        lambda q, k, n, t: _divided(q, k, n, t**2, t**2),
    ],
    "lengths": [
        lambda q, k, n, t: slow_loss(q, k, n, t, dot),
        lambda q, k, n, t: slow_loss(short(q.double()), k, n, t, dot),
        lambda q, k, n, t: slow_loss(short(q.double()), short(k.double()), n, t, dot),
        lambda q, k, n, t: slow_loss(q, short(k.double()), short(n.double()), t, dot),
        _over_the_batch,
        _with_a_small_number,
    ],
}


def assert_loss(loss, inputs, *, about, what, within=1e-4):
    """The loss is right, or has one mistake that another test is about; what that gives is computed only if need be."""
    value, right = helpers.one_number(loss, what), slow_loss(*inputs).item()
    if not math.isclose(value, right, rel_tol=within, abs_tol=within):
        mistakes = {name: [other(*inputs).item() for other in others] for name, others in LOSS_MISTAKES.items()}
        helpers.assert_loss(loss, right, mistakes, about=about, what=what, within=within)


def embeddings(rng, batch, size, dim, dtype=torch.float32):
    """Queries, their keys (related to them) and a queue, of lengths 0.3 to 3."""

    def lengths(count):
        return torch.rand(count, 1, generator=rng, dtype=torch.float64) * 2.7 + 0.3

    queries = torch.randn(batch, dim, generator=rng, dtype=torch.float64)
    keys = queries + 0.7 * torch.randn(batch, dim, generator=rng, dtype=torch.float64)
    rows = torch.randn(size, dim, generator=rng, dtype=torch.float64)
    return tuple((part * lengths(len(part))).to(dtype) for part in (queries, keys, rows))


def slow_gradient(lossy, inputs):
    """The gradient in the queries, in float64."""
    queries, keys, rows, temperature = inputs
    queries = queries.double().clone().requires_grad_()
    return torch.autograd.grad(lossy(queries, keys.double(), rows.double(), temperature), queries)[0]


def gradients(student, inputs):
    return student.vjp("moco_loss", inputs, wrt=[0, 1, 2])


def assert_gradient(found, inputs, *, about, what, atol=1e-5, rtol=0.0):
    """The queries' gradient is right, or that of a loss with one mistake that another test is about."""
    if found is None:
        raise CheckFailed(f"{what}: no gradient reaches the queries")
    right = slow_gradient(slow_loss, inputs)
    for name, others in LOSS_MISTAKES.items():
        if tuple(found.shape) != tuple(right.shape) or torch.allclose(found.double(), right, atol=atol, rtol=rtol):
            break
        for other in others if name not in about else ():
            excused = slow_gradient(other, inputs)
            right = excused if torch.allclose(found.double(), excused, atol=atol, rtol=rtol) else right
    assert_same(found, right.to(inputs[0].dtype), what=what, atol=atol, rtol=rtol)


@loss(
    "agrees with a loop over queries and candidates",
    hint="Write the sum out for one query and a queue of two, with the temperature, and compare it term by term.",
    broad=True,
)
@pytest.mark.parametrize(
    "batch, size, dim, temperature", [(3, 5, 4, 0.1), (4, 2, 7, 0.5), (5, 6, 2, 2.0)], ids=["cold", "wide", "warm"]
)
def test_loss_agrees_with_a_loop(student, rng, batch, size, dim, temperature):
    inputs = *embeddings(rng, batch, size, dim), temperature
    what = f"the loss of {batch} queries against {size} rows of width {dim} at temperature {temperature}"
    value = torch.tensor(helpers.one_number(student.moco_loss(*inputs), what))
    assert_same(value, slow_loss(*inputs).float(), what=what, atol=1e-4)


@loss(
    "gives the queries the right gradient",
    hint="Values can be right where gradients are not. Is any part of your formula cut off from the queries?",
    weight=2,
)
def test_loss_gives_queries_the_right_gradient(student, rng):
    inputs = *embeddings(rng, 4, 5, 3, torch.float64), 0.3
    found = gradients(student, inputs)[0]
    assert_gradient(found, inputs, about=set(), what="the gradient in the queries", atol=1e-7)


@loss(
    "gives keys and queue no gradient",
    hint="Only one of the three was made by a network that learns. Through which of them may the loss reach back?",
    weight=2,
)
def test_loss_gives_keys_and_queue_no_gradient(student, rng):
    inputs = *embeddings(rng, 4, 5, 3, torch.float64), 0.3
    found = gradients(student, inputs)
    assert_gradient(found[0], inputs, about=set(), what="the gradient in the queries", atol=1e-7)
    for gradient, which in zip(found[1:], ("keys", "queue"), strict=True):
        assert gradient is None or not gradient.abs().max() > 0, f"a gradient reaches the {which}"


@loss(
    "lets the other keys of the batch have no say",
    hint="Take a batch apart: each query alone, with its key and the queue. Is the mean of their losses the batch's?",
)
def test_loss_of_a_batch_is_the_mean_of_its_queries(student, rng):
    queries, keys, rows = embeddings(rng, 4, 3, 5)
    for part, size in (([2], 3), ([0, 3], 1)):
        inputs = queries[part], keys[part], rows[:size], 0.4
        what = f"the loss of {len(part)} of the queries against {size} rows"
        assert_loss(student.moco_loss(*inputs), inputs, about={"negatives", "mean"}, what=what)


@loss(
    "does not care about lengths from 0.001 to 1000",
    hint="A small number added to a length matters when the length is small, too.",
)
def test_loss_of_all_lengths(student, rng):
    lengths = 10 ** torch.linspace(-3, 3, 5)[:, None]
    parts = [short(part) * lengths[torch.randperm(5, generator=rng)] for part in embeddings(rng, 5, 5, 4)]
    inputs = *parts, 0.5
    what = "the loss of vectors of lengths from 0.001 to 1000"
    assert_loss(student.moco_loss(*inputs), inputs, about={"lengths"}, what=what, within=3e-4)


@loss(
    "is finite at temperature 0.005, and so is its gradient",
    hint="A similarity of 1 is a logit of 200 there, one of -1 is -200. Which function never forms their exp?",
    weight=2,
)
def test_loss_is_finite_when_cold(student, rng):
    queries = torch.eye(4, 6)
    keys = torch.eye(4, 6) + 0.1 * torch.rand(4, 6, generator=rng)
    keys[0] *= -1
    rows = torch.eye(6)[:5] + 0.1 * torch.rand(5, 6, generator=rng)
    rows[4] = -queries[3] - queries[2]
    inputs = queries, keys, rows, 0.005
    value = student.moco_loss(*inputs)
    assert_loss(value, inputs, about={"range"}, what="the loss at temperature 0.005", within=1e-3)
    found = gradients(student, inputs)[0]
    assert_gradient(found, inputs, about=set(), what="its gradient in the queries", atol=1e-2, rtol=1e-3)


@loss(
    "computes in the precision of its inputs, and leaves them alone",
    hint="Does some step of yours go through float32, or write into what it was given?",
)
def test_loss_follows_the_dtype(student, rng):
    queries, keys, rows = (torch.randn(n, 7, generator=rng, dtype=torch.float64) for n in (3, 3, 4))
    inputs = queries, keys, rows, 0.02
    value = student.moco_loss(*inputs)
    unchanged = student.unchanged_inputs
    assert_loss(value, inputs, about={"precision"}, what="the loss of float64 vectors", within=1e-9)
    expect_tensor(value, what="the loss of float64 vectors", shape=(), dtype=torch.float64)
    assert unchanged, "moco_loss changed its inputs"


@loss("works on the device of its inputs", hint="On a GPU every tensor that you make must live there, too.")
def test_loss_follows_the_device(student, rng):
    inputs = *embeddings(rng, 3, 4, 5), 0.5
    assert_loss(student.moco_loss(*inputs), inputs, about={"device"}, what="the loss")
    on_meta = *(part.to("meta") for part in inputs[:3]), 0.5
    runs_on_meta(lambda: student.moco_loss(*on_meta), "the loss on another device")


# --- moco_step --------------------------------------------------------------------------------------------------------


SMALL = Lib("ps3.momentum_contrast.parts.Small")


def small_state(rng, inputs, dim):
    """Parameters of a Small, and its whole state, float32."""

    def some(*shape):
        return torch.randn(shape, generator=rng)

    parameters = {
        "first.weight": some(5, inputs),
        "first.bias": some(5),
        "norm.weight": torch.rand(5, generator=rng) + 0.5,
        "norm.bias": some(5),
        "last.weight": some(dim, 5),
        "last.bias": some(dim),
    }
    statistics = {
        "norm.running_mean": some(5),
        "norm.running_var": torch.rand(5, generator=rng) + 0.5,
        "norm.num_batches_tracked": torch.tensor(3),
        "calls": torch.tensor(0),
    }
    return parameters, parameters | statistics


def embedded(state, images, training=True):
    """What a Small with this state makes of images, written out in float64."""
    w = {name: value.double() for name, value in state.items()}
    x = images.double().flatten(1) @ w["first.weight"].T + w["first.bias"]
    if training:
        mean, variance = x.mean(dim=0), x.var(dim=0, correction=0)
    else:
        mean, variance = w["norm.running_mean"], w["norm.running_var"]
    x = (x - mean) / (variance + 1e-5).sqrt() * w["norm.weight"] + w["norm.bias"]
    return torch.tanh(x) @ w["last.weight"].T + w["last.bias"]


class Step:
    """Two networks, a queue and two views: what goes into one step, and what has to come out of it."""

    def __init__(self, rng, batch=4, size=6, dim=3, momentum=0.7, temperature=0.5, pointer=0, image=(1, 2, 3)):
        inputs = math.prod(image)
        self.inputs, self.dim, self.size, self.pointer = inputs, dim, size, pointer
        self.momentum, self.temperature = momentum, temperature
        self.online, self.online_state = small_state(rng, inputs, dim)
        self.target, self.target_state = small_state(rng, inputs, dim)
        self.rows = torch.nn.functional.normalize(torch.randn(size, dim, generator=rng), dim=1)
        self.view1, self.view2 = (torch.randn(batch, *image, generator=rng) for _ in range(2))

    def build(self, student):
        """The student's side: online, target (which asks for no gradients) and queue."""
        self.networks = (
            student.build(SMALL, self.inputs, self.dim).load(self.online_state),
            student.build(SMALL, self.inputs, self.dim, True).load(self.target_state),
        )
        self.queue = helpers.queue_of(student, self.rows, self.pointer)
        return (*self.networks, self.queue)

    def arguments(self):
        return [*self.networks, self.queue, self.view1, self.view2, self.temperature, self.momentum]

    def take(self, student):
        """One step by the student: its loss."""
        self.build(student)
        return student.moco_step(*self.arguments())

    def followed(self, momentum=None):
        """The target's state after it has followed."""
        keep = self.momentum if momentum is None else momentum
        moved = {name: followed(self.online[name], self.target[name], keep) for name in self.target}
        return self.target_state | moved

    def keys(self, state=None, view=None):
        return embedded(self.followed() if state is None else state, self.view2 if view is None else view)

    def stored(self, keys):
        return stored(self.rows, self.pointer, [keys])[0]

    def loss(self, view=None, keys=None, rows=None):
        queries = embedded(self.online_state, self.view1 if view is None else view)
        keys = self.keys() if keys is None else keys
        return slow_loss(queries, keys, self.rows if rows is None else rows, self.temperature).item()

    def wrong_keys(self, about):
        """Keys with one mistake that is not what a test is about."""
        found = {
            "target": [self.keys(state) for state in (self.target_state, self.online_state)]
            + [self.keys(self.followed(1 - self.momentum))],
            "views": [self.keys(view=self.view1)],
            "modes": [embedded(self.followed(), self.view2, training=False)],
        }
        return [keys for name, some in found.items() if name not in about for keys in some]

    def wrong_losses(self, about):
        """Losses with one mistake that is not what a test is about."""
        losses = [self.loss(keys=keys) for keys in self.wrong_keys(about)]
        if "views" not in about:
            losses += [self.loss(view=self.view2), self.loss(view=self.view2, keys=self.keys(view=self.view1))]
        if "order" not in about:
            losses.append(self.loss(rows=self.stored(self.keys())))
        return losses

    def assert_loss(self, loss, *, about, what):
        value, right = helpers.one_number(loss, what), self.loss()
        if not any(math.isclose(value, other, abs_tol=2e-4) for other in [right, *self.wrong_losses(about)]):
            raise CheckFailed(f"{what}: expected {right:.5f}, yours is {value:.5f}")

    def assert_stored(self, *, about, what):
        """The keys stand in the queue from the pointer on, up to mistakes that other tests are about."""
        rows = helpers.rows_of(self.queue, self.size, self.dim, what).double()
        if any((rows - self.stored(keys)).abs().max() < 1e-3 for keys in self.wrong_keys(about)):
            return
        assert_same(rows, self.stored(self.keys()), what=f"{what}: the queue's rows", atol=1e-4)


@step(
    "agrees with a step written out",
    hint="Follow one image through a step on paper: two views, two networks, one queue. In which order do they meet?",
    broad=True,
)
@pytest.mark.parametrize(
    "sizes",
    [
        {"batch": 4, "size": 7, "dim": 3, "momentum": 0.9, "temperature": 0.1, "pointer": 5},
        {"batch": 3, "size": 3, "dim": 5, "momentum": 0.4, "temperature": 2.0, "pointer": 1, "image": (3, 2, 2)},
    ],
    ids=["round the end", "whole queue"],
)
def test_step_agrees_with_one_written_out(student, rng, sizes):
    case = Step(rng, **sizes)
    value = torch.tensor(helpers.one_number(case.take(student), "the loss of a step"))
    assert_same(value, torch.tensor(case.loss()), what="the loss of a step", atol=1e-3)
    rows = helpers.rows_of(case.queue, case.size, case.dim, "after a step")
    assert_same(rows, case.stored(case.keys()).float(), what="the queue after a step", atol=1e-3, any_float=True)
    after = case.networks[1].state().parameters
    for name, start in case.target.items():
        expected = followed(case.online[name], start, case.momentum)
        assert_same(after.get(name), expected.float(), what=f"target's {name} after a step", any_float=True)


@step(
    "lets the gradient reach online through the queries alone",
    hint="Call backward on your loss: which network may get a gradient? Is there still a graph to follow?",
    weight=2,
)
def test_the_gradient_reaches_online_alone(student, rng):
    case = Step(rng, batch=3)
    case.build(student)
    found = student.vjp("moco_step", case.arguments(), wrt=[3, 4])
    assert found[1] is None or not found[1].abs().max() > 0, "a gradient reaches view 2"
    if found[0] is None:
        raise CheckFailed("no gradient reaches view 1")
    candidates = [(case.keys(), case.rows)] + [(keys, case.rows) for keys in case.wrong_keys(set())]
    candidates.append((case.keys(), case.stored(case.keys())))
    rights = [view_gradient(case, *one) for one in candidates]
    if not any(torch.allclose(found[0].double(), right, atol=1e-4, rtol=1e-3) for right in rights):
        assert_same(found[0], rights[0].float(), what="the gradient in view 1", atol=1e-4, rtol=1e-3)


def view_gradient(case, keys, rows):
    view = case.view1.double().clone().requires_grad_()
    queries = embedded(case.online_state, view)
    return torch.autograd.grad(slow_loss(queries, keys, rows, case.temperature), view)[0]


@step(
    "leaves backward to whoever trains",
    hint="Who calls backward: the step, or the loop around it? What stands in .grad after yours?",
)
def test_the_step_calls_no_backward(student, rng):
    case = Step(rng)
    value = case.take(student)
    flags = student.flags
    case.assert_loss(value, about={"backward"}, what="the loss of a step")
    with_gradient = [name for one in case.networks for name, has in one.state().has_gradient.items() if has]
    assert not with_gradient, f"after a step these parameters hold a gradient already: {', '.join(with_gradient)}"
    assert "requires_grad" in flags, "nobody can call backward on the loss: it has no history"


@step(
    "leaves each network in its mode",
    hint="Somebody may have put the target into eval mode, or left it in training. Who decides on that, your step?",
)
@pytest.mark.parametrize("mode", [True, False], ids=["training", "eval"])
def test_the_step_leaves_the_modes_alone(student, rng, mode):
    case = Step(rng)
    case.build(student)
    case.networks[1].train(mode)
    student.moco_step(*case.arguments())
    modes = [one.state().training for one in case.networks]
    assert set(modes[0].values()) == {True} and set(modes[1].values()) == {mode}, "training flags changed in the step"
    rows = helpers.rows_of(case.queue, case.size, case.dim, "after a step").double()
    states = (case.followed(), case.target_state, case.online_state, case.followed(1 - case.momentum))
    keys = [embedded(state, view, mode) for state in states for view in (case.view2, case.view1)]
    gaps = [(rows - case.stored(some)).abs().max().item() for some in keys]
    assert min(gaps) < 1e-3, f"the keys of a target in {'training' if mode else 'eval'} mode are off by {gaps[0]:.3g}"


@step(
    "runs each network once",
    hint="Each run of a network costs time, and moves running statistics. How often does each of yours run?",
)
def test_the_step_runs_each_network_once(student, rng):
    case = Step(rng)
    case.assert_loss(case.take(student), about={"calls"}, what="the loss of a step")
    calls = [int(one.state().buffers["calls"]) for one in case.networks]
    assert max(calls) < 2, f"online ran {calls[0]} times, target {calls[1]} times"


@step(
    "goes on from where the last step left off",
    hint="After two steps, the queue holds two batches and the target has followed twice. What does yours hold?",
)
def test_two_steps_in_a_row(student, rng):
    case = Step(rng, batch=2, size=5, pointer=2)
    case.take(student)
    value = student.moco_step(*case.arguments())
    target, rows, pointer = case.target_state, case.rows, case.pointer
    for _ in range(2):
        before = rows
        moved = {name: followed(case.online[name], target[name], case.momentum) for name in case.target}
        target = target | moved
        rows, pointer = stored(rows, pointer, [case.keys(target)])
    queries = embedded(case.online_state, case.view1)
    expected = slow_loss(queries, case.keys(target), before, case.temperature).item()
    number = helpers.one_number(value, "the loss of the second step")
    assert abs(number - expected) < 1e-3, f"the loss of the second step: expected {expected:.5f}, yours {number:.5f}"
    found = helpers.rows_of(case.queue, 5, case.dim, "after two steps")
    assert_same(found, rows.float(), what="the queue after two steps", atol=1e-3, any_float=True)


@step(
    "computes in float64 where networks and views do",
    hint="Does anything on the way from views to loss change the dtype?",
)
def test_step_follows_the_dtype(student, rng):
    case = Step(rng)
    case.build(student)
    networks = [one.double() for one in (*case.networks, case.queue)]
    views = case.view1.double(), case.view2.double()
    value = student.moco_step(*networks, *views, case.temperature, case.momentum)
    case.assert_loss(value, about={"dtype"}, what="the loss of a step in float64")
    expect_tensor(value, what="the loss of a step in float64", shape=(), dtype=torch.float64)
