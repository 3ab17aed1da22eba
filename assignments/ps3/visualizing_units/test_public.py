"""Public checks of the lesson on units: small cases, worked out by hand."""

import torch

from kit import assert_raises, exercise, expect_number, expect_tensor, expect_tuple, load_helpers

activations = exercise("units-activations")
field = exercise("units-receptive-field")
strongest = exercise("units-strongest")
share = exercise("units-class-share")

helpers = load_helpers(__file__)

# --- activations ------------------------------------------------------------------------------------------------------


def numbered(rng, count):
    """Images (count, 1, 2, 3) that hold 0, 1, 2, ... in order, and a drawn number."""
    return helpers.numbered(count) + torch.rand(1, generator=rng)


@activations(
    "returns what the part puts out",
    hint="The part's output, while the whole network runs: not what goes into it, not what the part makes of an image.",
)
def test_activations_are_what_the_part_puts_out(student, rng):
    images = torch.tensor([[[[1.0, 2.0, 5.0]]]]) + torch.rand(1, generator=rng)
    maps = student.activations(helpers.network(student, "Arithmetic"), "second", images)
    helpers.assert_second(maps, images, "the second part of a network: the pixels doubled, plus 3", about=("part",))


@activations(
    "returns the maps of every image, in order",
    hint="Five images in batches of two: what becomes of the first batches, and of the last image?",
)
def test_no_image_is_lost_and_the_order_is_kept(student, rng):
    images = numbered(rng, 5)
    maps = student.activations(helpers.network(student, "Arithmetic"), "second", images, 2)
    helpers.assert_second(maps, images, "maps of five images, two at a time", about=("order",))


@activations(
    "runs the network in eval mode, without gradients",
    hint="In training mode BatchNorm mixes the batch and Dropout throws values away. And what does torch keep?",
)
def test_the_network_runs_in_eval_mode_without_gradients(student, rng):
    maps = student.activations(helpers.network(student, "Reporter"), "report", numbered(rng, 3))
    maps = expect_tensor(maps, what="maps", shape=(3, 3, 1, 2), dtype="floating")
    assert bool((maps[:, 0] >= 1).all()), "the maps are not what the part puts out"
    assert not maps[:, 1].any(), "the network ran in training mode"
    assert not maps[:, 2].any(), "gradients were on while the network ran"


@activations("leaves no hook", hint="A hook that stays listens to every later run, too.")
def test_no_hook_is_left(student, rng):
    network, images = helpers.network(student, "Arithmetic"), numbered(rng, 2)
    helpers.assert_second(student.activations(network, "second", images), images)
    helpers.assert_listeners(network)


@activations(
    "gives the network its training mode back", hint="You switch to eval mode. In which mode did you receive it?"
)
def test_the_mode_is_given_back(student, rng):
    images = numbered(rng, 2)
    for mode in (True, False):
        network = helpers.network(student, "Arithmetic").train(mode)
        before = helpers.modes(network)
        helpers.assert_second(student.activations(network, "second", images), images)
        helpers.assert_modes(network, before)


@activations(
    "raises ValueError where there is no such part", hint="Which error comes up now, and from where? Ask beforehand."
)
def test_a_part_that_is_not_there_is_refused(student, rng):
    network, images = helpers.network(student, "Arithmetic"), numbered(rng, 2)
    helpers.assert_second(student.activations(network, "second", images), images)
    assert_raises(ValueError, lambda: student.activations(network, "fourth", images), what="a part named 'fourth'")


# --- receptive_field --------------------------------------------------------------------------------------------------


def unit(rng, high=9):
    """Row and column of a unit; the column is the larger one."""
    row, more = torch.randint(1, high, (2,), generator=rng).tolist()
    return row, row + more


@field(
    "is half-open: the last row and column are one before the end",
    hint="A kernel of 3 sees three pixels: rows 2, 3 and 4 for unit 2. What is the end of the slice?",
)
def test_the_box_of_one_layer(student, rng):
    helpers.assert_box(student, [(3, 1, 0)], *unit(rng), about=("ends", "kernels", "size"))


@field("moves up and left by the padding", hint="With a padding of 1, where does unit (0, 0) begin to look?")
def test_padding_moves_the_box(student, rng):
    helpers.assert_box(student, [(5, 1, 2)], *unit(rng), about=("padding",))


@field(
    "multiplies by the strides",
    hint="Two layers of stride 2: how many pixels lie between what two neighbours see?",
)
def test_strides_multiply(student, rng):
    helpers.assert_box(student, [(3, 2, 0), (3, 2, 0)], *unit(rng), about=("strides", "kernels"))


@field(
    "goes from the last layer back to the first",
    hint="The last map is made of the map below, not of the image. Where do you begin?",
)
def test_layers_are_gone_through_from_the_last(student, rng):
    helpers.assert_box(student, [(3, 2, 1), (5, 1, 2)], *unit(rng), about=("order",))


@field("tells rows from columns", hint="First both of the upper left corner, then both of the lower right one.")
def test_rows_come_before_columns(student, rng):
    helpers.assert_box(student, [(3, 2, 1)], *unit(rng), about=("sides",))


# --- strongest --------------------------------------------------------------------------------------------------------


@strongest(
    "ranks images by their highest value",
    hint="One bright place is enough. Which image has the highest value, and which the highest mean?",
)
def test_images_are_ranked_by_their_maximum(student, rng):
    maps = torch.tensor([[[5.0, 5.1, 5.2]], [[0.0, 9.0, 0.1]], [[1.0, 2.0, 7.0]]]) + torch.rand(1, generator=rng)
    helpers.assert_winners(student.strongest(maps, 2), maps, 2, ("maximum", "highest"), "maxima 5.2, 9 and 7, k = 2")


@strongest("puts the highest first", hint="Of the k images, which one stands at place 0?")
def test_the_highest_comes_first(student, rng):
    maps = torch.tensor([[[1.0, 4.0]], [[6.0, 0.0]], [[2.0, 3.0]], [[5.0, -1.0]]]) + torch.rand(1, generator=rng)
    about = ("order", "highest")
    helpers.assert_winners(student.strongest(maps, 3), maps, 3, about, "maxima 4, 6, 3 and 5, k = 3")


@strongest(
    "says where in its map the highest value stands",
    hint="A map of 2 rows and 3 columns, laid out in a line: at which place does row 1 begin?",
)
def test_places_are_those_of_the_maxima(student, rng):
    maps = torch.tensor([[[0.0, 1.0, 2.0], [3.0, 9.0, 4.0]], [[0.1, 1.1, 8.0], [3.1, 5.1, 4.1]]])
    maps = maps + torch.rand(1, generator=rng)
    helpers.assert_winners(student.strongest(maps, 2), maps, 2, ("places",), "9 at (1, 1) and 8 at (0, 2)")


# --- class_share ------------------------------------------------------------------------------------------------------


@share(
    "asks the k highest scores, not the lowest and not the first",
    hint="Which k images do you keep: those with the highest scores, in whatever order they come?",
)
def test_the_highest_scores_are_asked(student, rng):
    scores = torch.tensor([0.1, 0.2, 0.9, 0.8, 0.3, 0.7, 0.05]) + torch.rand(1, generator=rng)
    labels = torch.tensor([3, 3, 2, 5, 3, 5, 3])
    what = "the three highest have labels 2 5 5"
    helpers.assert_share(student.class_share(scores, labels, 3), scores, labels, 3, ("highest",), what)


@share(
    "counts classes among the k alone",
    hint="How many of the k are of that class? Over what? Images beyond the k have no say.",
)
def test_classes_are_counted_among_the_k(student, rng):
    scores = torch.tensor([3.0, 1.0, 5.0, 6.0, 2.0, 4.0, 0.5]) + torch.rand(1, generator=rng)
    labels = torch.tensor([4, 4, 6, 0, 4, 6, 4])
    what = "the three highest have labels 0 6 6"
    helpers.assert_share(student.class_share(scores, labels, 3), scores, labels, 3, ("the k",), what)


@share("is a Python float and a Python int", hint="No tensors, no percent: the text asks for a share from 0 to 1.")
def test_the_share_is_a_float_and_the_label_an_int(student, rng):
    scores, labels = helpers.drawn_set(rng, 9, [7, 2], 5)
    found, label = expect_tuple(student.class_share(scores, labels, 5), 2, what="class_share")
    expect_number(label, what="the label", kind=int)
    expect_number(found, what="the share")
    helpers.assert_share((found, label), scores, labels, 5, ("kinds", "sides"))
