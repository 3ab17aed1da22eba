# kit-canary-60b09308d7aff85cc5f7d1b7: not to be published
"""Hidden tests of the lesson on units: other sizes, dtypes and networks, slow loops, failures on the way."""

import torch

from kit import (
    CheckFailed,
    assert_raises,
    assert_same,
    exercise,
    expect_number,
    expect_tensor,
    expect_tuple,
    load_helpers,
)

activations = exercise("units-activations")
field = exercise("units-receptive-field")
strongest = exercise("units-strongest")
share = exercise("units-class-share")

helpers = load_helpers(__file__)

# --- activations ------------------------------------------------------------------------------------------------------


@activations(
    "finds any part, inner ones and whole ones, on images of any size",
    hint="Names such as upper.0 lead into a part of a part. Height and width differ here, and one image comes alone.",
    broad=True,
    weight=2,
)
def test_activations_agree_with_the_formula(student, rng):
    for channels, width, shape, size in ((2, 4, (5, 6, 9), 2), (3, 5, (1, 7, 4), 8)):
        weights, images = (
            helpers.two_floors(rng, channels, width),
            torch.rand(shape[0], channels, *shape[1:], generator=rng),
        )
        network = helpers.network(student, "TwoFloors", channels, width).load(weights)
        for name, expected in helpers.written_out(weights, images).items():
            maps = student.activations(network, name, images, size)
            assert_same(maps, expected.float(), what=f"maps of {name}", atol=1e-4, any_float=True)


@activations(
    "knows the network itself by the empty name",
    hint="named_modules() also names the network itself.",
)
def test_the_network_itself_is_a_part(student, rng):
    images = torch.rand(3, 2, 4, 5, generator=rng)
    network = helpers.network(student, "Arithmetic")
    maps = student.activations(network, "", images, 2)
    assert_same(maps, -(2 * images + 3), what="maps of the part named ''", any_float=True)


@activations(
    "goes through as many images at a time as it is told to",
    hint="Seven images with batch_size=3 make three batches; each image goes through once.",
    weight=2,
)
def test_images_go_through_in_batches(student):
    maps = student.activations(helpers.network(student, "Reporter"), "report", helpers.numbered(7), batch_size=3)
    maps = expect_tensor(maps, what="maps", shape=(7, 3, 1, 2), dtype="floating")
    sizes = sorted(int(size) for size in maps[:, 0, 0, 0].tolist())
    assert sizes == [1, 3, 3, 3, 3, 3, 3], f"images went through in companies of {sizes}"


@activations("takes 256 at a time where nothing is said", hint="The signature has a default.")
def test_the_default_batch_size_is_256(student):
    maps = student.activations(helpers.network(student, "Reporter"), "report", helpers.numbered(300, 1, 1))
    maps = expect_tensor(maps, what="maps", shape=(300, 3, 1, 2), dtype="floating")
    sizes = sorted({int(size) for size in maps[:, 0, 0, 0].tolist()})
    assert sizes == [44, 256], f"300 images went through in batches of {sizes}"


@activations(
    "gives each part its own mode back",
    hint="A part may be in eval mode while the rest is training. Note each one's flag.",
    weight=2,
)
def test_every_part_gets_its_own_mode_back(student, rng):
    network, images = helpers.network(student, "HalfFrozen"), torch.rand(3, 1, 2, 4, generator=rng)
    before = helpers.modes(network)
    helpers.assert_second(student.activations(network, "second", images), images)
    helpers.assert_modes(network, before)


def failed(student, rng):
    """A network that raised in its second batch, and its training flags before."""
    network, images = helpers.network(student, "Fragile"), torch.rand(4, 1, 2, 3, generator=rng)
    before = helpers.modes(network)
    helpers.assert_second(student.activations(network, "second", images, 2), images, size=2)
    images[3, 0, 1, 1] = 80.0
    what = "a network that raises RuntimeError in its second batch"
    assert_raises(RuntimeError, lambda: student.activations(network, "second", images, 2), what=what)
    return network, before


@activations(
    "leaves no hook when the network raises",
    hint="Which lines of yours still run when the network stops with an error?",
    weight=2,
)
def test_no_hook_is_left_after_a_failure(student, rng):
    network, _ = failed(student, rng)
    helpers.assert_listeners(network)


@activations(
    "gives every mode back when the network raises",
    hint="Which lines of yours still run when the network stops with an error?",
    weight=2,
)
def test_modes_are_given_back_after_a_failure(student, rng):
    helpers.assert_modes(*failed(student, rng))


@activations(
    "leaves everything as it was where there is no such part",
    hint="Names that nearly lead to a part, or to something that is not a part, such as a weight.",
    weight=2,
)
def test_a_refusal_changes_nothing(student, rng):
    network, images = helpers.network(student, "HalfFrozen"), torch.rand(2, 1, 4, 5, generator=rng)
    before = helpers.modes(network)
    helpers.assert_second(student.activations(network, "second", images), images)
    network.train(True)
    before = helpers.modes(network)
    for name in ("second.0", "first.factor", "Second", "forward"):
        assert_raises(ValueError, lambda name=name: student.activations(network, name, images), what=f"a part {name!r}")
    helpers.assert_modes(network, before)
    helpers.assert_listeners(network)


@activations(
    "leaves other people's hooks where they are",
    hint="You take away the hook that you put there. Whose hooks go with it?",
)
def test_other_hooks_stay(student, rng):
    network, images = helpers.network(student, "Watched"), torch.rand(3, 1, 3, 2, generator=rng)
    before = helpers.listeners(network)
    helpers.assert_second(student.activations(network, "second", images), images)
    after = helpers.listeners(network)
    assert after >= before == 1, f"a hook of somebody else listened before; now there are {after}"


@activations(
    "returns float32 from a float64 network, and leaves images alone",
    hint="The network's dtype decides what it puts out. What does the text promise?",
)
def test_maps_are_float32(student, rng):
    weights, images = helpers.two_floors(rng, 2, 4), torch.rand(3, 2, 5, 6, generator=rng, dtype=torch.float64)
    network = helpers.network(student, "TwoFloors").load(weights).double().eval()
    maps = student.activations(network, "lower.0", images)
    assert student.unchanged_inputs, "activations changed the images or the network"
    helpers.assert_first_floor(maps, weights, images)
    expect_tensor(maps, what="maps of a float64 network", dtype=torch.float32)


@activations(
    "sends each batch to the network's device",
    hint="Images wait on the CPU; a network may live on a GPU. Who goes where?",
    weight=2,
)
def test_batches_go_to_the_networks_device(student):
    maps = student.activations(helpers.network(student, "Elsewhere"), "where", helpers.numbered(4))
    maps = expect_tensor(maps, what="maps", shape=(4, 1, 2, 3), dtype="floating")
    assert bool((maps == torch.arange(5.0, 11.0).view(1, 1, 2, 3)).all()), (
        "the network lives on the device meta, its images were elsewhere"
    )


@activations(
    "returns maps without gradients, and leaves torch as it was",
    hint="Do the maps drag the network's gradients along? Is each switch of torch that you turn off on again?",
)
def test_maps_carry_no_gradients(student, rng):
    weights, images = helpers.two_floors(rng, 2, 4), torch.rand(2, 2, 4, 5, generator=rng)
    network = helpers.network(student, "TwoFloors").load(weights)
    before = network.state()
    maps = student.activations(network, "lower.0", images)
    flags, changed = student.flags, student.changed_modes
    helpers.assert_first_floor(maps, weights, images)
    assert not flags & {"requires_grad", "parameter"}, f"the maps carry: {', '.join(sorted(flags))}"
    assert not changed, f"left changed in torch: {', '.join(sorted(changed))}"
    after = network.state()
    assert after.requires_grad == before.requires_grad, "parameters ask for gradients otherwise than before"
    assert after.objects == before.objects, "parameters or buffers are other objects than before"


# --- receptive_field --------------------------------------------------------------------------------------------------


def drawn_layers(rng, count):
    """Layers that differ in kernel, stride and padding."""
    kernels = (torch.randint(2, 6, (count,), generator=rng)).tolist()
    strides = (torch.randint(1, 4, (count,), generator=rng)).tolist()
    return [(kernel, stride, (kernel - 1) // 2) for kernel, stride in zip(kernels, strides, strict=True)]


@field(
    "agrees with a slow loop over all pixels",
    hint="Follow one row back through every layer: from which rows of the map below is it made?",
    broad=True,
    weight=2,
)
def test_boxes_agree_with_a_loop(student, rng):
    for count in (1, 2, 4):
        layers = drawn_layers(rng, count)
        row, column = torch.randint(1, 9, (2,), generator=rng).tolist()
        found = helpers.four(student.receptive_field(list(layers), row, column), "the box")
        true = helpers.box_of(layers, row, column)
        assert found == true, f"unit ({row}, {column}) after {layers}: yours {found}, expected {true}"


@field("is the pixel itself where there is no layer", hint="How many rows does one pixel have?")
def test_without_layers_a_unit_is_a_pixel(student):
    found = helpers.four(student.receptive_field([], 4, 7), "the box without layers")
    excused = {(7, 4, 8, 5), (7, 4, 5, 8), (4, 5, 7, 8), (4, 7, 1, 1), (4, 7, 4, 7), (4, 7, 6, 9)}
    assert found == (4, 7, 5, 8) or found in excused, f"a pixel at (4, 7): yours {found}, expected (4, 7, 5, 8)"


@field(
    "may reach outside the image, on any side",
    hint="The size of the image is not among the arguments: whoever draws the box cuts it.",
    weight=2,
)
def test_boxes_reach_outside(student):
    layers = [(7, 2, 3), (3, 2, 1), (3, 1, 1)]
    helpers.assert_box(student, layers, 0, 0, about=("outside",), what="the box of a corner")
    helpers.assert_box(student, layers, 0, 9, about=("outside",), what="the box of an edge")
    helpers.assert_box(student, [(3, 1, 4)], 1, 0, about=("outside",), what="the box that lies outside altogether")


@field(
    "counts each padding in the pixels of its own layer's map",
    hint="One unit of padding in the third layer is how many pixels of the image?",
    weight=2,
)
def test_paddings_of_deep_layers_count_in_steps(student, rng):
    for layers in ([(3, 2, 1), (3, 2, 1), (5, 1, 2)], [(4, 3, 0), (3, 1, 1)], [(3, 1, 0), (5, 2, 2)]):
        row, column = torch.randint(2, 9, (2,), generator=rng).tolist()
        helpers.assert_box(student, layers, row, column, about=("padding",))


@field(
    "grows by the steps of all layers before",
    hint="Each further pixel of a deep kernel moves by the product of the strides below it, not by its own.",
    weight=2,
)
def test_kernels_grow_by_the_strides_below(student, rng):
    for layers in ([(3, 3, 1), (3, 1, 1), (2, 2, 0)], [(1, 2, 0), (1, 2, 0), (3, 1, 1)], [(5, 4, 2), (5, 2, 2)]):
        row, column = torch.randint(1, 7, (2,), generator=rng).tolist()
        helpers.assert_box(student, layers, row, column, about=("strides", "order"))


@field("ends one behind the last row", hint="Even kernels and kernels of 1 have a first and a last row, too.", weight=2)
def test_ends_of_even_kernels_and_of_one(student, rng):
    for layers in ([(1, 1, 0)], [(4, 1, 0)], [(2, 2, 0), (4, 1, 1)], [(1, 3, 0), (2, 1, 0)]):
        row, column = torch.randint(3, 9, (2,), generator=rng).tolist()
        helpers.assert_box(student, layers, row, column, about=("ends", "kernels", "size"))


@field(
    "takes row and column each for itself",
    hint="Move one unit to the right: which two of the four numbers change, and by how much?",
    weight=2,
)
def test_rows_and_columns_are_independent(student):
    layers = [(3, 2, 1), (2, 2, 0), (3, 1, 1)]
    for row, column in ((2, 11), (13, 3)):
        helpers.assert_box(student, layers, row, column, about=("sides",))


@field("leaves the list of layers as it is", hint="Whoever gave you the list wants to use it again.", weight=2)
def test_the_layers_stay(student):
    layers = [(3, 2, 1), (5, 1, 2), (2, 2, 0)]
    student.receptive_field(layers, 3, 5)
    unchanged = student.unchanged_inputs
    helpers.assert_box(student, layers, 3, 5, about=())
    assert unchanged, "receptive_field changed the list that it was given"


# --- strongest --------------------------------------------------------------------------------------------------------


def drawn_maps(rng, count, height, width, dtype=torch.float32, low=-2.7):
    """Maps without two equal values, in random order, half of them negative."""
    values = torch.linspace(low, 3.0, count * height * width, dtype=torch.float64)
    return values[torch.randperm(len(values), generator=rng)].reshape(count, height, width).to(dtype)


@strongest(
    "agrees with a slow loop, whatever the sizes",
    hint="N, h, w and k all differ here; one map alone, maps of one row.",
    broad=True,
    weight=2,
)
def test_strongest_agrees_with_a_loop(student, rng):
    for shape, k in (((9, 3, 5), 4), ((6, 7, 2), 6), ((1, 4, 3), 1), ((8, 1, 6), 3), ((5, 6, 1), 2)):
        maps = drawn_maps(rng, *shape)
        every = ("maximum", "highest", "order", "once", "places", "whose")
        what = f"{shape[0]} maps of {shape[1]} x {shape[2]}, k = {k}"
        helpers.assert_winners(student.strongest(maps, k), maps, k, every, what)


@strongest(
    "takes each image once, however many high values it has",
    hint="Here one map holds all of the highest values. Who else belongs to the top k?",
    weight=2,
)
def test_each_image_comes_once(student, rng):
    maps = drawn_maps(rng, 5, 3, 4)
    maps[2] += 10.0
    helpers.assert_winners(student.strongest(maps, 3), maps, 3, ("once",))


@strongest(
    "ranks by the one highest value, also of maps that are negative throughout",
    hint="Without a ReLU values may be negative. Is -1 stronger than -5? And does the rest of the map count?",
    weight=2,
)
def test_negative_maps_are_ranked(student, rng):
    maps = -1 - 10 * drawn_maps(rng, 6, 2, 3, low=0.1)
    helpers.assert_winners(student.strongest(maps, 3), maps, 3, ("maximum", "highest"), "negative maps, k = 3")


@strongest(
    "gives the places of the images that it names",
    hint="Places of all images come in the order of the images; the answer is in the order of strength.",
    weight=2,
)
def test_places_belong_to_their_images(student, rng):
    maps = drawn_maps(rng, 7, 4, 6)
    helpers.assert_winners(student.strongest(maps, 5), maps, 5, ("whose",))


@strongest(
    "tells rows from columns where maps are higher than wide, and wider than high",
    hint="How many places of a map laid out in a line make a row: as many as it is high, or wide?",
    weight=2,
)
def test_rows_and_columns_of_oblong_maps(student, rng):
    for height, width in ((5, 3), (2, 7)):
        maps = drawn_maps(rng, 6, height, width)
        helpers.assert_winners(student.strongest(maps, 4), maps, 4, ("places",), f"maps of {height} x {width}")


@strongest("returns int64, and leaves the maps alone", hint="Places are whole numbers, to index with.", weight=2)
def test_places_are_whole_numbers(student, rng):
    maps = drawn_maps(rng, 6, 3, 4)
    parts = expect_tuple(student.strongest(maps, 3), 3, what="strongest")
    assert student.unchanged_inputs, "strongest changed the maps"
    helpers.assert_winners(parts, maps, 3, ())
    for part, name in zip(parts, ("images", "rows", "columns"), strict=True):
        expect_tensor(part, what=name, dtype=torch.int64)


@strongest(
    "tells float64 values apart that float32 cannot",
    hint="In which dtype do you compare?",
)
def test_close_values_are_told_apart(student, rng):
    maps = -torch.rand(6, 2, 3, dtype=torch.float64, generator=rng) / 10 - 1  # values below -1, but for one a map
    maps[:, 1, 2] = 1 + 1e-12 * torch.randperm(6, generator=rng).double()
    helpers.assert_winners(student.strongest(maps, 6), maps, 6, (), "maxima that differ by 1e-12")


@strongest("works on the device of the maps", hint="On a GPU every tensor that you make must live there, too.")
def test_strongest_follows_the_device(student, rng):
    maps = drawn_maps(rng, 5, 2, 3)
    helpers.assert_winners(student.strongest(maps, 2), maps, 2, ())
    try:
        parts = student.strongest(maps.to("meta"), 2)
    except RuntimeError as error:  # what has no meta version (`.item()`, say) is no fault
        if "device" in str(error) and "expected" in str(error):
            raise CheckFailed(f"maps on another device: {error}") from None
        return
    for part in expect_tuple(parts, 3, what="strongest"):
        assert expect_tensor(part, what="a result").is_meta, "the maps are on another device than a result"


# --- class_share ------------------------------------------------------------------------------------------------------


@share(
    "finds share and label as a slow loop does, whatever the sizes",
    hint="N, k and the number of classes differ; labels need not begin at 0.",
    broad=True,
    weight=2,
)
def test_shares_agree_with_a_loop(student, rng):
    for count, classes, k in ((40, [0, 1, 2, 3], 11), (23, [4, 7], 5), (17, [2, 3, 9], 17)):
        scores, labels = helpers.drawn_set(rng, count, classes, k)
        every = ("kinds", "highest", "the k", "labels", "sides")
        helpers.assert_share(
            student.class_share(scores, labels, k), scores, labels, k, every, f"{count} images, k = {k}"
        )


@share(
    "names the class by its label, also where labels have gaps",
    hint="Is the number that you return a label, or the place of one in a list of yours?",
    weight=2,
)
def test_labels_with_gaps_are_named(student, rng):
    scores, labels = helpers.drawn_set(rng, 30, [3, 8, 400, 401], 9)
    what = "labels 3, 8, 400 and 401"
    helpers.assert_share(student.class_share(scores, labels, 9), scores, labels, 9, ("labels",), what)


@share(
    "asks the k highest, not the best one and not the whole set",
    hint="Three classes, three answers: that of the best image, that of the whole set, that of the k.",
    weight=2,
)
def test_only_the_highest_count(student, rng):
    scores = torch.arange(9.0, -1.0, -1.0) + torch.rand(1, generator=rng)
    labels = torch.tensor([4, 7, 7, 7, 0, 2, 2, 2, 2, 2])
    order = torch.randperm(10, generator=rng)
    scores, labels = scores[order], labels[order]
    what = "the best is of class 4, the five highest mostly of 7, the whole set mostly of 2"
    helpers.assert_share(student.class_share(scores, labels, 5), scores, labels, 5, ("the k",), what)


@share(
    "judges scores below 0 by value, and leaves its inputs alone",
    hint="Is -1 a higher score than -5? And do you sort what you were given?",
    weight=2,
)
def test_negative_scores_in_float64(student, rng):
    ranks, labels, k = helpers.told_apart(rng, torch.float64)
    scores = ranks - 30
    value = student.class_share(scores, labels, k)
    unchanged = student.unchanged_inputs
    helpers.assert_share(value, scores, labels, k, ("highest",), "scores from -30 to -6")
    assert unchanged, "class_share changed its inputs"


@share(
    "tells float64 scores apart that float32 cannot",
    hint="In which dtype do you compare?",
)
def test_close_scores_are_told_apart(student, rng):
    ranks, labels, k = helpers.told_apart(rng, torch.float64)
    scores, about = 1 + 1e-12 * ranks, ("highest", "the k")
    helpers.assert_share(student.class_share(scores, labels, k), scores, labels, k, about, "scores 1e-12 apart")


@share(
    "gives a float and an int, for one image and in either precision",
    hint="Of one image the share is 1.0, a float; a label is an int, to look up a name with.",
    weight=2,
)
def test_kinds_of_numbers(student, rng):
    for dtype, k in ((torch.float32, 7), (torch.float64, 7), (torch.float32, 1)):
        scores, labels = helpers.drawn_set(rng, 20, [6, 2], k, dtype)
        found, label = expect_tuple(student.class_share(scores, labels, k), 2, what="class_share")
        expect_number(found, what="the share")
        expect_number(label, what="the label", kind=int)
        helpers.assert_share((found, label), scores, labels, k, ("kinds", "sides"))
