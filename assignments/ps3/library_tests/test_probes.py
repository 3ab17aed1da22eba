"""Features of images, and what judges them."""

import math

import pytest
import torch
from torch import nn

from ps3 import data, probes
from ps3.linear_probe.parts import TinyEncoder


def blobs(count, seed, classes=3, dim=6):
    """Features in `classes` clouds around fixed centres, and their labels."""
    generator = torch.Generator().manual_seed(seed)
    centres = 2.5 * torch.eye(classes, dim)
    labels = torch.arange(count) % classes
    return centres[labels] + torch.randn(count, dim, generator=generator), labels


def image_set(count=60):
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, 3, 8, 8), dtype=torch.uint8, generator=generator)
    split = data.Split(images, torch.arange(count) % 3)
    return data.ImageSet("made", ("a", "b", "c"), (0.5,) * 3, (0.25,) * 3, split, split, images)


def test_ridge_regression_separates_clouds_nearly_as_well_as_can_be():
    train, test = blobs(600, 0), blobs(600, 1)
    nearest_centre = torch.cdist(test[0], 2.5 * torch.eye(3, 6)).argmin(dim=1)
    best = (nearest_centre == test[1]).double().mean().item()
    assert abs(probes.ridge_accuracy(*train, *test) - best) < 0.02


def test_ridge_regression_does_not_mind_how_features_are_scaled_and_shifted():
    (train, labels), (test, test_labels) = blobs(300, 0), blobs(300, 1)
    scale, shift = 10.0 ** torch.arange(-2, 4), torch.arange(6) * 3.0
    plain = probes.ridge_accuracy(train, labels, test, test_labels)
    moved = probes.ridge_accuracy(train * scale + shift, labels, test * scale + shift, test_labels)
    assert moved == pytest.approx(plain, abs=0.004)


def test_ridge_regression_is_the_formula_of_its_text():
    """One feature: the score of class 1 rises with x where D / N shrinks the slope; two classes, so a threshold."""
    train, labels = torch.tensor([[0.0], [1.0], [2.0], [5.0]]), torch.tensor([0, 0, 0, 1])
    # mean 2, variance 3.5, covariance with class 1 0.75; class 1 wins where 0.25 + slope (x - 2) exceeds 0.5
    threshold = 2 + 0.25 / (0.75 / (3.5 * 1.25))
    test = torch.tensor([[threshold - 0.01], [threshold + 0.01]])
    assert probes.ridge_accuracy(train, labels, test, torch.tensor([0, 1])) == 1.0


def test_a_constant_feature_does_no_harm():
    (train, labels), (test, test_labels) = blobs(300, 0), blobs(300, 1)
    more = [torch.cat([f, torch.full((len(f), 1), 100.3)], dim=1) for f in (train, test)]
    assert probes.ridge_accuracy(more[0], labels, more[1], test_labels) == pytest.approx(
        probes.ridge_accuracy(train, labels, test, test_labels), abs=0.01
    )


def test_shuffled_labels_give_chance():
    (train, labels), (test, test_labels) = blobs(600, 0), blobs(600, 1)
    shuffled = labels[torch.randperm(600, generator=torch.Generator().manual_seed(2))]
    assert abs(probes.ridge_accuracy(train, shuffled, test, test_labels) - 1 / 3) < 0.12


def test_k_nn_of_one_finds_the_image_itself_and_scale_does_not_matter():
    features, labels = blobs(90, 0)
    assert probes.knn(features, labels, 7 * features, labels, k=1) == 1.0
    others, their_labels = blobs(90, 1)
    assert 0.8 < probes.knn(features, labels, others, their_labels, k=10) <= 1.0


def test_neighbours_come_best_first():
    angles = torch.tensor([0.0, 0.5, 1.0, 2.0])
    features = torch.stack([angles.cos(), angles.sin()], dim=1)
    assert probes.nearest(features[:1], features, 3).tolist() == [[0, 1, 2]]


def test_smaller_numbers_of_labels_are_drawn_three_times_and_all_of_them_once():
    pictures, asked = image_set(), []

    def judge(train, labels, test, test_labels):
        asked.append((len(train), len(labels), len(test)))
        return 0.5

    features = torch.randn(60, 4, generator=torch.Generator().manual_seed(1))
    found = probes.by_label_count(judge, (features, features), pictures, (6, 60))
    assert found == {6: [0.5] * 3, 60: [0.5]} and asked == [(6, 6, 60)] * 3 + [(60, 60, 60)]


def test_the_standard_error_near_one_half_of_5000_images_is_seven_thousandths():
    assert probes.standard_error(0.5, 5000) == pytest.approx(math.sqrt(0.25 / 5000))


def test_features_are_those_of_a_frozen_copy_and_the_encoder_goes_on_training():
    pictures, encoder = image_set(), TinyEncoder(5)
    encoder.train()
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    features = probes.features_of(encoder, pictures, pictures.train.images)
    assert encoder.training and encoder.drop.training and all(p.requires_grad for p in encoder.parameters())
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())
    assert features.shape == (60, 5) and features.dtype == torch.float32 and not features.requires_grad
    encoder.eval()
    expected = encoder(pictures.normalize(pictures.train.images)).detach()
    assert torch.allclose(features, expected, atol=0.05)  # bfloat16 may be the faster one


def test_an_encoder_that_keeps_what_it_computed_can_be_judged():
    class Keeping(TinyEncoder):
        def forward(self, images):
            self.last = super().forward(images)
            return self.last

    encoder, pictures = Keeping(4), image_set()
    encoder(torch.rand(2, 3, 8, 8))
    assert probes.features_of(encoder, pictures, pictures.train.images).shape == (60, 4)


def test_features_can_come_from_a_method_of_a_module():
    class Two(nn.Module):
        def features(self, images):
            return images.mean(dim=(2, 3))

    pictures = image_set()
    assert probes.features_of(Two().features, pictures, pictures.train.images).shape == (60, 3)


def test_what_is_no_module_is_refused():
    with pytest.raises(TypeError, match="a module or a method of one, not function"):
        probes.features_of(lambda images: images, image_set(), image_set().train.images)


def test_hand_crafted_features_tell_upright_from_lying_stripes_and_red_from_blue():
    images = torch.zeros(3, 3, 32, 32, dtype=torch.uint8)
    images[0, :, ::4] = 255
    images[1, :, :, ::4] = 255
    images[2, 2] = 255
    features = probes.hand_crafted(images)
    assert features.shape == (3, 384) and torch.isfinite(features).all()
    edges, colours = features[:, :128], features[:, 128:]
    assert (edges[0] * edges[1]).sum() < 0.1 * edges[0].square().sum()
    assert edges[2].abs().max() < 0.01 and not torch.equal(colours[0], colours[2])
