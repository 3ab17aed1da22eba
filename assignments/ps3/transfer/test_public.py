"""Public checks of the lesson on transfer: small cases that can be looked through."""

import torch

from kit import Seed, assert_raises, exercise, expect_number, load_helpers

few_labels = exercise("transfer-few-labels")
load_backbone = exercise("transfer-load-backbone")
parameter_groups = exercise("transfer-parameter-groups")
finetune_step = exercise("transfer-finetune-step")

helpers = load_helpers(__file__)

# --- few_labels -------------------------------------------------------------------------------------------------------


@few_labels(
    "gives so many places of every class",
    hint="`per_class` is a number for each class, not for all together. How many of each class did you take?",
)
def test_few_labels_gives_so_many_of_each_class(student, rng):
    labels = helpers.drawn_labels(rng, {0: 5, 1: 5, 2: 5})
    found = helpers.places(student.few_labels(labels, 3, Seed(1)), labels)
    counts = helpers.counted(found, labels)
    assert counts == {0: 3, 1: 3, 2: 3}, f"places of each class, of three that were asked for: {counts}"


@few_labels("names the places in ascending order", hint="Classes come mixed. Whose order does your answer have?")
def test_few_labels_is_in_ascending_order(student, rng):
    labels = helpers.drawn_labels(rng, {0: 6, 1: 6, 2: 6, 3: 6})
    found = helpers.places(student.few_labels(labels, 4, Seed(2)), labels)
    helpers.assert_balanced(found, labels)
    assert found == sorted(found), f"the places are {found}"


# --- load_backbone ----------------------------------------------------------------------------------------------------


def loaded(student, rng, classes=5, **more):
    """What load_backbone returned, and entries of the network before, of the state, of the network afterwards."""
    network, before = helpers.classifier(student, rng, **more)
    state = helpers.another_state(rng, before, classes)
    answer = student.load_backbone(network, state)
    return answer, before, state, helpers.entries(network)


@load_backbone(
    "gives the backbone the state's weights",
    hint="Print the names in the state beside those of the part that you load into. Do they begin alike?",
)
def test_the_backbone_takes_the_weights(student, rng):
    _, before, state, after = loaded(student, rng)
    names = [name for name in helpers.parameters_of(before) if not helpers.is_head(name)]
    helpers.assert_taken(after, state, names, "the network afterwards")


@load_backbone(
    "leaves the head as it was",
    hint="The state's head names other classes, even where it has the same size. What of it should come along?",
)
def test_the_head_stays(student, rng):
    _, before, _, after = loaded(student, rng, classes=3)
    gone = [name for name in helpers.changed(before, after) if helpers.is_head(name)]
    assert not gone, f"changed, though they belong to the head: {', '.join(gone)}"
    assert helpers.changed(before, after), "nothing of the network has changed"


@load_backbone(
    "refuses a state that lacks an entry",
    hint="A forgotten entry would keep its random values, and nobody would notice. Which sets of names do you compare?",
)
def test_a_missing_entry_is_refused(student, rng):
    network, before = helpers.classifier(student, rng)
    state = helpers.another_state(rng, before)
    lacking = {name: value for name, value in state.items() if name != "backbone.conv.bias"}
    assert_raises(
        ValueError, lambda: student.load_backbone(network, lacking), what="a state without backbone.conv.bias"
    )
    student.load_backbone(network, state)
    assert helpers.changed(before, helpers.entries(network)), "a whole state, loaded, has changed nothing"


# --- parameter_groups -------------------------------------------------------------------------------------------------


def groups_of(student, rng, head_rate=0.5, backbone_rate=0.125, decay=0.25, **more):
    """[(name, rate, decay), ...] of the student's groups, and the network's parameters by name."""
    network, weights = helpers.classifier(student, rng, **more)
    weights = helpers.parameters_of(weights)
    return helpers.grouped(student.parameter_groups(network, head_rate, backbone_rate, decay), weights), weights


@parameter_groups(
    "holds every parameter once",
    hint="An optimiser refuses a parameter that it gets twice, and never moves one that it does not get.",
)
def test_every_parameter_stands_in_one_group(student, rng):
    found, weights = groups_of(student, rng)
    names = sorted(name for name, _, _ in found)
    assert names == sorted(weights), f"the groups hold {', '.join(names)}; the network has {', '.join(sorted(weights))}"


@parameter_groups(
    "gives the head and the backbone a rate each",
    hint="Whose weights know nothing yet, and so may move fast? Which argument comes first?",
)
def test_head_and_backbone_have_their_rates(student, rng):
    found, _ = groups_of(student, rng)
    heads = {rate for name, rate, _ in found if helpers.is_head(name)}
    others = {rate for name, rate, _ in found if not helpers.is_head(name)}
    assert heads == {0.5}, f"rates of the head's parameters, asked for at 0.5: {heads or 'none'}"
    assert others <= {0.125}, f"rates of the backbone's parameters, asked for at 0.125: {others}"


@parameter_groups(
    "lets matrices and kernels decay, and nothing else",
    hint="A bias has one axis, a kernel four. Which of the two does a pull towards 0 make simpler?",
)
def test_what_has_two_axes_decays(student, rng):
    found, weights = groups_of(student, rng)
    wrong = [(name, decay) for name, _, decay in found if decay != (0.25 if weights[name].dim() >= 2 else 0)]
    assert found, "there are no groups"
    assert not wrong, f"asked for 0.25 on what has two or more axes, 0 on the others; {wrong[0][0]} has {wrong[0][1]}"


# --- finetune_step ----------------------------------------------------------------------------------------------------


@finetune_step(
    "returns the loss before the step",
    hint="Mean over the images, of the weights that came in. When do you compute the loss that you return?",
)
def test_the_loss_is_that_before_the_step(student, rng):
    network, weights = helpers.classifier(student, rng)
    images, labels = helpers.batch(rng)
    value = helpers.one_number(student.finetune_step(network, images, labels, 0.5, 0.25))
    right, _ = helpers.after_step(weights, images, labels, 0.5, 0.25)
    excused = [loss for loss, _ in helpers.mistaken_steps(weights, images, labels, 0.5, 0.25)["mode"]]
    near = any(abs(value - loss) < 1e-4 for loss in (right, *excused))
    assert near, f"the loss of 6 images is {right:.4f} before the step, yours is {value:.4f}"


@finetune_step(
    "returns a Python float",
    hint="A tensor drags all that it was computed from along. Which method of it gives the bare number?",
)
def test_the_loss_is_a_python_float(student, rng):
    network, weights = helpers.classifier(student, rng)
    images, labels = helpers.batch(rng)
    value = expect_number(student.finetune_step(network, images, labels, 0.1, 0.05), what="the loss")
    losses = helpers.possible_losses(weights, images, labels, 0.1, 0.05)
    near = any(abs(value - loss) < 1e-3 for loss in losses)
    assert near, f"the loss of 6 images is {losses[0]:.4f}, yours is {value:.4f}"


@finetune_step(
    "moves the head at its rate",
    hint="Minus the rate times the slope, once. Which rate, and is there anything else that your step adds?",
)
def test_the_head_moves_at_its_rate(student, rng):
    network, weights = helpers.classifier(student, rng)
    images, labels = helpers.batch(rng)
    student.finetune_step(network, images, labels, 0.5, 0.125)
    names, what = ["head.weight", "head.bias"], "after a step at head_rate 0.5"
    helpers.assert_moved(
        network.state().parameters, weights, images, labels, 0.5, 0.125, about=("rates",), names=names, what=what
    )


@finetune_step(
    "leaves the running statistics of a frozen backbone alone",
    hint="BatchNorm learns without any gradient. What tells it that it should not?",
)
def test_a_frozen_backbones_statistics_stay(student, rng):
    network, weights = helpers.classifier(student, rng)
    student.finetune_step(network, *helpers.batch(rng), 0.5, 0)
    state = network.state()
    gone = helpers.changed({name: weights[name] for name in state.buffers}, state.buffers)
    assert not gone, f"changed at backbone_rate 0: {', '.join(gone)}"
    still = torch.equal(state.parameters["head.bias"], weights["head.bias"])
    assert not still, "the head has not moved"
