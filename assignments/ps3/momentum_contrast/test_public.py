"""Public checks of momentum contrast: small cases that can be worked out by hand."""

import math

import torch

from kit import Lib, exercise, load_helpers

momentum_update = exercise("moco-momentum")
queue = exercise("moco-queue")
loss = exercise("moco-loss")
step = exercise("moco-step")

helpers = load_helpers(__file__)

# --- momentum_update --------------------------------------------------------------------------------------------------


def two_networks(student, rng, online_value=None, target_value=None):
    """(online, target) as handles, and their parameters."""
    online, online_state = helpers.mixed_state(rng, online_value)
    target, target_state = helpers.mixed_state(rng, target_value)
    leader = student.build(helpers.MIXED).load(online_state)
    follower = student.build(helpers.MIXED, "all").load(target_state)
    return leader, follower, online, target


@momentum_update(
    "keeps the share momentum of the target",
    hint="At momentum 0.9 a target of 2 that follows a 10 takes a small step. Who weighs .9, and who weighs .1?",
)
def test_momentum_keeps_most_of_the_target(student, rng):
    leader, follower, online, target = two_networks(student, rng, 10.0, 2.0)
    student.momentum_update(leader, follower, 0.9)
    shares = helpers.shares_moved(target, follower.state().parameters, online, "target after following")
    share = next((share for share in shares.values() if share), 0.0)
    value = 2 + 8 * share
    assert abs(value - 2.8) < 1e-3, f"a weight of 2 that follows one of 10 at momentum 0.9 is {value:.4f}, not 2.8"


@momentum_update("moves every layer", hint="How many of the network's layers take part? And their biases?")
def test_momentum_moves_every_layer(student, rng):
    leader, follower, online, target = two_networks(student, rng)
    student.momentum_update(leader, follower, 0.75)
    shares = helpers.shares_moved(target, follower.state().parameters, online, "target after following")
    shares.pop("turned")  # it is not contiguous, which is another test's business
    still = [n for n, s in shares.items() if s is None or min(abs(s - 0.25), abs(s - 0.75)) > 1e-3]
    assert not still, f"at momentum 0.75 these did not move by .25 of the way: {', '.join(still)}"


@momentum_update(
    "keeps the Parameter objects of target",
    hint="An optimiser, or whoever else holds target's parameters, knows the objects. Are yours changed, or exchanged?",
)
def test_momentum_keeps_the_objects(student, rng):
    leader, follower, online, target = two_networks(student, rng)
    before = follower.state().objects
    student.momentum_update(leader, follower, 0.75)
    after = follower.state()
    helpers.assert_some_followed(target, after.parameters, online, 0.75, "target after following")
    other = [name for name in target if after.objects.get(name) != before[name]]
    assert not other, f"these parameters of target are other objects than before: {', '.join(other)}"


# --- Queue ------------------------------------------------------------------------------------------------------------


def numbered(first, count):
    """Keys (count, 2) whose first number counts on from `first`."""
    return torch.tensor([[float(first + n), 1.0] for n in range(count)])


def row_numbers(handle, size, what):
    """What each row is a multiple of: whether rows keep their lengths is another test's business."""
    rows = helpers.rows_of(handle, size, 2, what).double()
    return (rows[:, 0] / rows[:, 1]).mul(1e3).round().div(1e3).tolist()


@queue(
    "puts a batch where the pointer stands",
    hint="Row `pointer` is the oldest one. Which rows does your batch take, and which stay?",
)
def test_a_batch_goes_where_the_pointer_stands(student):
    handle = helpers.queue_of(student, numbered(0, 6), 2)
    handle.call("enqueue", numbered(10, 2))
    rows = row_numbers(handle, 6, "6 rows, the pointer at 2, and a batch of 2")
    assert rows == [0, 1, 10, 11, 4, 5], f"rows 0 to 5 with 10, 11 stored from row 2 on are {rows}"


@queue("moves the pointer on", hint="Where does the next batch begin? Who tells it?")
def test_the_pointer_moves_on(student):
    handle = helpers.queue_of(student, numbered(0, 6), 0)
    for first, expected in ((10, 2), (20, 4)):
        handle.call("enqueue", numbered(first, 2))
        pointer = helpers.pointer_of(handle, "after a batch of 2")
        assert pointer == expected, f"after a batch of 2 the pointer should stand at {expected}, not at {pointer}"
    helpers.assert_inside(helpers.rows_of(handle, 6, 2, "6 rows"), numbered(20, 2), "6 rows, two batches of 2")


@queue(
    "goes round the end to row 0",
    hint="With five rows and the pointer at 3, two of four keys fit before the end. Where do the others go?",
)
def test_a_batch_goes_round_the_end(student):
    handle = helpers.queue_of(student, numbered(0, 5), 3)
    handle.call("enqueue", numbered(10, 4))
    rows = row_numbers(handle, 5, "5 rows, the pointer at 3, and a batch of 4")
    assert rows == [12, 13, 2, 10, 11], f"rows 0 to 4 with 10 to 13 stored from row 3 on are {rows}"


# --- moco_loss --------------------------------------------------------------------------------------------------------


def cost(right, *others):
    """What picking the logit `right` costs among all these: minus the log of its share."""
    return math.log(sum(math.exp(logit - right) for logit in (right, *others)))


def mean(*costs):
    return sum(costs) / len(costs)


@loss(
    "has 1 + M candidates for each query",
    hint="Three equal queries and keys, a queue of four equal rows: how many may a query choose from? "
    "log 4 = 1.386 leaves its own key out, log 7 = 1.946 lets in the other keys of the batch.",
)
def test_loss_of_equal_vectors_is_log_of_the_candidates(student):
    ones = torch.full((4, 6), 6**-0.5)  # of length 1
    what = "three equal queries and keys against a queue of four equal rows (log 5)"
    over_the_batch = cost(4, *[2 * math.sqrt(3)] * 4)
    mistakes = {
        "mean": [3 * math.log(5)],
        "lengths": [over_the_batch],
        "temperature": [cost(2, 1, 1, 1, 1), cost(1, 2, 2, 2, 2)],
    }
    value = student.moco_loss(ones[:3], ones[:3], ones, 0.5)
    helpers.assert_loss(value, math.log(5), mistakes, about={"candidates"}, what=what, within=5e-3)


# Two queries and their keys: similarities of 1 and .6 with the own key, of 0, .8 and -1 with the queue.
QUERIES = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
KEYS = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.6, 0.8]])
ROWS = torch.tensor([[0.0, 0.0, 1.0], [0.8, 0.0, 0.6], [0.0, -1.0, 0.0]])


def two_queries(t, own=None, divide=(1.0, 1.0)):
    """The mean cost at temperature t, by hand; own: what the own similarities are taken for."""
    first, second = own or (1.0, 0.6)
    a, b = divide[0] / t, divide[1] / t
    return mean(cost(a * first, 0, b * 0.8, 0), cost(a * second, 0, 0, -b))


def two_mistakes(t):
    right = two_queries(t)
    return {
        "mean": [2 * right],
        "candidates": [
            mean(math.log(2 + math.exp(0.8 / t)) - 1 / t, math.log(2 + math.exp(-1 / t)) - 0.6 / t),
            mean(cost(1 / t, 0, 0, 0.8 / t, 0), cost(0.6 / t, 0, 0, 0, -1 / t)),
            mean(cost(1 / t, 0), cost(0.6 / t, 0)),
        ],
        "key": [two_queries(t, (0.0, 0.0)), two_queries(t, (1.0, 0.0))],
        "lengths": [mean(cost(1 / t, 0, 1 / t, 0), cost(1 / t, 0, 0, -1 / t))],  # each feature over the batch
        "temperature": [
            two_queries(1),
            two_queries(1 / t),
            two_queries(t * t),
            two_queries(t, divide=(1, t)),
            two_queries(t, divide=(t, 1)),
        ],
    }


@loss(
    "divides every similarity by the temperature",
    hint="Similarities of 1 and 0 at temperature 0.25 are logits of 4 and 0. What are they for you, own key and queue?",
)
def test_loss_uses_the_temperature(student):
    value = student.moco_loss(QUERIES, KEYS, ROWS, 0.25)
    what = "the loss of two queries at temperature 0.25"
    helpers.assert_loss(value, two_queries(0.25), two_mistakes(0.25), about={"temperature"}, what=what, within=5e-3)


@loss(
    "compares directions, whatever the lengths of queries, keys and queue",
    hint="A cosine is a product of vectors of length 1. Whose lengths are still in yours?",
)
def test_loss_ignores_lengths(student):
    value = student.moco_loss(3 * QUERIES, 0.5 * KEYS, 2 * ROWS, 0.5)
    what = "the loss of queries of length 3, keys of 0.5 and a queue of 2"
    helpers.assert_loss(value, two_queries(0.5), two_mistakes(0.5), about={"lengths"}, what=what)


@loss("takes key i for query i", hint="Each query has one key of its own. Which one is right for query 1 in yours?")
def test_loss_wants_key_i_for_query_i(student):
    value = student.moco_loss(QUERIES, KEYS, ROWS, 0.5)
    helpers.assert_loss(
        value, two_queries(0.5), two_mistakes(0.5), about={"key"}, what="the loss of two queries", within=5e-3
    )


# --- moco_step --------------------------------------------------------------------------------------------------------

PLANE = Lib("ps3.momentum_contrast.parts.Plane")
VIEW1, VIEW2 = torch.tensor([1.0, 0.0]).view(1, 1, 1, 2), torch.tensor([1.0, 1.0]).view(1, 1, 1, 2)


def take_a_step(student):
    """One image, two networks that stretch the plane by (3, 1) and (1, 1), a queue of two rows: (loss, its new row).

    At momentum 0.75 the target stretches by (1.5, 1) once it has followed: its key of view 2 is (1.5, 1).
    """
    online, target = (
        student.build(PLANE, frozen).load({"stretch": torch.tensor([by, 1.0])})
        for frozen, by in ((False, 3), (True, 1))
    )
    handle = helpers.queue_of(student, torch.tensor([[0.0, 1.0], [-1.0, 0.0]]), 0)
    value = student.moco_step(online, target, handle, VIEW1, VIEW2, 0.5, 0.75)
    return value, tuple(helpers.rows_of(handle, 2, 2, "after a step")[0].tolist())


def loss_of(query, key, first_row=(0.0, 1.0)):
    """The loss at temperature 0.5 of one query against its key and the rows first_row and (-1, 0)."""
    x, y = query[0] / math.hypot(*query), query[1] / math.hypot(*query)
    logits = [2 * (x * a + y * b) / math.hypot(a, b) for a, b in (key, first_row, (-1.0, 0.0))]
    return cost(*logits)


STEP_MISTAKES = {
    "target": [loss_of((3, 0), key) for key in ((1, 1), (3, 1), (2.5, 1))],
    "views": [loss_of((3, 0), (1.5, 0)), loss_of((3, 1), (1.5, 0)), loss_of((3, 1), (1.5, 1))],
    "order": [loss_of((3, 0), (1.5, 1), (1.5, 1))],
}


@step(
    "makes the keys with the target, after it has followed",
    hint="Whose keys go into the queue: online's, the target's of before, or those of the target that has followed?",
)
def test_keys_come_from_the_target_that_has_followed(student):
    _, row = take_a_step(student)
    what = "the target, which stretched by (1, 1), follows (3, 1) at momentum 0.75: its key of (1, 1)"
    assert any(math.dist(row, key) < 1e-3 for key in ((1.5, 1), (1.5, 0))), f"{what} is (1.5, 1), stored is {row}"


@step(
    "compares with the queue as it was before the keys join it",
    hint="If keys are enqueued first, each query meets its own key twice: as the right one, and as a wrong one.",
)
def test_the_loss_meets_the_queue_as_it_was(student):
    value, _ = take_a_step(student)
    what = "the loss of a step"
    helpers.assert_loss(value, loss_of((3, 0), (1.5, 1)), STEP_MISTAKES, about={"order"}, what=what)


@step(
    "makes queries of view 1 and keys of view 2",
    hint="Two views, two networks. Does each network get a view of its own?",
)
def test_each_network_gets_its_own_view(student):
    value, row = take_a_step(student)
    helpers.assert_loss(value, loss_of((3, 0), (1.5, 1)), STEP_MISTAKES, about={"views"}, what="the loss of a step")
    assert row[1] > 0.5, f"the key of view 2, (1, 1), has a second number of 1; stored is {row}"
