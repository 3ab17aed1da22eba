"""The augmentations: what each may change and what not."""

import pytest
import torch

from ps3 import augment

TEN = augment.ten_transformations()


def pictures(height=8, width=12, count=6):
    return torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(5))


def seeded(number=0):
    return torch.Generator().manual_seed(number)


def whole(images, boxes, size):
    """A stand-in for the crop that students write: no crop at all."""
    return images.clone()


@pytest.mark.parametrize("name", list(TEN))
def test_a_transformation_keeps_shape_and_range_and_leaves_its_input(name):
    images = pictures()
    before = images.clone()
    result = TEN[name](images, seeded())
    assert result.shape == images.shape and result.dtype == images.dtype
    assert result.min() >= 0 and result.max() <= 1
    assert torch.equal(images, before) and result.data_ptr() != images.data_ptr()


@pytest.mark.parametrize("name", ["crop and resize", "colour jitter", "rotation", "cutout", "Gaussian noise"])
def test_the_generator_decides(name):
    images = pictures()
    first, again, other = (TEN[name](images, seeded(n)) for n in (0, 0, 1))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_there_are_the_ten_of_the_slide():
    assert len(TEN) == 10 and next(iter(TEN)) == "original"


def test_boxes_lie_inside_the_image_and_have_the_areas_asked_for():
    boxes = augment.random_boxes(pictures(count=2000), (0.2, 0.5), seeded())
    assert (boxes[:, :2] >= 0).all() and (boxes[:, :2] + boxes[:, 2:] <= 1 + 1e-6).all()
    area = boxes[:, 2] * boxes[:, 3]
    assert 0.2 - 1e-3 < area.min() < 0.21 and 0.49 < area.max() < 0.5 + 1e-3
    assert not torch.equal(boxes[0], boxes[1])


def test_flip_mirrors_about_half_of_the_images_and_works_on_bytes():
    images = (pictures(count=400) * 255).byte()
    result = augment.flip(images, seeded())
    mirrored = (result == images.flip(3)).flatten(1).all(dim=1)
    same = (result == images).flatten(1).all(dim=1)
    assert result.dtype == torch.uint8 and (mirrored | same).all() and 150 < mirrored.sum() < 250


def test_grey_images_stay_grey_under_a_turn_of_the_hue():
    grey = pictures()[:, :1].expand(-1, 3, -1, -1)
    result = augment._recolour(grey, 0.5, 0.0, seeded(), always=True)
    assert torch.allclose(result[:, 0], result[:, 2], atol=1e-5)


def test_jitter_leaves_one_image_in_five_alone():
    images = pictures(count=1000) * 0.5 + 0.25
    unchanged = (augment.colour_jitter(images, 0.5, seeded()) - images).abs().amax(dim=(1, 2, 3)) < 1e-6
    assert 150 < unchanged.sum() < 250


def test_views_are_sometimes_grey_and_without_jitter_and_grey_only_cropped_and_flipped():
    images = pictures(count=400)
    views = augment.SimCLRViews(whole, size=8)(images, seeded())
    grey = (views[:, 0] - views[:, 2]).abs().amax(dim=(1, 2)) < 1e-5
    assert 50 < grey.sum() < 120
    plain = augment.SimCLRViews(whole, size=8, jitter=0, grey=0)(images, seeded())
    assert ((plain == images) | (plain == images.flip(3))).flatten(1).all()


def test_views_use_the_crop_that_they_are_given():
    seen = []

    def crop(images, boxes, size):
        seen.append((boxes.shape, size))
        return images[:, :, :size, :size]

    assert augment.SimCLRViews(crop, size=4)(pictures(), seeded()).shape == (6, 3, 4, 4)
    assert seen == [((6, 4), 4)]


def test_sobel_of_a_step_is_a_line_and_of_a_flat_image_nothing():
    images = torch.zeros(1, 3, 6, 8)
    images[..., 4:] = 1
    edges = augment.sobel(images)[0, 0]
    assert (edges[:, [3, 4]] > 0.9).all() and not edges[:, [0, 1, 2, 5, 6, 7]].any()


def test_blur_keeps_the_mean_of_a_flat_image_and_widens_a_dot():
    assert torch.allclose(augment.blur(torch.full((1, 3, 8, 8), 0.4)), torch.tensor(0.4))
    dot = torch.zeros(1, 3, 9, 9)
    dot[..., 4, 4] = 1
    assert 0.05 < augment.blur(dot)[0, 0, 4, 4] < 0.2


def test_rotation_moves_the_marked_corner():
    images = torch.zeros(30, 3, 6, 6)
    images[..., 0, 0] = 1
    corners = augment.rotate(images, seeded())[:, 0][:, [0, 0, 5, 5], [0, 5, 5, 0]].sum(dim=0)
    assert corners[0] == 0 and (corners[1:] > 0).all() and corners.sum() == 30
