"""Public checks of the language problem: small cases that can be worked out by hand."""

import math

import torch

from kit import CheckFailed, assert_same, exercise, expect_number, expect_tensor, load_helpers

bag_of_words = exercise("clip-bag-of-words")
clip_loss = exercise("clip-loss")
classifier = exercise("clip-classifier")
rank = exercise("clip-rank")
recall = exercise("clip-recall")

helpers = load_helpers(__file__)

# --- bag_of_words -----------------------------------------------------------------------------------------------------


@bag_of_words(
    "counts how often a word occurs, rather than whether", hint="What should stand for red in 'red red apple'?"
)
def test_bag_counts_words(student):
    bags = student.bag_of_words(["red red apple", "apple"], ["apple", "red"])
    helpers.assert_counts(bags, [[1, 2], [1, 0]], what="bags of 'red red apple' and 'apple' over apple, red")


@bag_of_words("ends a word wherever its letters end", hint="Blanks are not all that can stand between two words.")
def test_bag_splits_at_anything_but_letters(student):
    bags = student.bag_of_words(["heart-eyes: face,eyes"], ["eyes", "face", "heart", "open"])
    helpers.assert_counts(bags, [[2, 1, 1, 0]], what="bag of 'heart-eyes: face,eyes' over eyes, face, heart, open")


@bag_of_words("does not tell capitals from small letters", hint="The vocabulary is in lower case. Is every caption?")
def test_bag_ignores_case(student):
    bags = student.bag_of_words(["Liberty OF"], ["liberty", "moon", "of"])
    helpers.assert_counts(bags, [[1, 0, 1]], what="bag of 'Liberty OF' over liberty, moon, of")


@bag_of_words("counts whole words", hint="Is there an apple in a pineapple?")
def test_bag_counts_whole_words(student):
    bags = student.bag_of_words(["pineapple apples"], ["apple", "pineapple", "apples"])
    helpers.assert_counts(bags, [[0, 1, 1]], what="bag of 'pineapple apples' over apple, pineapple, apples")


@bag_of_words("leaves words out that are not in the vocabulary", hint="What becomes of a word that has no column?")
def test_bag_leaves_unknown_words_out(student):
    bags = student.bag_of_words(["a small blue bird", "nothing known here"], ["bird", "blue"])
    helpers.assert_counts(bags, [[1, 1], [0, 0]], what="bags of captions with unknown words over bird, blue")


@bag_of_words(
    "answers in float32", hint="A linear layer multiplies your answer by its weights. Of which dtype are they?"
)
def test_bag_is_float32(student):
    bags = student.bag_of_words(["cat", "cat dog", "dog"], ["cat", "dog"])
    what = "bags of 'cat', 'cat dog', 'dog' over cat, dog"
    expect_tensor(bags, what=what, shape=(3, 2), dtype=torch.float32)
    helpers.assert_counts(bags, [[1, 0], [1, 1], [0, 1]], what=what)


# --- clip_loss --------------------------------------------------------------------------------------------------------


def cost(right, *others):
    """-log of the share of exp(right) among all: what a row of these logits costs."""
    top = max(right, *others)
    return top + math.log(sum(math.exp(logit - top) for logit in (right, *others))) - right


def four_pairs(scale):
    """The loss of four orthogonal pairs, and what it would be if one property alone were missed."""
    right = cost(scale, 0, 0, 0)
    return right, {
        "mean": [2 * right, 4 * right, 8 * right],
        "candidates": [math.log(3) - scale],
        "scale": [cost(other, 0, 0, 0) for other in (1, 1 / scale, scale**2)],
    }


@clip_loss(
    "lets each choose among all B", hint="Guessing among 4 equal ones costs log 4. Which terms stand in your sum?"
)
def test_clip_loss_of_equal_features_is_log_of_their_number(student):
    loss = student.clip_loss(torch.ones(4, 6), torch.ones(4, 6), 1.0)
    right = math.log(4)
    mistakes = {"mean": [2 * right, 4 * right, 8 * right]}
    helpers.assert_loss(loss, right, mistakes, about="candidates", what="the loss of 4 equal pairs")


@clip_loss(
    "is a mean: over rows, and of the two directions",
    hint="Twice as many pairs, or a second direction, each as hard as before: should the loss be larger?",
)
def test_clip_loss_is_a_mean(student):
    loss = student.clip_loss(torch.ones(4, 6), torch.ones(4, 6), 1.0)
    mistakes = {"candidates": [math.log(3)]}
    helpers.assert_loss(loss, math.log(4), mistakes, about="mean", what="the loss of 4 equal pairs")


@clip_loss("multiplies cosines by the scale", hint="The larger the scale, the more a cosine of 1 stands out. Is it so?")
def test_clip_loss_multiplies_by_the_scale(student):
    right, mistakes = four_pairs(2.0)
    loss = student.clip_loss(torch.eye(4, 6), torch.eye(4, 6), 2.0)
    helpers.assert_loss(loss, right, mistakes, about="scale", what="the loss of 4 orthogonal pairs at scale 2")


@clip_loss(
    "asks both: images pick texts, and texts pick images",
    hint="If all texts look like image 0, texts find it hard in another way than images. Does your loss hear both?",
)
def test_clip_loss_asks_in_both_directions(student):
    loss = student.clip_loss(torch.eye(3, 4), torch.eye(1, 4).repeat(3, 1), 1.0)
    images_pick, texts_pick = math.log(3), (cost(1, 0, 0) + 2 * cost(0, 1, 0)) / 3
    both = (images_pick + texts_pick) / 2
    mistakes = {"mean": [2 * both, 3 * both, 6 * both]}
    what = "the loss of 3 images whose texts all look like image 0"
    helpers.assert_loss(loss, both, mistakes, about="direction", what=what)


@clip_loss(
    "does not care how long the features are", hint="A cosine knows directions only. What divides by the lengths?"
)
def test_clip_loss_ignores_lengths(student):
    lengths = torch.tensor([[0.5], [2.0], [3.0], [1.0]])
    loss = student.clip_loss(torch.eye(4, 6) * lengths, torch.eye(4, 6) * lengths.flip(0), 1.0)
    right, mistakes = four_pairs(1.0)
    what = "the loss of 4 orthogonal pairs of various lengths"
    helpers.assert_loss(loss, right, mistakes, about="lengths", what=what)


@clip_loss("stays finite at scale 200", hint="exp(200) is more than float32 can hold. Which function never forms it?")
def test_clip_loss_survives_a_high_scale(student):
    right, mistakes = four_pairs(200.0)
    loss = student.clip_loss(torch.eye(4, 6), torch.eye(4, 6), 200.0)
    what = "the loss of 4 orthogonal pairs at scale 200"
    helpers.assert_loss(loss, right, mistakes, about="range", what=what)
    moved = student.clip_loss(torch.eye(4, 6), torch.eye(4, 6).roll(1, 0), 200.0)
    mistakes = {"mean": [400.0, 800.0, 1600.0], "scale": [cost(0, s, 0, 0) for s in (1, 1 / 200, 200**2)]}
    helpers.assert_loss(moved, 200.0, mistakes, about="range", what=f"{what}, texts moved on by one")


@clip_loss("answers with a scalar tensor", hint="Training calls backward on your answer. Which shape and dtype has it?")
def test_clip_loss_is_a_scalar_tensor(student):
    loss = student.clip_loss(torch.eye(4, 6), torch.eye(4, 6), 1.0)
    expect_tensor(loss, what="the loss of float32 features", shape=(), dtype=torch.float32)
    right, mistakes = four_pairs(1.0)
    helpers.assert_loss(loss, right, mistakes, about="kind", what="the loss of 4 orthogonal pairs")


# --- zero_shot_classifier ---------------------------------------------------------------------------------------------


def rows_of(*texts):
    """What the tests' encoder makes of each text, at length 1."""
    rows = torch.stack([helpers.letters(text) for text in texts])
    return rows / rows.norm(dim=1, keepdim=True)


@classifier("fills the template with each name", hint="Which text does the encoder get for the class dog?")
def test_classifier_fills_the_template(student):
    rows = student.zero_shot_classifier(helpers.LETTERS, ["dog", "fish"], ["this is a {}"])
    right = rows_of("this is a dog", "this is a fish")
    helpers.assert_directions(rows, right, what="classifier of dog and fish with one template")


@classifier("uses every template", hint="The text speaks of a mean over the templates. How many had a say?")
def test_classifier_uses_every_template(student):
    names, templates = ["dog", "fish"], ["{} b", "{} c", "{} k"]  # as long as each other for this encoder
    right = torch.stack([sum(rows_of(*(template.format(name) for template in templates))) for name in names])
    rows = student.zero_shot_classifier(helpers.LETTERS, names, templates)
    helpers.assert_directions(rows, right, what="classifier of dog and fish with three templates")


@classifier("gives rows of length 1", hint="The mean of vectors of length 1 is shorter than 1. What stands last?")
def test_classifier_rows_have_length_one(student):
    rows = student.zero_shot_classifier(helpers.LETTERS, ["dog", "fish"], ["b {} bb", "{} z zz zzz"])
    rows = expect_tensor(rows, what="classifier of dog and fish", dtype="floating")
    assert rows.dim() == 2 and rows.shape[1] == 26, f"the classifier has shape {tuple(rows.shape)}"
    assert_same(rows.norm(dim=1), torch.ones(len(rows)), what="lengths of the classifier's rows", any_float=True)


@classifier("has a row for each name", hint="Over what do you average: over the templates, or over the names?")
def test_classifier_has_a_row_for_each_name(student):
    rows = student.zero_shot_classifier(helpers.LETTERS, ["cat", "dog", "owl"], ["a {}"])
    right = rows_of("a cat", "a dog", "a owl")
    helpers.assert_directions(rows, right, what="classifier of cat, dog and owl")


# --- rank_labels ------------------------------------------------------------------------------------------------------

FOUR = torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.6, 0.8, 0.0, 0.0], [0.0, 0.6, 0.8, 0.0], [-0.6, 0.0, 0.0, 0.8]])


def softmax(*logits):
    shares = [math.exp(logit) for logit in logits]
    return [part / sum(shares) for part in shares]


@rank(
    "puts the most probable label first",
    hint="An image at label 0 should be offered 0, then 1. In which order are yours?",
)
def test_rank_puts_the_most_probable_first(student):
    _, labels = helpers.ranked(student.rank_labels(torch.eye(1, 4), FOUR, 5.0, 3), (1, 3), "rank_labels")
    assert labels.tolist() == [[0, 1, 2]], (
        f"cosines 1, .6, 0 and -.6: expected labels 0, 1, 2, yours are {labels.tolist()}"
    )


@rank(
    "takes the softmax over all labels, not over the k", hint="Two of four labels are returned. Do theirs add up to 1?"
)
def test_rank_takes_the_softmax_over_all(student):
    answer = student.rank_labels(torch.eye(1, 4), FOUR, 1.0, 2)
    what = "rank_labels of cosines 1, .6, 0, -.6, the best 2 of 4"
    helpers.assert_probable(answer, torch.tensor([softmax(1.0, 0.6, 0.0, -0.6)]), 2, what=what)


@rank(
    "multiplies cosines by the scale", hint="At scale 0 all labels are equally probable; at scale 5 hardly. And yours?"
)
def test_rank_uses_the_scale(student):
    answer = student.rank_labels(torch.eye(1, 4), FOUR, 5.0, 4)
    what = "rank_labels of cosines 1, .6, 0, -.6 at scale 5, all four"
    helpers.assert_probable(answer, torch.tensor([softmax(5.0, 3.0, 0.0, -3.0)]), 4, what=what)


@rank("does not care how long the images' features are", hint="A feature three times as long has the same cosines.")
def test_rank_ignores_the_images_lengths(student):
    answer = student.rank_labels(3 * torch.eye(1, 4), FOUR, 1.0, 4)
    what = "rank_labels of an image of length 3, all four"
    helpers.assert_probable(answer, torch.tensor([softmax(1.0, 0.6, 0.0, -0.6)]), 4, what=what)


@rank("answers with a tuple: probabilities, then labels in int64", hint="Which comes first, and what counts labels?")
def test_rank_answers_with_probabilities_and_labels(student):
    answer = student.rank_labels(torch.eye(2, 4), FOUR, 1.0, 3)
    if not isinstance(answer, tuple) or len(answer) != 2:
        raise CheckFailed(f"rank_labels: expected a tuple of two, got a {type(answer).__name__}")
    probabilities = expect_tensor(answer[0], what="probabilities", shape=(2, 3), dtype=torch.float32)
    labels = expect_tensor(answer[1], what="labels", shape=(2, 3), dtype=torch.int64)
    assert sorted(set(labels[0].tolist())) == sorted(labels[0].tolist()), "a label is offered twice to one image"
    assert (labels[1] == 1).any(), "label 1 is the most probable of image 1, and not among the three of four"
    assert (0 < probabilities).all() and (probabilities < 1).all(), "a probability is not between 0 and 1"
    assert len(set(probabilities[0].tolist())) == 3, "three labels with three cosines have equal probabilities"


# --- recall_at_k ------------------------------------------------------------------------------------------------------


@recall("counts an image whose own text is the most similar", hint="Image i belongs to text i. Who is found first?")
def test_recall_counts_what_is_found_first(student):
    what = "recall at 1 of four images, one of which finds its text first"
    helpers.assert_share(student.recall_at_k(helpers.IMAGES, helpers.TEXTS, 1), 1 / 4, what=what)


@recall("counts every place from 1 to k", hint="Found first is found among the first two.")
def test_recall_counts_every_place_up_to_k(student):
    what = "recall at 2 of four images, three of which find their text"
    helpers.assert_share(student.recall_at_k(helpers.IMAGES, helpers.TEXTS, 2), 3 / 4, what=what)


@recall("compares cosines", hint="A long text has a large product with everybody.")
def test_recall_compares_cosines(student):
    texts = helpers.TEXTS * torch.tensor([[1.0], [1.0], [1.0], [20.0]])
    what = "recall at 2 of four images, three of which find their text; some texts are long"
    helpers.assert_share(student.recall_at_k(helpers.IMAGES, texts, 2), 3 / 4, what=what)


@recall("answers with a Python float from 0 to 1", hint="Not a tensor, and not in percent.")
def test_recall_is_a_share(student):
    value = expect_number(student.recall_at_k(helpers.IMAGES, helpers.TEXTS, 1), what="recall at 1 of four images")
    assert value in (0.25, 0.5, 0.75), f"recall at 1 of four images, of which some find their text: {value}"
