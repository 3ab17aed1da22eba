# kit-canary-60b09308d7aff85cc5f7d1b7: not to be published
"""Hidden tests of the language problem: random inputs against slow loops, gradients, float64, far corners."""

import math
from itertools import chain

import pytest
import torch

from kit import CheckFailed, Lib, assert_same, exercise, expect_tensor, load_helpers

bag_of_words = exercise("clip-bag-of-words")
clip_loss = exercise("clip-loss")
classifier = exercise("clip-classifier")
rank = exercise("clip-rank")
recall = exercise("clip-recall")

helpers = load_helpers(__file__)

# --- shared -----------------------------------------------------------------------------------------------------------


def pairs(rng, batch, width, dtype=torch.float32, others=None):
    """Features (batch, width) and (others or batch, width): random, related, of lengths 0.3 to 3."""
    common = torch.randn(max(batch, others or 0), width, generator=rng, dtype=torch.float64)
    parts = []
    for count in (batch, others or batch):
        noise = 0.7 * torch.randn(count, width, generator=rng, dtype=torch.float64)
        lengths = 0.3 + 2.7 * torch.rand(count, 1, generator=rng, dtype=torch.float64)
        parts.append(((common[:count] + noise) * lengths).to(dtype))
    return parts


def dot(a, b):
    return (a * b).sum()


def cosine(a, b):
    return dot(a, b) / (dot(a, a).sqrt() * dot(b, b).sqrt())


def table(rows, columns, similar=cosine):
    """Similarities of every row with every column, one by one, in float64."""
    return torch.stack([torch.stack([similar(a, b) for b in columns.double()]) for a in rows.double()])


def assert_follows_device(call, what):
    """Meta tensors show a tensor that was made on the CPU. What has no meta version (`.item()`, say) is no fault."""
    try:
        return call()
    except RuntimeError as error:
        if "device" in str(error) and "expected" in str(error):
            raise CheckFailed(f"{what}: {error}") from None
        return None


# --- bag_of_words -----------------------------------------------------------------------------------------------------

WORDS = ("cat", "cats", "a", "at", "red", "tree", "go", "goat", "eye", "eyes")


def slow_bags(captions, vocabulary):
    """Letter by letter."""
    rows = []
    for caption in captions:
        found, word = [], ""
        for letter in caption.lower() + " ":
            if "a" <= letter <= "z":
                word += letter
            else:
                found, word = found + [word], ""
        rows.append([float(found.count(word)) for word in vocabulary])
    return rows


def some_words(rng, count):
    return [WORDS[n] for n in torch.randint(len(WORDS), (count,), generator=rng).tolist()]


def captions_of(rng, count):
    """Captions of up to seven words with all kinds of signs between them."""
    found = []
    for _ in range(count):
        words = some_words(rng, int(torch.randint(1, 8, (), generator=rng)))
        signs = [" ,-:'"[n] for n in torch.randint(5, (len(words),), generator=rng).tolist()]
        found.append("".join(word + sign for word, sign in zip(words, signs, strict=True)))
    return found


@bag_of_words(
    "agrees with a count letter by letter",
    hint="Read one caption aloud, letter by letter: where does each word end?",
    weight=2,
    broad=True,
)
@pytest.mark.parametrize("count, size", [(4, 3), (1, 6), (3, 1)])
def test_bag_agrees_with_a_loop(student, rng, count, size):
    order = torch.randperm(len(WORDS), generator=rng).tolist()
    captions, vocabulary = captions_of(rng, count), [WORDS[n] for n in order[:size]]
    captions[0] += f"{vocabulary[0]} {vocabulary[0]}"
    captions[1:] = captions[1:] and ["nothing known", *captions[2:]]
    bags = student.bag_of_words(captions, vocabulary)
    helpers.assert_counts(bags, slow_bags(captions, vocabulary), what=f"bags of {captions} over {vocabulary}")


@bag_of_words(
    "keeps the vocabulary's order", hint="Column v is of vocabulary[v], whatever the alphabet says.", weight=4
)
def test_bag_keeps_the_order_of_the_vocabulary(student):
    bags = student.bag_of_words(["dog", "cat", "ant"], ["dog", "ant", "cat"])
    helpers.assert_counts(bags, [[1, 0, 0], [0, 0, 1], [0, 1, 0]], what="bags of dog, cat, ant over dog, ant, cat")


@bag_of_words("takes letters a to z alone for letters", hint="Are digits, underscores or an é among a to z?", weight=6)
def test_bag_takes_only_a_to_z_for_letters(student):
    bags = student.bag_of_words(["caf\u00e9 t_shirt 3d 24h", "na\u00efve"], ["caf", "d", "h", "na", "shirt", "t", "ve"])
    right = [[1, 1, 1, 0, 1, 1, 0], [0, 0, 0, 1, 0, 0, 1]]
    helpers.assert_counts(bags, right, what="bags of 'caf\u00e9 t_shirt 3d 24h' and 'na\u00efve'")


@bag_of_words(
    "counts at the ends of a caption, too", hint="What ends the last word? And what begins the first?", weight=4
)
def test_bag_counts_first_and_last_words(student):
    bags = student.bag_of_words(["sun", "sun sea sun", "sea sun", "sky", "(sun)"], ["sun"])
    helpers.assert_counts(bags, [[1], [2], [1], [0], [1]], what="bags over sun of five captions that begin or end")


@bag_of_words("makes a row of zeros of an empty caption", hint="A caption without a word is a caption, too.", weight=4)
def test_bag_of_an_empty_caption_is_zero(student):
    bags = student.bag_of_words(["sun", "", "12:30"], ["moon", "sun"])
    helpers.assert_counts(bags, [[0, 1], [0, 0], [0, 0]], what="bags of 'sun', '' and '12:30' over moon, sun")


@bag_of_words(
    "gives small captions and long ones plain counts", hint="A count does not depend on other words.", weight=4
)
def test_bag_counts_do_not_depend_on_the_rest(student):
    long = " ".join(["sun"] * 5 + ["sea"] * 300)
    bags = student.bag_of_words(["sun", long], ["sun", "sea"])
    helpers.assert_counts(bags, [[1, 0], [5, 300]], what="bags of 'sun' and of a caption of 305 words over sun, sea")


@bag_of_words("leaves both lists as they are", hint="Do you sort, extend or lower-case what you were given?", weight=4)
def test_bag_leaves_the_lists_alone(student):
    bags = student.bag_of_words(["Dog cat", "CAT"], ["dog", "cat"])
    assert student.unchanged_inputs, "bag_of_words changed the captions or the vocabulary"
    helpers.assert_counts(bags, [[1, 1], [0, 1]], what="bags of 'Dog cat' and 'CAT' over dog, cat")


# --- clip_loss --------------------------------------------------------------------------------------------------------


def picks(logits):
    """The mean cost of picking, in each row, the logit on the diagonal."""
    return (logits.logsumexp(dim=1) - logits.diagonal()).mean()


def both(logits):
    return (picks(logits) + picks(logits.T)) / 2


def slow_loss(images, texts, scale):
    """One image and one text at a time, in float64."""
    return both(table(images, texts) * scale)


def over_the_batch(vectors):
    return vectors / vectors.norm(dim=0)


def with_a_small_number(vectors):
    return vectors / (vectors.norm(dim=1, keepdim=True) + 1e-3)


MISTAKES = {
    "mean": [lambda a, b, s, n=n: n(len(a)) * slow_loss(a, b, s) for n in (lambda b: 2, lambda b: b, lambda b: 2 * b)],
    "direction": [lambda a, b, s: picks(table(a, b) * s), lambda a, b, s: picks(table(b, a) * s)],
    "candidates": [
        lambda a, b, s: both_without_the_right(table(a, b) * s),
    ],
    "scale": [lambda a, b, s, f=f: slow_loss(a, b, f(s)) for f in (lambda s: 1, lambda s: 1 / s, lambda s: s * s)],
    "lengths": [
        lambda a, b, s: both(table(a, b, dot) * s),
        lambda a, b, s: both(table(a / a.norm(dim=1, keepdim=True), b, dot) * s),
        lambda a, b, s: both(table(a, b / b.norm(dim=1, keepdim=True), dot) * s),
        lambda a, b, s: both(table(over_the_batch(a), over_the_batch(b), dot) * s),
        lambda a, b, s: both(table(with_a_small_number(a), with_a_small_number(b), dot) * s),
    ],
}


def both_without_the_right(logits):
    others = logits - torch.diag(torch.full((len(logits),), torch.inf))
    return ((others.logsumexp(dim=1) + others.logsumexp(dim=0)) / 2 - logits.diagonal()).mean()


def others(about):
    return list(chain(*(losses for name, losses in MISTAKES.items() if name != about)))


def assert_value(student, a, b, scale, *, about, what, atol=1e-4):
    """The value is right, or has one mistake that another test is about; it is looked for only if need be."""
    number, right = helpers.one_number(student.clip_loss(a, b, scale), what), slow_loss(a, b, scale).item()
    excused = (loss(a, b, scale).item() for loss in others(about))
    if not any(math.isclose(number, other, rel_tol=atol, abs_tol=atol) for other in chain([right], excused)):
        raise CheckFailed(f"{what}: expected {right:.6g}, yours is {number:.6g}")


def gradients(loss, *inputs):
    inputs = [part.double().clone().requires_grad_() for part in inputs]
    return torch.autograd.grad(loss(*inputs), inputs, allow_unused=True)


def agree(got, wanted, atol, rtol):
    return all(
        part is not None and right is not None and part.shape == right.shape
        and torch.allclose(part.double(), right, atol=atol, rtol=rtol)
        for part, right in zip(got, wanted, strict=True)
    )  # fmt: skip


def assert_gradients(student, inputs, wrt, *, what, atol, rtol=0.0):
    """Gradients are right, or those of a loss with one mistake that another test is about."""
    got = student.vjp("clip_loss", inputs, wrt=wrt)
    tensors = [torch.as_tensor(part) for part in inputs]
    wanted = [gradients(slow_loss, *tensors)[n] for n in wrt]
    for loss in others("gradients"):
        if agree(got, wanted, atol, rtol):
            break
        excused = [gradients(loss, *tensors)[n] for n in wrt]
        wanted = excused if agree(got, excused, atol, rtol) else wanted
    names = ("the images", "the texts", "the scale")
    for n, gradient, right in zip(wrt, got, wanted, strict=True):
        assert_same(gradient, right.to(tensors[n].dtype), what=f"{what} at {names[n]}", atol=atol, rtol=rtol)


@clip_loss(
    "agrees with a double loop over images and texts",
    hint="Write the table out for B = 2 on paper, with the scale, and read it along rows and down columns.",
    weight=4,
    broad=True,
)
@pytest.mark.parametrize("batch, width, scale", [(5, 3, 10.0), (3, 8, 0.5), (6, 2, 2.0)])
def test_clip_loss_agrees_with_a_loop(student, rng, batch, width, scale):
    a, b = pairs(rng, batch, width)
    value = helpers.one_number(student.clip_loss(a, b, scale), "the loss")
    right = slow_loss(a, b, scale).float()
    assert_same(
        torch.tensor(value), right, what=f"the loss of {batch} pairs of width {width}, scale {scale}", atol=1e-4
    )


@clip_loss(
    "has the right gradient for images and for texts",
    hint="Values can be right where gradients are not. Is any part of your formula cut off from its input?",
    weight=6,
)
def test_clip_loss_gradients(student, rng):
    a, b = pairs(rng, 5, 3, torch.float64)
    assert_gradients(student, (a, b, 3.0), [0, 1], what="gradient", atol=1e-6)


@clip_loss(
    "passes a gradient on to a scale that is a tensor",
    hint="The scale is learned, too. Does your code turn it into a Python number on the way?",
    weight=6,
)
def test_clip_loss_scale_gets_a_gradient(student, rng):
    a, b = pairs(rng, 4, 5, torch.float64)
    assert_gradients(student, (a, b, torch.tensor(4.0, dtype=torch.float64)), [2], what="gradient", atol=1e-6)


@clip_loss(
    "does not care about lengths from 0.001 to 1000", hint="A small number matters beside a small length.", weight=4
)
def test_clip_loss_of_all_lengths(student, rng):
    a, b = pairs(rng, 5, 4)
    lengths = 10 ** torch.linspace(-3, 3, 5)[:, None]
    a, b = (part * lengths[torch.randperm(5, generator=rng)] / part.norm(dim=1, keepdim=True) for part in (a, b))
    assert_value(student, a, b, 2.0, about="lengths", what="the loss of features of lengths 0.001 to 1000", atol=3e-4)


@clip_loss(
    "is finite at scale 200 in every row, and so is its gradient",
    hint="Rows differ: what is a large logit in one row is out of reach in another. What becomes of exp(-200)?",
    weight=6,
)
def test_clip_loss_is_finite_when_sharp(student, rng):
    a = torch.eye(4, 5)
    b = torch.eye(4, 5).roll(1, 0) + 0.1 * torch.rand(4, 5, generator=rng)
    a[3] = torch.tensor([0.0, 0.0, 0.0, 0.0, 1.0])  # far from every text
    assert slow_loss(a, b, 200.0) > 50, "this case should cost more than 50"
    assert_value(student, a, b, 200.0, about="range", what="the loss at scale 200", atol=1e-3)
    assert_gradients(student, (a, b, 200.0), [0, 1], what="its gradient", atol=1e-2, rtol=1e-3)


@clip_loss(
    "computes in the precision of its inputs, and leaves them alone", hint="Is a step of yours in float32?", weight=4
)
def test_clip_loss_follows_the_dtype(student, rng):
    a, b = (torch.randn(4, 7, generator=rng, dtype=torch.float64) for _ in range(2))
    assert_value(student, a, b, 50.0, about="precision", what="the loss of float64 features", atol=1e-9)
    assert student.unchanged_inputs, "the loss changed its inputs"


@clip_loss(
    "works on the device of its inputs", hint="On a GPU every tensor that you make must live there, too.", weight=4
)
def test_clip_loss_follows_the_device(student, rng):
    a, b = pairs(rng, 4, 6)
    assert_value(student, a, b, 2.0, about="device", what="the loss")
    assert_follows_device(lambda: student.clip_loss(a.to("meta"), b.to("meta"), 2.0), "the loss on another device")


@clip_loss(
    "is 0 for a single pair", hint="Who has one to choose from chooses right. Does yours stay a number?", weight=2
)
def test_clip_loss_of_one_pair_is_zero(student, rng):
    a, b = pairs(rng, 1, 3)
    value = student.clip_loss(a, b, 5.0)
    expect_tensor(value, what="the loss of a single pair", dtype="floating")
    several = helpers.one_number(student.clip_loss(*pairs(rng, 3, 3), 5.0), "the loss of three pairs")
    assert several > 1e-3, f"the loss of three pairs is {several:.4f}"
    number = helpers.one_number(value, "the loss of a single pair")
    if not (abs(number) < 1e-5 or number == -math.inf or number < -1):  # the others: nobody left to choose from
        raise CheckFailed(f"the loss of a single pair: expected 0, yours is {number:.4f}")


# --- zero_shot_classifier ---------------------------------------------------------------------------------------------

NAMES = ["ant", "bee", "zebra", "quail", "lynx"]
TEMPLATES = ["{}", "a photo of a {}", "{}s", "the very big {} over there", "my {}"]


def slow_classifier(names, templates, encode=helpers.letters):
    """One text at a time, in float64."""
    rows = []
    for name in names:
        total = 0
        for template in templates:
            features = encode(template.replace("{}", name))
            total = total + features / dot(features, features).sqrt()
        rows.append(total / dot(total, total).sqrt())
    return torch.stack(rows)


def some(rng, values, count):
    return [values[n] for n in torch.randperm(len(values), generator=rng)[:count].tolist()]


@classifier(
    "agrees with a loop over names and templates",
    hint="For one name: fill, encode, bring to length 1, average, bring to length 1. In this order?",
    weight=4,
    broad=True,
)
@pytest.mark.parametrize("classes, prompts", [(4, 3), (2, 5), (5, 2)])
def test_classifier_agrees_with_a_loop(student, rng, classes, prompts):
    names, templates = some(rng, NAMES, classes), some(rng, TEMPLATES, prompts)
    rows = student.zero_shot_classifier(helpers.LETTERS, names, templates)
    right = slow_classifier(names, templates).float()
    assert_same(rows, right, what=f"classifier of {names} with {templates}", atol=1e-4, any_float=True)


@classifier(
    "gives each template the same say, however long its features are",
    hint="Features of a long text may be longer. Should that template count for more?",
    weight=6,
)
def test_classifier_brings_features_to_length_one_before_the_mean(student, rng):
    names, templates = sorted(some(rng, NAMES, 3)), ["{}", "{} k " + 20 * "w"]
    rows = student.zero_shot_classifier(helpers.LETTERS, names, templates)
    what = f"classifier of {names} with a short and a long template"
    helpers.assert_directions(rows, slow_classifier(names, templates), what=what)


@classifier("keeps the order of the names", hint="Row k belongs to names[k].", weight=4)
def test_classifier_keeps_the_order_of_names(student):
    names = sorted(NAMES, reverse=True)
    rows = student.zero_shot_classifier(helpers.LETTERS, names, ["{}"])
    rows = helpers.directions_of(rows, 5, f"classifier of {names}")
    nearest = (rows @ slow_classifier(names, ["{}"]).T).argmax(dim=1).tolist()
    assert nearest == [0, 1, 2, 3, 4], f"classifier of {names}: the rows are nearest to names {nearest}"


@classifier("works with one name and one template", hint="A mean over one, and a table with one row.", weight=4)
def test_classifier_of_one_name(student):
    rows = student.zero_shot_classifier(helpers.LETTERS, ["goat"], ["a {}"])
    helpers.assert_directions(rows, slow_classifier(["goat"], ["a {}"]), what="classifier of one name, one template")


@classifier(
    "fills the gap wherever it stands", hint="A template may begin or end with its gap, or have it inside.", weight=4
)
def test_classifier_fills_the_gap_wherever_it_stands(student):
    for template in ("{} in the snow", "one {} more", "the {}"):
        rows = student.zero_shot_classifier(helpers.LETTERS, ["fox", "hawk"], [template])
        what = f"classifier of fox and hawk with {template!r}"
        helpers.assert_directions(rows, slow_classifier(["fox", "hawk"], [template]), what=what)


@classifier(
    "hands the encoder lists of texts", hint="The encoder takes a list of str, even if it holds one text.", weight=4
)
def test_classifier_hands_lists_to_the_encoder(student):
    encoder = Lib("ps3.language_supervision.parts.lists_only")
    rows = student.zero_shot_classifier(encoder, ["fox", "hawk"], ["a {}"])
    what = "classifier of fox and hawk, of an encoder that takes lists only"
    helpers.assert_directions(rows, slow_classifier(["fox", "hawk"], ["a {}"]), what=what)
    assert student.unchanged_inputs, "zero_shot_classifier changed the names or the templates"


@classifier(
    "keeps the encoder's dtype", hint="An encoder in float64 gives float64. Where does yours go to float32?", weight=4
)
def test_classifier_keeps_float64(student, rng):
    names = some(rng, NAMES, 3)
    encoder = Lib("ps3.language_supervision.parts.letter_counts_in_double")
    rows = student.zero_shot_classifier(encoder, names, ["a {}"])
    rows = expect_tensor(rows, what="classifier of an encoder in float64", shape=(3, 26), dtype=torch.float64)
    right = slow_classifier(names, ["a {}"], lambda text: helpers.letters(text) + 1 / 3)
    found = helpers.directions_of(rows, 3, "classifier in float64")
    assert_same(found, right, what="directions of an encoder in float64", atol=1e-9)


@classifier(
    "stays on the encoder's device", hint="Which device do the tensors live on that you make yourself?", weight=4
)
def test_classifier_follows_the_device(student):
    near = student.zero_shot_classifier(helpers.LETTERS, ["fox", "ox"], ["a {}"])
    helpers.assert_directions(near, slow_classifier(["fox", "ox"], ["a {}"]), what="classifier of fox and ox")
    encoder = Lib("ps3.language_supervision.parts.letter_counts_elsewhere")
    rows = assert_follows_device(
        lambda: student.zero_shot_classifier(encoder, ["fox", "ox"], ["a {}", "{}"]), "classifier on another device"
    )
    if rows is not None:
        assert expect_tensor(rows, what="the classifier").is_meta, (
            "the encoder's features lie elsewhere than the classifier"
        )


# --- rank_labels ------------------------------------------------------------------------------------------------------


def slow_probabilities(images, names, scale):
    """One by one, in float64: (B, K)."""
    rows = []
    for row in (table(images, names) * scale).tolist():
        shares = [math.exp(logit - max(row)) for logit in row]
        rows.append([part / sum(shares) for part in shares])
    return torch.tensor(rows, dtype=torch.float64)


def unit(vectors):
    return vectors / vectors.norm(dim=1, keepdim=True)


@rank(
    "agrees with a loop over images and labels",
    hint="For one image: K cosines, times the scale, softmax over all K, sorted, and the first k.",
    weight=4,
    broad=True,
)
@pytest.mark.parametrize("batch, classes, width, k", [(4, 5, 3, 2), (3, 2, 6, 1), (5, 4, 2, 4)])
def test_rank_agrees_with_a_loop(student, rng, batch, classes, width, k):
    images, names = pairs(rng, batch, width, others=classes)
    probabilities, labels = helpers.ranked(student.rank_labels(images, names, 3.0, k), (batch, k), "rank_labels")
    right = slow_probabilities(images, names, 3.0).sort(dim=1, descending=True)
    assert_same(probabilities, right.values[:, :k], what="probabilities", atol=1e-4)
    assert_same(labels, right.indices[:, :k], what="labels")


@rank(
    "ranks labels from the most to the least probable for each image",
    hint="Each image has an order of its own.",
    weight=6,
)
def test_rank_orders_labels_for_each_image(student, rng):
    images, names = pairs(rng, 6, 4, others=5)
    _, labels = helpers.ranked(student.rank_labels(images, unit(names), 2.0, 3), (6, 3), "rank_labels")
    right = table(images, names).sort(dim=1, descending=True).indices[:, :3]
    assert_same(labels, right, what="the three most probable labels of six images")


@rank("shares one among all labels, whatever k is", hint="Ask for one label more: may the others' change?", weight=6)
def test_rank_probabilities_do_not_depend_on_k(student, rng):
    images, names = (unit(part) for part in pairs(rng, 3, 4, others=6))
    right = slow_probabilities(images, names, 1.0)
    for k in (1, 4):
        helpers.assert_probable(
            student.rank_labels(images, names, 1.0, k), right, k, what=f"rank_labels, the best {k} of 6"
        )


@rank(
    "divides by the lengths of images and of labels", hint="Both sides have a length. A cosine knows neither.", weight=4
)
def test_rank_ignores_all_lengths(student, rng):
    images, names = pairs(rng, 4, 3, others=5)
    lengths = torch.tensor([[5.0], [0.02], [1.0], [30.0], [0.5]])
    answer = student.rank_labels(images * lengths[:4], unit(names) * lengths, 1.0, 5)
    what = "rank_labels of features of all lengths, all labels"
    helpers.assert_probable(answer, slow_probabilities(images, names, 1.0), 5, what=what)


@rank("multiplies by the scale, small or large", hint="At a small scale all labels are nearly equal.", weight=4)
def test_rank_uses_small_and_large_scales(student, rng):
    images, names = (unit(part) for part in pairs(rng, 3, 4, others=4))
    for scale in (0.1, 20.0):
        answer = student.rank_labels(images, names, scale, 4)
        what = f"rank_labels at scale {scale}, all labels"
        helpers.assert_probable(answer, slow_probabilities(images, names, scale), 4, what=what)


@rank(
    "stays finite at scale 200", hint="exp(200) is more than float32 can hold. Which function never forms it?", weight=4
)
def test_rank_is_finite_when_sharp(student):
    answer = student.rank_labels(torch.eye(2, 3), torch.eye(3), 200.0, 3)
    probabilities, _ = helpers.ranked(answer, (2, 3), "rank_labels at scale 200")
    highest = probabilities.sort(dim=1, descending=True).values
    for scale in (200.0, 1.0, 1 / 200):  # the latter two are for another test
        right = slow_probabilities(torch.eye(2, 3), torch.eye(3), scale).sort(dim=1, descending=True).values
        if (highest - right).abs().max() < 1e-4:
            return
    raise CheckFailed(f"rank_labels at scale 200 of an image at label 0: probabilities {highest[0].tolist()}")


@rank("computes in the precision of its inputs, and leaves them alone", hint="Is a step of yours in float32?", weight=4)
def test_rank_follows_the_dtype(student, rng):
    images, names = pairs(rng, 3, 4, torch.float64, others=5)
    answer = student.rank_labels(images, names, 1.0, 5)
    assert student.unchanged_inputs, "rank_labels changed its inputs"
    right = slow_probabilities(images, names, 1.0)
    helpers.assert_probable(answer, right, 5, what="rank_labels of float64 features", atol=1e-9)
    expect_tensor(list(answer)[0], what="probabilities of float64 features", dtype=torch.float64)


@rank("works on the device of its inputs", hint="On a GPU every tensor that you make must live there, too.", weight=4)
def test_rank_follows_the_device(student, rng):
    images, names = (unit(part) for part in pairs(rng, 3, 4, others=5))
    right = slow_probabilities(images, names, 1.0)
    helpers.assert_probable(student.rank_labels(images, names, 1.0, 5), right, 5, what="rank_labels, all labels")
    on_meta = images.to("meta"), names.to("meta")
    answer = assert_follows_device(lambda: student.rank_labels(*on_meta, 1.0, 2), "rank_labels on another device")
    for part in answer or ():
        assert expect_tensor(part, what="rank_labels on another device").is_meta, "an answer left its inputs' device"


# --- recall_at_k ------------------------------------------------------------------------------------------------------


def slow_recall(images, texts, k):
    """One image at a time: how many texts are more similar than its own?"""
    found = 0
    for own, row in enumerate(table(images, texts).tolist()):
        found += sum(value > row[own] for value in row) < k
    return found / len(images)


def searches(rng, batch, width, k):
    """Images and texts (batch, width), loosely related, and their recall: neither 0 nor 1, and the same both ways."""
    right = back = 0.0
    while right in (0.0, 1.0) or right != back:
        common = torch.randn(batch, width, generator=rng)
        images, texts = (common + 0.8 * torch.randn(batch, width, generator=rng) for _ in range(2))
        right, back = slow_recall(images, texts, k), slow_recall(texts, images, k)
    return images, texts, right


@recall(
    "agrees with a loop over images and texts",
    hint="For one image: how many texts are more similar to it than its own?",
    weight=4,
    broad=True,
)
@pytest.mark.parametrize("batch, width, k", [(8, 3, 2), (5, 2, 1), (7, 9, 1)])
def test_recall_agrees_with_a_loop(student, rng, batch, width, k):
    images, texts, right = searches(rng, batch, width, k)
    helpers.assert_share(student.recall_at_k(images, texts, k), right, what=f"recall at {k} of {batch} pairs")


@recall("has images look for texts, not texts for images", hint="Whose list of the k most similar is it?", weight=6)
def test_recall_has_images_look_for_texts(student):
    images, texts = helpers.at(147, 93, 96, 135, 12), helpers.at(172, 64, 106, 118, 166)
    right = slow_recall(images, texts, 1)
    assert right != slow_recall(texts, images, 1)
    helpers.assert_share(student.recall_at_k(images, texts, 1), right, what="recall at 1 of five images")


@recall("grows with k, up to 1 at k = B", hint="Among all texts there is everybody's own.", weight=4)
def test_recall_at_all_texts_is_one(student, rng):
    images, texts, first = searches(rng, 6, 4, 1)
    helpers.assert_share(student.recall_at_k(images, texts, 1), first, what="recall at 1 of six pairs")
    helpers.assert_share(student.recall_at_k(images, texts, 6), 1.0, what="recall at 6 of six pairs")


@recall("counts an own text that comes second or third", hint="With k = 3, the second place counts, too.", weight=4)
def test_recall_counts_second_and_third(student):
    images, texts = helpers.at(135, 159, 48, 3, 96, 66), helpers.at(109, 19, 43, 10, 142, 94)
    for k in (2, 3):
        right = slow_recall(images, texts, k)
        helpers.assert_share(student.recall_at_k(images, texts, k), right, what=f"recall at {k} of six pairs")


@recall("compares cosines, however long the texts are", hint="Do long texts win for you?", weight=6)
def test_recall_ignores_lengths(student, rng):
    images = torch.eye(5, 7) + 0.3 * torch.rand(5, 7, generator=rng)
    texts = images[[1, 0, 2, 3, 4]]
    lengths = torch.tensor([[0.01], [1.0], [30.0], [400.0], [0.5]])
    value = student.recall_at_k(images * lengths.flip(0), texts * lengths, 1)
    helpers.assert_share(value, 3 / 5, what="recall at 1 of five images of all lengths, two with exchanged texts")


@recall("works for a single pair", hint="Who has one to choose from finds it.", weight=4)
def test_recall_of_one_pair(student):
    value = student.recall_at_k(helpers.IMAGES, helpers.TEXTS, 1)
    helpers.assert_share(value, 1 / 4, what="recall at 1 of four images, one of which finds its text first")
    helpers.assert_share(
        student.recall_at_k(torch.ones(1, 3), torch.ones(1, 3), 1), 1.0, what="recall at 1 of one pair"
    )


@recall("tells near from nearer in float64", hint="Does a step of yours go through float32?", weight=4)
def test_recall_follows_the_dtype(student):
    angles = torch.arange(8, dtype=torch.float64) * 1e-5 + 0.7
    images = 2 * torch.stack([angles.cos(), angles.sin()], dim=1)
    value = student.recall_at_k(images, images[[1, 0, 2, 3, 4, 5, 6, 7]], 1)
    assert student.unchanged_inputs, "recall_at_k changed its inputs"
    helpers.assert_share(value, 6 / 8, what="recall at 1 of eight pairs that are near, two of them exchanged")


@recall("works on the device of its inputs", hint="On a GPU every tensor that you make must live there, too.", weight=4)
def test_recall_follows_the_device(student):
    images, texts = helpers.IMAGES, helpers.TEXTS
    helpers.assert_share(student.recall_at_k(images, texts, 1), 1 / 4, what="recall at 1 of four images")
    on_meta = images.to("meta"), texts.to("meta")
    assert_follows_device(lambda: student.recall_at_k(*on_meta, 2), "recall on another device")
