"""What the public and the hidden tests of the language problem share."""

import math

import torch

from kit import CheckFailed, Lib, expect_tensor, expect_tuple

LETTERS = Lib("ps3.language_supervision.parts.letter_counts")


def one_number(loss, what):
    """The loss as a float, whatever its dtype and shape: other tests are about those."""
    if isinstance(loss, float):
        loss = torch.tensor(loss, dtype=torch.float64)
    tensor = expect_tensor(loss, what=what, dtype="floating", finite=False)
    if tensor.is_meta or tensor.numel() != 1:
        raise CheckFailed(f"{what}: expected one number, got a tensor of shape {tuple(tensor.shape)}")
    return tensor.double().item()


def assert_loss(loss, right, mistakes, *, about, what, within=5e-3):
    """The loss is right, or has a mistake that another test is about.

    mistakes: for each property, what the loss would be if that alone were missed. about: the one this test is about.
    """
    value = one_number(loss, what)
    excused = [other for name, values in mistakes.items() if name != about for other in values]
    if not any(math.isclose(value, other, rel_tol=within, abs_tol=within) for other in (right, *excused)):
        raise CheckFailed(f"{what}: expected {right:.4f}, yours is {value:.4f}")


def counts_of(bags, shape, what):
    """Bags as numbers, whatever their dtype: another test is about that."""
    bags = expect_tensor(bags, what=what, shape=shape)
    if bags.is_meta or bags.is_complex():
        raise CheckFailed(f"{what}: the result has a shape but no counts")
    return bags.double()


def assert_counts(bags, right, *, what):
    right = torch.tensor(right, dtype=torch.float64)
    bags = counts_of(bags, tuple(right.shape), what)
    if not torch.equal(bags, right):
        row = int((bags != right).any(dim=1).nonzero()[0])
        raise CheckFailed(f"{what}: expected {right[row].tolist()} in row {row}, yours is {bags[row].tolist()}")


def letters(text):
    """How often each letter a to z occurs, one by one, in float64: what the tests' encoder makes of a text."""
    return torch.tensor([float(text.count(chr(ord("a") + n))) for n in range(26)], dtype=torch.float64)


def directions_of(classifier, count, what, width=26):
    """The rows of a classifier at length 1: another test is about their length."""
    rows = expect_tensor(classifier, what=what, shape=(count, width), dtype="floating").double()
    if rows.is_meta or not (rows.norm(dim=1) > 1e-6).all():
        raise CheckFailed(f"{what}: every row should have a direction")
    return rows / rows.norm(dim=1, keepdim=True)


def assert_directions(classifier, right, *, what):
    """Every row points where it should."""
    rows = directions_of(classifier, len(right), what, right.shape[1])
    cosines = (rows * right.double() / right.double().norm(dim=1, keepdim=True)).sum(dim=1)
    if (cosines < 1 - 1e-5).any():
        row = int(cosines.argmin())
        raise CheckFailed(f"{what}: row {row} has cosine {cosines[row]:.4f} with where it should point")


def ranked(answer, shape, what):
    """Probabilities in float64 and labels in int64 of an answer, whatever holds them: other tests are about that."""
    if isinstance(answer, list):
        answer = tuple(answer)
    probabilities, labels = expect_tuple(answer, 2, what=what)
    probabilities = expect_tensor(probabilities, what=f"probabilities of {what}", shape=shape, dtype="floating")
    labels = expect_tensor(labels, what=f"labels of {what}", shape=shape)
    if probabilities.is_meta or labels.is_meta:
        raise CheckFailed(f"{what}: the result has a shape but no numbers")
    return probabilities.double(), labels.long()


def assert_probable(answer, right, k, *, what, atol=1e-4):
    """Each label that was returned has its probability of `right` (B, K); which labels those are is another test's."""
    probabilities, labels = ranked(answer, (len(right), k), what)
    if labels.min() < 0 or labels.max() >= right.shape[1]:
        raise CheckFailed(f"{what}: labels go from 0 to {right.shape[1] - 1}")
    wanted = right.double().gather(1, labels)
    gap = (probabilities - wanted).abs()
    if gap.max() > atol:
        row, column = divmod(int(gap.argmax()), k)
        raise CheckFailed(
            f"{what}: label {int(labels[row, column])} of image {row} has probability {wanted[row, column]:.4f}, "
            f"yours is {probabilities[row, column]:.4f}"
        )


def share(recall, what):
    """A share from 0 to 1, also where it comes in percent or as a tensor: another test is about that."""
    if isinstance(recall, (int, float)) and not isinstance(recall, bool):
        recall = torch.tensor(float(recall), dtype=torch.float64)
    value = one_number(recall, what)
    return value / 100 if value > 1 + 1e-6 else value


def assert_share(recall, right, *, what):
    value = share(recall, what)
    if abs(value - right) > 1e-5:
        raise CheckFailed(f"{what}: expected {right:.4f}, yours is {value:.4f}")


def at(*degrees):
    """Directions in the plane, (B, 2): the nearer two angles, the larger the cosine."""
    angles = torch.deg2rad(torch.tensor(degrees, dtype=torch.float32))
    return torch.stack([angles.cos(), angles.sin()], dim=1)


# One of the four images finds its text first, three among two, all among four; so do the texts their images.
IMAGES, TEXTS = at(54, 0, 117, 126), at(1, 16, 79, 22)
