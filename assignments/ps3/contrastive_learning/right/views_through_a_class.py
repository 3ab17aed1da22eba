"""A class that calls its transform twice, as MoCo's TwoCropsTransform does."""

EXERCISE = "nce-two-views"


class TwoCrops:
    def __init__(self, base_transform, generator):
        self.base_transform = base_transform
        self.generator = generator

    def __call__(self, x):
        q = self.base_transform(x, self.generator)
        k = self.base_transform(x, self.generator)
        return [q, k]


def two_views(images, augment, generator=None):
    return tuple(TwoCrops(augment, generator)(images))
