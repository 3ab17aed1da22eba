"""What the public and the hidden tests of the contrastive problem share."""

from kit import Lib, expect_tuple

NOISE = Lib("ps3.contrastive_learning.parts.noisy_augment")


def named_views(views):
    """Each of the two views with its name; they may come as a tuple or as a list."""
    return tuple(zip(expect_tuple(views, 2, what="two_views"), ("view1", "view2"), strict=True))


def assert_in_a_tuple(views):
    assert isinstance(views, tuple), f"two_views: expected a tuple, got a {type(views).__name__}"
