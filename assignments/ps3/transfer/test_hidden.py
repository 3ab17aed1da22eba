# kit-canary-60b09308d7aff85cc5f7d1b7: not to be published
"""Hidden tests of the lesson on transfer."""

import pytest
import torch

from kit import Lib, Seed, assert_raises, assert_same, exercise, expect_tensor, load_helpers

few_labels = exercise("transfer-few-labels")
load_backbone = exercise("transfer-load-backbone")
parameter_groups = exercise("transfer-parameter-groups")
finetune_step = exercise("transfer-finetune-step")

helpers = load_helpers(__file__)


def part(name):
    return Lib(f"ps3.transfer.parts.{name}")


# --- few_labels -------------------------------------------------------------------------------------------------------


@few_labels(
    "names each place once",
    hint="A place drawn twice is a label paid for twice. Does your way of drawing put back what it drew?",
)
def test_no_place_comes_twice(student, rng):
    labels = helpers.drawn_labels(rng, {0: 5, 1: 9})
    for seed in range(3):
        found = helpers.places(student.few_labels(labels, 5, Seed(seed)), labels)
        assert len(found) > 4 and len(set(found)) == len(found), f"the places are {found}"


@few_labels("draws anew for each seed", hint="Is it a draw, or are the first ones of each class taken?")
def test_another_seed_gives_other_places(student, rng):
    labels = helpers.drawn_labels(rng, {0: 20, 1: 20})
    answers = {tuple(helpers.places(student.few_labels(labels, 6, Seed(seed)), labels)) for seed in range(4)}
    assert all(len(answer) >= 6 for answer in answers), "fewer than 6 places"
    assert len(answers) == 4, f"four seeds gave {len(answers)} different answers"


@few_labels(
    "gives every image of a class the same chance",
    hint="Over many draws each image comes as often as its neighbours. Who never comes with you?",
    weight=2,
)
def test_every_place_has_the_same_chance(student, rng):
    labels = helpers.drawn_labels(rng, {0: 6, 1: 6})
    draws = 60
    often = torch.zeros(12)
    for seed in range(draws):
        often[sorted(set(helpers.places(student.few_labels(labels, 3, Seed(seed)), labels)))] += 1
    rarest, commonest = int(often.min()), int(often.max())
    message = f"in {draws} draws of 3 from 6 the rarest image came {rarest} times, the commonest {commonest} times"
    assert 0.2 * draws < rarest and commonest < 0.8 * draws, message


@few_labels(
    "draws from the generator that it is given",
    hint="The same seed should give the same images. Who deals out your random numbers?",
)
def test_the_same_seed_gives_the_same_places(student, rng):
    labels = helpers.drawn_labels(rng, dict.fromkeys(range(5), 15))
    one, two = (helpers.places(student.few_labels(labels, 6, Seed(5)), labels) for _ in range(2))
    helpers.assert_balanced(one, labels)
    assert one == two, "one seed gave two different answers"


@few_labels(
    "draws without a generator, too", hint="`generator` may be None. What do you draw from then, and is it fixed?"
)
def test_without_a_generator_it_still_draws(student, rng):
    labels = helpers.drawn_labels(rng, dict.fromkeys(range(5), 15))
    one, two = (helpers.places(student.few_labels(labels, 6), labels) for _ in range(2))
    helpers.assert_balanced(one, labels)
    assert one != two, "two calls without a generator gave the same places"


@few_labels(
    "knows classes by whatever numbers they have",
    hint="Classes need not be 0, 1, 2, ... Which numbers do you go through?",
)
@pytest.mark.parametrize("classes", [(3, 17, 40, 8, 21), (0, 2, 4, 6, 8), (12, 10, 90, 11, 13, 15)])
def test_classes_may_have_any_numbers(student, rng, classes):
    labels = helpers.drawn_labels(rng, dict.fromkeys(classes, 5))
    found = helpers.places(student.few_labels(labels, 2, Seed(3)), labels)
    counts = helpers.counted(found, labels)
    missed = [label for label, count in counts.items() if not count]
    assert not missed, f"of the classes {sorted(classes)} none of {missed} came"
    helpers.assert_balanced(found, labels)


@few_labels(
    "takes no more of a large class than of a small one",
    hint="Asked for so many of each class, a fair answer has equal numbers. Of what are yours a share?",
)
def test_a_large_class_gives_no_more_than_a_small_one(student, rng):
    labels = helpers.drawn_labels(rng, {0: 4, 1: 16, 2: 10})
    counts = set(helpers.counted(helpers.places(student.few_labels(labels, 4, Seed(6)), labels), labels).values())
    assert counts in ({4}, {5}), (
        f"classes of 4, 16 and 10 images gave {sorted(counts)} places, 4 of each were asked for"
    )


@few_labels(
    "refuses where a class has fewer images",
    hint="Nine of ten is not ten. What happens with a class that is too small, and with one that is just large enough?",
    weight=2,
)
def test_a_class_with_too_few_is_refused(student, rng):
    labels = helpers.drawn_labels(rng, {4: 6, 5: 3, 6: 8})
    assert_raises(ValueError, lambda: student.few_labels(labels, 4, Seed(1)), what="4 of each where a class has 3")
    found = helpers.places(student.few_labels(labels, 3, Seed(1)), labels)
    assert {place for place in range(17) if labels[place] == 5} <= set(found), (
        "a class of 3 comes whole where 3 are asked"
    )


@few_labels(
    "gives int64, one axis, and leaves the labels alone",
    hint="Which dtype do places have? Did you sort, or overwrite, what you were given?",
)
def test_places_are_int64(student, rng):
    labels = helpers.drawn_labels(rng, dict.fromkeys(range(5), 7))
    answer = student.few_labels(labels, 4, Seed(9))
    assert student.unchanged_inputs, "few_labels changed the labels"
    helpers.assert_balanced(helpers.places(answer, labels), labels)
    expect_tensor(answer, what="places", dtype=torch.int64)


# --- load_backbone ----------------------------------------------------------------------------------------------------


def prepared(student, rng, classes=5, **more):
    """A network, its entries, and the state of another one."""
    network, before = helpers.classifier(student, rng, **more)
    return network, before, helpers.another_state(rng, before, classes)


def backbone_of(values):
    return {name: value for name, value in values.items() if not helpers.is_head(name)}


def assert_mostly_taken(network, state):
    """Some weight of the backbone has come over: which ones, other tests ask."""
    after = helpers.entries(network)
    taken = [name for name, value in backbone_of(state).items() if torch.equal(after[name], value)]
    assert taken, "a state that fits, loaded, has changed nothing of the backbone"


@load_backbone(
    "takes the buffers along",
    hint="A network is more than its parameters: BatchNorm keeps a mean, a variance and a count.",
    weight=2,
)
def test_buffers_come_along(student, rng):
    network, before, state = prepared(student, rng, dim=5, channels=2)
    student.load_backbone(network, state)
    names = sorted(set(before) - set(helpers.parameters_of(before)))
    helpers.assert_taken(helpers.entries(network), state, names, "the network afterwards")


@load_backbone(
    "cuts the right piece off the names",
    hint="A backbone may have parts that are called `backbone` and `head` themselves. Which dot ends the prefix?",
    weight=2,
)
def test_names_inside_the_backbone_may_be_anything(student, rng):
    network, before, state = prepared(student, rng, kind="nested", dim=3, channels=2)
    student.load_backbone(network, state)
    names = [name for name in helpers.parameters_of(before) if not helpers.is_head(name)]
    helpers.assert_taken(helpers.entries(network), state, names, "a backbone with parts `backbone` and `head`")


@load_backbone(
    "returns the names that it left, sorted",
    hint="Names as in `network.state_dict()`. Which of them took no value, and in which order does the text want them?",
    weight=3,
)
def test_what_was_left_is_named(student, rng):
    for kind, bias in (("tiny", True), ("nested", True), ("tiny", False)):
        network, _, state = prepared(student, rng, kind=kind, head_bias=bias)
        answer = student.load_backbone(network, state)
        wanted = ["head.bias", "head.weight"] if bias else ["head.weight"]
        assert isinstance(answer, list), f"expected a list of names, got a {type(answer).__name__}"
        assert answer == wanted, f"left as they were: {wanted}, you say {answer!r:.200}"
        assert_mostly_taken(network, state)


@load_backbone(
    "refuses a state with an entry too many",
    hint="An entry that finds no place may be a layer that you believe you have loaded.",
    weight=2,
)
def test_an_entry_too_many_is_refused(student, rng):
    network, _, state = prepared(student, rng)
    longer = state | {"backbone.norm2.weight": torch.ones(4)}
    what = "a state with backbone.norm2.weight, which the network has not"
    assert_raises(ValueError, lambda: student.load_backbone(network, longer), what=what)
    student.load_backbone(network, state)
    assert_mostly_taken(network, state)


@load_backbone(
    "refuses another shape",
    hint="torch stretches a tensor of one number over a whole layer. Do you compare shapes before you copy?",
    weight=2,
)
@pytest.mark.parametrize("shape", [(1,), (6,), (4, 1)])
def test_another_shape_is_refused(student, rng, shape):
    network, _, state = prepared(student, rng)
    other = state | {"backbone.norm.running_var": torch.ones(shape)}
    what = f"a state whose backbone.norm.running_var has shape {shape}, not (4,)"
    assert_raises(ValueError, lambda: student.load_backbone(network, other), what=what)
    student.load_backbone(network, state)
    assert_mostly_taken(network, state)


@load_backbone(
    "changes nothing where it refuses",
    hint="Half a loaded network is worse than none. What has happened already when you meet the entry that is wrong?",
    weight=3,
)
def test_a_refused_state_changes_nothing(student, rng):
    network, before, state = prepared(student, rng)
    last = "backbone.norm.num_batches_tracked"
    wrong = {
        "lacks its last entry": {name: value for name, value in state.items() if name != last},
        "has an entry too many": state | {"backbone.extra": torch.ones(2)},
        "has a last entry of another shape": state | {last: torch.ones(2, dtype=torch.int64)},
        "has a first entry of another shape": state | {"backbone.conv.weight": torch.ones(4, 3, 1, 3)},
    }
    for how, given in wrong.items():
        try:
            student.load_backbone(network, given)
        except (ValueError, RuntimeError, KeyError, AttributeError):
            gone = helpers.changed(before, helpers.entries(network))
            assert not gone, f"the state {how} and is refused, yet the network changed: {', '.join(gone)}"
        network.load(before)  # whether it is refused at all, other tests ask
    student.load_backbone(network, state)
    assert_mostly_taken(network, state)


@load_backbone(
    "copies the values rather than sharing them",
    hint="The pretrained weights are needed again for the next run. What happens to them when this network trains?",
)
def test_the_state_is_not_shared(student, rng):
    network, before, state = prepared(student, rng)
    later = student.run(part("load_and_spoil"), student.load_backbone, network, state)
    gone = helpers.changed({name: value for name, value in state.items() if name in later}, later)
    assert not gone, f"changed in the state when the network was trained afterwards: {', '.join(gone)}"
    after = helpers.entries(network)
    moved = [name for name in backbone_of(state) if torch.allclose(after[name], state[name] + 1)]
    assert moved, "nothing of the state was loaded"


@load_backbone(
    "leaves state, Parameter objects, modes and flags as they are",
    hint="An optimiser that was made before holds the old Parameter objects. Do you fill them, or replace them?",
    weight=2,
)
def test_parameters_stay_the_same_objects(student, rng):
    network = student.build(part("half_asleep"), "tiny", 4, 2, 3)
    before = network.state()
    state = helpers.another_state(rng, before.parameters | before.buffers)
    student.load_backbone(network, state)
    assert student.unchanged_inputs, "load_backbone changed the state that it was given"
    after = network.state()
    assert after.objects == before.objects, "parameters or buffers are other objects than before"
    assert after.requires_grad == before.requires_grad, f"requires_grad is now {after.requires_grad}"
    assert after.training == before.training, f"training flags were {before.training}, are {after.training}"
    assert_mostly_taken(network, state)


@load_backbone("loads float64 without a loss", hint="Does some step of yours go through float32?")
def test_float64_is_kept(student, rng):
    network, before, state = prepared(student, rng, channels=1)
    network.double()
    exact = {name: value.double() / 3 if value.is_floating_point() else value for name, value in state.items()}
    student.load_backbone(network, exact)
    names = [name for name in helpers.parameters_of(before) if not helpers.is_head(name)]
    helpers.assert_taken(helpers.entries(network), exact, names, "a network in float64")


# --- parameter_groups -------------------------------------------------------------------------------------------------


def groups_of(student, rng, *rates, **more):
    """The student's groups as (name, rate, decay), the network's parameters by name, the groups as they came."""
    network, weights = helpers.classifier(student, rng, **more)
    weights = helpers.parameters_of(weights)
    answer = student.parameter_groups(network, *rates)
    return helpers.grouped(answer, weights), weights, answer


@parameter_groups(
    "leaves a backbone at rate 0 out",
    hint="With a rate of 0 an optimiser still keeps its books for every weight. Who is left at backbone_rate 0?",
    weight=2,
)
@pytest.mark.parametrize("kind", ["tiny", "nested"])
def test_a_backbone_at_rate_zero_is_left_out(student, rng, kind):
    for zero in (0, 0.0):
        found, _, _ = groups_of(student, rng, 0.5, zero, 0.25, kind=kind)
        names = sorted({name for name, _, _ in found})
        assert names == ["head.bias", "head.weight"], f"at backbone_rate {zero} the groups hold {', '.join(names)}"


@parameter_groups(
    "gives no empty group",
    hint="A head without a bias, a backbone without one, a backbone that is left out: which of your groups is empty?",
    weight=2,
)
def test_no_group_is_empty(student, rng):
    for kind, bias, rate in (("tiny", True, 0), ("matrices", True, 0.1), ("matrices", False, 0.1), ("tiny", False, 0)):
        found, _, answer = groups_of(student, rng, 0.5, rate, 0.25, kind=kind, head_bias=bias)
        sizes = [len(group["params"]) if isinstance(group["params"], (list, tuple)) else 1 for group in answer]
        assert sizes and min(sizes) > 0, f"a {kind} backbone at rate {rate}: groups of {sizes} parameters"
        assert "head.weight" in [name for name, _, _ in found], "the head's weight stands in no group"


@parameter_groups(
    "hands the network's own parameters to torch.optim",
    hint="An optimiser moves the objects that it is given. Are yours those of the network, or copies of them?",
    weight=3,
)
def test_an_optimiser_moves_the_network(student, rng):
    network, weights = helpers.classifier(student, rng, kind="nested", dim=3, channels=2)
    weights = helpers.parameters_of(weights)
    student.run(part("descend"), student.parameter_groups, network, 0.5, 0.25, 0.125)
    after = network.state().parameters
    possible = [(rate, decay) for rate in (0.5, 0.25) for decay in (0.125, 0)]  # which is whose, other tests ask
    for name, value in weights.items():
        ways = [value - rate * (1 + decay * value) for rate, decay in possible]
        near = any(torch.allclose(after[name], way, atol=1e-5) for way in ways)
        assert near, f"{name} is not where one step of gradient descent brings it"


@parameter_groups(
    "counts axes, not names",
    hint="A bias is not the only parameter with fewer than two axes, a weight of BatchNorm has one, too.",
    weight=2,
)
def test_decay_goes_by_axes(student, rng):
    for kind in ("nested", "matrices"):
        found, weights, _ = groups_of(student, rng, 0.5, 0.125, 0.25, kind=kind, dim=3, channels=2)
        assert len(found) >= 3, f"the groups hold {len(found)} parameters"
        for name, _, decay in found:
            axes = weights[name].dim()
            assert decay == (0.25 if axes >= 2 else 0), f"{name}, of {axes} axes, decays with {decay}, not 0.25 or 0"


@parameter_groups(
    "tells the backbone's parts from the head by where they are",
    hint="A backbone may have a part that is called `head`. Whose is it?",
    weight=2,
)
def test_rates_go_by_part(student, rng):
    found, _, _ = groups_of(student, rng, 0.5, 0.125, 0.25, kind="nested", dim=3, channels=2)
    inner = {rate for name, rate, _ in found if name.startswith("backbone.head")}
    assert inner in ({0.125}, {0.5}) and found, f"rates of the backbone's part `head`: {inner or 'none'}"
    others = {rate for name, rate, _ in found if name.startswith("backbone.backbone")}
    assert inner == others, f"the backbone's part `head` has {inner}, its part `backbone` {others}"


@parameter_groups(
    "holds a shared parameter once",
    hint="One layer that is used twice has two names and one weight. Who tells you that it is the same?",
)
def test_a_shared_parameter_comes_once(student, rng):
    network = student.build(helpers.SMALL, "shared", 3, 2, 4)
    weights = helpers.random_values(network.state().parameters, rng)
    both = {name.replace("first", "second"): value for name, value in weights.items() if "first" in name}
    network.load(weights | both)
    found = helpers.grouped(student.parameter_groups(network, 0.5, 0.125, 0.25), weights)
    names = [name for name, _, _ in found]
    assert "head.weight" in names and "backbone.enter.weight" in names, f"the groups hold {', '.join(names)}"
    twice = {name for name in names if names.count(name) > 1}
    assert not twice, f"more than once: {', '.join(sorted(twice))}"


@parameter_groups(
    "keeps the head in at rate 0",
    hint="The text leaves out the backbone at rate 0. Does it say so of the head?",
)
def test_only_the_backbone_is_left_out(student, rng):
    found, _, _ = groups_of(student, rng, 0.0, 0.125, 0.25)
    names = {name for name, _, _ in found}
    assert {"head.weight", "head.bias"} <= names, f"at head_rate 0 the groups hold {', '.join(sorted(names))}"


@parameter_groups(
    "leaves the network as it is, and gives lists",
    hint="Grouping moves nothing and freezes nothing. And what is left of a generator after it was read once?",
    weight=2,
)
def test_grouping_changes_nothing(student, rng):
    for rate in (0.125, 0):
        network, weights = helpers.classifier(student, rng)
        before = network.state()
        answer = student.parameter_groups(network, 0.5, rate, 0.25)
        after = network.state()
        names = {name for name, _, _ in helpers.grouped(answer, helpers.parameters_of(weights))}
        assert "head.weight" in names, f"the groups hold {', '.join(sorted(names))}"
        assert not helpers.changed(before.parameters, after.parameters), "parameters have other values"
        assert after.requires_grad == before.requires_grad, f"requires_grad is now {after.requires_grad}"
        assert after.training == before.training, f"training flags are now {after.training}"
        kinds = {type(group["params"]).__name__ for group in answer}
        assert isinstance(answer, list) and kinds == {"list"}, f"params: a {', a '.join(sorted(kinds))}; expected lists"


# --- finetune_step ----------------------------------------------------------------------------------------------------


@finetune_step(
    "moves the backbone at its rate",
    hint="Minus the rate times the slope, once. Which rate is the backbone's?",
    weight=2,
)
def test_the_backbone_moves_at_its_rate(student, rng):
    network, weights = helpers.classifier(student, rng)
    images, labels = helpers.batch(rng)
    student.finetune_step(network, images, labels, 0.125, 0.5)
    names = [name for name in helpers.parameters_of(weights) if not helpers.is_head(name)]
    after, what = network.state().parameters, "after a step at backbone_rate 0.5"
    helpers.assert_moved(after, weights, images, labels, 0.125, 0.5, about=("rates",), names=names, what=what)


@finetune_step(
    "agrees with the formula in every number",
    hint="Compare one step with one that you work out by hand, for one image of one pixel.",
    weight=2,
    broad=True,
)
@pytest.mark.parametrize("sizes", [(5, 2, 3, 6), (1, 3, 5, 2), (8, 1, 4, 4)])
def test_a_step_agrees_with_the_formula(student, rng, sizes):
    network, weights = helpers.classifier(student, rng, dim=5, channels=sizes[1], classes=4)
    network.double()
    images, labels = helpers.batch(rng, *sizes, classes=4)
    value = helpers.one_number(student.finetune_step(network, images.double(), labels, 0.3, 0.2))
    loss, right = helpers.after_step(weights, images, labels, 0.3, 0.2)
    state, what = network.state(), f"after a step with images {sizes}"
    assert abs(value - loss) < 1e-6, f"{what}: the loss is {loss:.6f}, yours {value:.6f}"
    for name, wanted in right.items():
        if name == "backbone.conv.bias":  # BatchNorm takes it away again: its slope is a rounding error
            continue
        assert_same(state.parameters[name], wanted, what=f"{what}: {name}", atol=1e-7)


@finetune_step(
    "lets BatchNorm learn where the backbone trains",
    hint="In training mode BatchNorm goes by the batch, and moves its running statistics a tenth of the way.",
    weight=2,
)
def test_a_training_backbones_statistics_move(student, rng):
    network, weights = helpers.classifier(student, rng)
    network.eval()
    images, labels = helpers.batch(rng, height=5, width=3)
    helpers.one_number(student.finetune_step(network, images, labels, 0.1, 0.05))
    buffers = network.state().buffers
    for name, wanted in helpers.statistics_after(weights, images).items():
        assert_same(buffers[name], wanted.float(), what=f"after a step from eval mode: {name}", atol=1e-4)


@finetune_step(
    "runs a frozen backbone in eval mode",
    hint="Which statistics does a frozen BatchNorm go by: those of this batch, or those that it has kept?",
    weight=2,
)
def test_a_frozen_backbone_runs_in_eval_mode(student, rng):
    network, weights = helpers.classifier(student, rng)
    images, labels = helpers.batch(rng)
    value = helpers.one_number(student.finetune_step(network, images, labels, 0.5, 0))
    given = (weights, images, labels, 0.5, 0)
    losses = [loss for loss, _ in (helpers.after_step(*given), *helpers.mistaken_steps(*given)["mean"])]
    later = _loss_after(*given)
    near = any(abs(value - loss) < 1e-4 for loss in (*losses, later))
    assert near, f"with running statistics the loss is {losses[0]:.4f}, yours is {value:.4f}"


def _loss_after(weights, images, labels, head_rate, backbone_rate):
    """What a frozen network's loss is after the step: another test's business."""
    _, moved = helpers.after_step(weights, images, labels, head_rate, backbone_rate)
    return helpers.after_step(weights | moved, images, labels, head_rate, backbone_rate)[0]


@finetune_step(
    "moves nothing of a frozen backbone",
    hint="Frozen means bit for bit. Is a rate of 0 enough for that, or does something else move weights, too?",
)
def test_a_frozen_backbone_keeps_its_weights(student, rng):
    network, weights = helpers.classifier(student, rng, dim=3, channels=1)
    for _ in range(2):
        student.finetune_step(network, *helpers.batch(rng, channels=1), 0.5, 0)
    after = network.state().parameters
    gone = [name for name in helpers.changed(helpers.parameters_of(weights), after) if not helpers.is_head(name)]
    assert not gone, f"changed at backbone_rate 0: {', '.join(gone)}"
    assert not torch.equal(after["head.weight"], weights["head.weight"]), "the head has not moved"


@finetune_step(
    "leaves head and backbone in their modes",
    hint="Parts may come in any mode: half asleep, or frozen by the step before. In which mode does each go on?",
    weight=2,
)
def test_modes_are_as_the_text_says(student, rng):
    network = student.build(part("half_asleep"), "watched", 4, 3, 3)
    for rate, mode in ((0, False), (0.125, True), (0.0, False)):
        before = network.state().parameters
        student.finetune_step(network, *helpers.batch(rng), 0.25, rate)
        state = network.state()
        training = state.training
        still = torch.equal(state.parameters["head.weight"], before["head.weight"])
        assert not still, f"a step at backbone_rate {rate} has not moved the head"
        wrong = [name for name, found in training.items() if name.startswith("backbone") and found != mode]
        assert not wrong, f"after a step at backbone_rate {rate} in the wrong mode: {', '.join(wrong)}"
        assert training["head"], f"after a step at backbone_rate {rate} the head is in eval mode"


@finetune_step(
    "does not count gradients from before",
    hint="`backward` adds to the gradients that are there. What was there when you came?",
    weight=2,
)
def test_gradients_from_before_do_not_count(student, rng):
    network, weights = helpers.classifier(student, rng)
    images, labels = helpers.batch(rng)
    student.run(part("leave_gradients"), network, 3.0)
    student.finetune_step(network, images, labels, 0.5, 0.25)
    names, what = list(helpers.parameters_of(weights)), "after a step where gradients of 3 were left from before"
    after = network.state().parameters
    helpers.assert_moved(after, weights, images, labels, 0.5, 0.25, about=("before",), names=names, what=what)


@finetune_step(
    "leaves no gradients behind",
    hint="What you leave behind counts for whoever calls backward next, also where a part is frozen.",
)
@pytest.mark.parametrize("rate", [0.25, 0])
def test_no_gradients_are_left(student, rng, rate):
    network, weights = helpers.classifier(student, rng)
    student.run(part("leave_gradients"), network, 2.0)
    student.finetune_step(network, *helpers.batch(rng), 0.5, rate)
    left = helpers.one_number(student.run(part("largest_gradient"), network), "the largest gradient")
    assert left == 0, f"at backbone_rate {rate} a gradient of {left:.3g} is left"
    still = torch.equal(network.state().parameters["head.weight"], weights["head.weight"])
    assert not still, "the head has not moved"


@finetune_step(
    "can thaw what it froze",
    hint="Freezing is for one step. Is everything that you switched off switched on again?",
)
def test_a_backbone_can_be_trained_after_it_was_frozen(student, rng):
    network, _ = helpers.classifier(student, rng)
    before = network.state()
    student.finetune_step(network, *helpers.batch(rng), 0.5, 0)
    frozen = network.state()
    assert frozen.requires_grad == before.requires_grad, f"requires_grad is now {frozen.requires_grad}"
    assert frozen.objects == before.objects, "parameters or buffers are other objects than before"
    student.finetune_step(network, *helpers.batch(rng), 0.5, 0.25)
    after = network.state().parameters
    moved = helpers.changed(frozen.parameters, after)
    assert "backbone.conv.weight" in moved, (
        "a step at backbone_rate 0.25, after a frozen one, does not move the backbone"
    )


@finetune_step(
    "leaves images and labels alone",
    hint="Does some step of yours write into what it was given?",
)
def test_images_and_labels_stay(student, rng):
    network, weights = helpers.classifier(student, rng, channels=2)
    images, labels = helpers.batch(rng, channels=2)
    student.finetune_step(network, images, labels, 0.5, 0.25)
    assert student.unchanged_inputs, "finetune_step changed the images or the labels"
    assert network.state().parameters["head.weight"].dtype == torch.float32, "the network is no longer in float32"
    assert helpers.changed(helpers.parameters_of(weights), network.state().parameters), "nothing has moved"
