"""A helper, an extra argument with a default, and a print."""

EXERCISE = "nce-two-views"


def one_view(images, augment, generator):
    print("augmenting", len(images), "images")
    return augment(images, generator)


def two_views(images: Tensor, augment, generator=None, count: int = 2):
    views = []
    for _ in range(count):
        views.append(one_view(images, augment, generator))
    return tuple(views)
