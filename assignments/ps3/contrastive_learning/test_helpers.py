"""What the public and the hidden tests of the contrastive problem share."""

import math

import torch

from kit import CheckFailed, Lib, assert_same, expect_tensor, expect_tuple

NOISE = Lib("ps3.contrastive_learning.parts.noisy_augment")


def one_number(loss, what):
    """The loss as a float, whatever its dtype and shape: other tests are about those."""
    if isinstance(loss, float):
        loss = torch.tensor(loss, dtype=torch.float64)
    tensor = expect_tensor(loss, what=what, dtype="floating", finite=False)
    if tensor.is_meta or tensor.numel() != 1:
        raise CheckFailed(f"{what}: expected one number, got a tensor of shape {tuple(tensor.shape)}")
    return tensor.double().item()


def assert_loss(loss, right, mistakes, *, about, what, within=5e-3, hint=None):
    """The loss is right, or has a mistake that another test is about.

    mistakes: for each property, what the loss would be if that alone were missed. about: the one this test is about.
    """
    value = one_number(loss, what)
    excused = [other for name, values in mistakes.items() if name != about for other in values]
    if not any(math.isclose(value, other, rel_tol=within, abs_tol=within) for other in (right, *excused)):
        raise CheckFailed(f"{what}: expected {right:.4f}, yours is {value:.4f}", hint)


def assert_crops(crops, right, others, *, what, atol=1e-3):
    """The crops are right in every number, whatever their dtype, or have one mistake that another test is about.

    others: what crops with such a mistake would be.
    """
    tensor = expect_tensor(crops, what=what, shape=tuple(right.shape), dtype="floating")
    if not tensor.is_meta and any((tensor.double() - other.double()).abs().max() <= atol for other in others):
        return
    assert_same(tensor, right, what=what, atol=atol, any_float=True)


def named_views(views):
    """Each of the two views with its name; in a tuple, a list or one tensor, as another test is about that."""
    if isinstance(views, torch.Tensor) and views.dim() > 3:
        views = views.chunk(2) if views.dim() == 4 else views.unbind()
    return tuple(zip(expect_tuple(views, 2, what="two_views"), ("view1", "view2"), strict=True))


def assert_in_a_tuple(views):
    assert isinstance(views, tuple), f"two_views: expected a tuple, got a {type(views).__name__}"


def noises(views, images):
    """Names of the views that are these images plus noise of deviation about 1, drawn from anywhere."""
    found = []
    for view, what in named_views(views):
        expect_tensor(view, what=what, dtype=images.dtype)
        if view.shape == images.shape and not view.is_meta:
            noise = (view - images).double()
            if abs(noise.mean().item()) < 0.3 and 0.7 < noise.std().item() < 1.7:
                found.append(what)
    return found
