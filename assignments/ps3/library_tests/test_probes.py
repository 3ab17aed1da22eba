"""The library's judges of features, and the small parts that the checks name."""

import math

import pytest
import torch
from torch import nn

from ps3 import data, probes


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


def test_the_probe_separates_clouds_nearly_as_well_as_can_be():
    train, test = blobs(600, 0), blobs(600, 1)
    nearest_centre = torch.cdist(test[0], 2.5 * torch.eye(3, 6)).argmin(dim=1)
    best = (nearest_centre == test[1]).double().mean().item()
    assert abs(probes.probe(*train, *test) - best) < 0.02


def test_the_probe_does_not_mind_how_features_are_scaled_and_shifted():
    (train, labels), (test, test_labels) = blobs(300, 0), blobs(300, 1)
    scale, shift = 10.0 ** torch.arange(-2, 4), torch.arange(6) * 3.0
    plain = probes.probe(train, labels, test, test_labels)
    assert probes.probe(train * scale + shift, labels, test * scale + shift, test_labels) == pytest.approx(
        plain, abs=0.01
    )


def test_a_constant_feature_does_no_harm():
    (train, labels), (test, test_labels) = blobs(300, 0), blobs(300, 1)
    more = [torch.cat([f, torch.full((len(f), 1), 100.3)], dim=1) for f in (train, test)]
    assert probes.probe(more[0], labels, more[1], test_labels) == pytest.approx(
        probes.probe(train, labels, test, test_labels), abs=0.01
    )


def test_shuffled_labels_give_chance():
    (train, labels), (test, test_labels) = blobs(600, 0), blobs(600, 1)
    shuffled = labels[torch.randperm(600, generator=torch.Generator().manual_seed(2))]
    assert abs(probes.probe(train, shuffled, test, test_labels) - 1 / 3) < 0.12


def test_k_nn_of_one_finds_the_image_itself_and_scale_does_not_matter():
    features, labels = blobs(90, 0)
    assert probes.knn(features, labels, 7 * features, labels, k=1) == 1.0
    assert 0.8 < probes.knn(features, labels, *blobs(90, 1), k=10) <= 1.0


def test_neighbours_come_best_first():
    angles = torch.tensor([0.0, 0.5, 1.0, 2.0])
    features = torch.stack([angles.cos(), angles.sin()], dim=1)
    assert probes.nearest(features[:1], features, 3).tolist() == [[0, 1, 2]]


def test_a_curve_has_an_accuracy_for_each_draw_and_one_where_all_labels_are_used():
    pictures = image_set()
    features = torch.randn(60, 4, generator=torch.Generator().manual_seed(1))
    found = probes.probe_curve(features, features, pictures, counts=(6, 60), draws=2)
    assert {count: len(values) for count, values in found.items()} == {6: 2, 60: 1}


def test_the_standard_error_near_one_half_of_5000_images_is_seven_thousandths():
    assert probes.standard_error(0.5, 5000) == pytest.approx(math.sqrt(0.25 / 5000))


def test_features_are_computed_in_eval_mode_and_the_mode_comes_back():
    pictures, encoder = image_set(), probes.TinyEncoder(5)
    encoder.train()
    encoder.norm.eval()
    features = probes.features_of(encoder, pictures, pictures.train.images)
    assert encoder.training and encoder.drop.training and not encoder.norm.training
    assert features.shape == (60, 5) and features.dtype == torch.float32 and not features.requires_grad
    encoder.eval()
    expected = encoder(pictures.normalize(pictures.train.images)).detach()
    assert torch.allclose(features, expected, atol=0.05)  # bfloat16 may be the faster one


def test_features_can_come_from_a_method_of_a_module():
    class Two(nn.Module):
        def features(self, images):
            return images.mean(dim=(2, 3))

    pictures = image_set()
    assert probes.features_of(Two().features, pictures, pictures.train.images).shape == (60, 3)


def test_layers_are_averaged_over_places_and_tokens_without_the_first():
    class Layered(nn.Module):
        def __init__(self):
            super().__init__()
            self.maps, self.tokens = nn.Identity(), nn.Identity()

        def forward(self, images):
            maps = self.maps(images)
            tokens = torch.cat([torch.full((len(images), 1, 3), 99.0), maps.flatten(2).transpose(1, 2)], dim=1)
            return self.tokens(tokens).mean(dim=1)

    pictures, net = image_set(), Layered()
    images = pictures.train.images
    found = probes.layer_features(net, [net.maps, net.tokens], pictures, images)
    expected = pictures.normalize(images).mean(dim=(2, 3))
    assert len(found) == 2 and all(torch.allclose(f, expected, atol=1e-3) for f in found)


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


def test_the_tiny_encoder_depends_on_its_mode():
    torch.manual_seed(0)
    encoder, images = probes.TinyEncoder(8, channels=2), torch.rand(4, 2, 5, 7)
    mean = encoder.norm.running_mean.clone()
    assert not torch.equal(encoder(images), encoder(images)) and not torch.equal(mean, encoder.norm.running_mean)
    encoder.eval()
    assert torch.equal(encoder(images), encoder(images)) and encoder(images).shape == (4, 8)


def test_the_recorder_tells_how_it_was_called():
    recorder = probes.BatchRecorder()
    recorder(torch.zeros(3, 1, 2, 2))
    recorder.eval()
    with torch.no_grad():
        assert recorder(torch.ones(2, 1, 2, 2)).shape == (2, 4)
    assert recorder.seen() == [(3, True, True), (2, False, False)]
    assert not recorder.state_dict()


def test_noisy_augment_draws_from_the_generator():
    images, generator = torch.zeros(2, 3, 4, 4), torch.Generator().manual_seed(1)
    first, second = probes.noisy_augment(images, generator), probes.noisy_augment(images, generator)
    assert not torch.equal(first, second)
    assert torch.equal(first, probes.noisy_augment(images, torch.Generator().manual_seed(1)))


def test_overfit_returns_the_loss_of_the_last_steps():
    class Encoder(nn.Linear):
        def forward(self, images):
            return super().forward(images.flatten(1)), torch.ones(1), torch.zeros(1)

    class Decoder(nn.Linear):
        def forward(self, latent, ids_restore):
            return super().forward(latent)

    def loss(images, predictions, mask, patch_size):
        return (predictions - images.flatten(1)).square().mean() + 0 * patch_size

    torch.manual_seed(0)
    images = torch.rand(4, 1, 2, 2)
    encoder, decoder = Encoder(4, 4), Decoder(4, 4)
    long = probes.overfit(encoder, decoder, loss, images, steps=200, lr=0.02)
    assert isinstance(long, float) and 0 <= long < 0.02
