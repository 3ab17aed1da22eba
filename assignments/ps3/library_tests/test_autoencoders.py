"""The lesson on autoencoders: its transformer, its tasks, PCA, its figures' numbers."""

from typing import Any

import pytest
import torch

from ps3.autoencoders import doubles, figures, parts


@pytest.fixture
def images():
    return torch.randn(6, 3, 16, 24, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def network():
    torch.manual_seed(0)
    return parts.PatchTransformer(image_size=(16, 24), dim=16, depth=1, heads=2, decoder_dim=8).eval()


def test_the_transformer_paints_images_of_the_size_it_read(network, images):
    painted, codes = network(images)
    assert painted.shape == images.shape and codes.shape == (6, 24, 16)
    assert network.features(images).shape == (6, 16)


def test_hidden_patches_change_nothing(network, images):
    hidden = parts.hide(images)
    other = images + 5 * parts.as_pixels(hidden, images)
    painted, codes = network(images, hidden)
    again, _ = network(other, hidden)
    assert codes.shape == (6, 6, 16)
    torch.testing.assert_close(painted, again)
    assert not torch.equal(network(other)[0], network(images)[0])


def test_codes_of_visible_patches_go_back_to_their_places(network, images):
    hidden = parts.hide(images)
    seen: list[Any] = []
    network.decoder.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    _, codes = network(images, hidden)
    placed = seen[0] - network.decoder_places
    torch.testing.assert_close(placed[~hidden].unflatten(0, (6, 6)), network.narrow(codes))
    assert placed[hidden].std(dim=0).max() < 1e-6


def test_as_many_patches_are_hidden_in_each_image_and_others_in_each(images):
    hidden = parts.hide(images, 0.75)
    assert hidden.dtype == torch.bool and hidden.sum(dim=1).tolist() == [18] * 6
    assert not torch.equal(hidden[0], hidden[1])


def test_hidden_patches_as_pixels_are_whole_squares(images):
    hidden = torch.zeros(1, 24, dtype=torch.bool)
    hidden[0, 7] = True  # row 1, column 1 of 4 x 6 patches
    pixels = parts.as_pixels(hidden, images[:1])
    assert pixels.shape == (1, 1, 16, 24) and pixels.sum() == 16
    assert pixels[0, 0, 4:8, 4:8].min() == 1


def test_relief_has_no_light_of_its_own(images):
    relief = parts.relief(3 * images + 2)
    torch.testing.assert_close(relief, parts.relief(images), atol=1e-4, rtol=1e-4)
    patch = relief[2, :, 4:8, 8:12]
    assert abs(patch.mean()) < 1e-5 and patch.square().mean() == pytest.approx(1, abs=1e-3)


def test_an_image_with_its_own_relief_is_the_image(images):
    torch.testing.assert_close(parts.with_relief(images, parts.relief(images)), images)


def test_pca_of_all_directions_loses_nothing(images):
    flat = torch.randn(40, 1, 4, 3, generator=torch.Generator().manual_seed(1))
    pca = parts.PCA(flat, most=12)
    assert parts.share_wrong(flat, pca.reconstruct(flat, 12), flat.mean(dim=0)) < 1e-6
    errors = [parts.share_wrong(flat, pca.reconstruct(flat, size), flat.mean(dim=0)) for size in (1, 4, 8)]
    assert 1 > errors[0] > errors[1] > errors[2] > 0
    assert pca.encode(flat, 5).shape == (40, 5)


def test_the_share_that_is_wrong_is_0_for_a_copy_and_1_for_the_mean(images):
    mean = images.mean(dim=0)
    assert parts.share_wrong(images, images, mean) == 0
    assert parts.share_wrong(images, mean.expand_as(images), mean) == pytest.approx(1)


def test_a_filter_undoes_what_a_filter_can_undo(images):
    assert parts.share_wrong(images[3:], parts.repaired(images, 2 * images), images.mean(dim=0)) < 0.01


def test_the_error_on_its_own_task_is_that_of_the_answer(images):
    assert parts.own_error(lambda x: (x, x), images) == 0
    assert parts.own_error(lambda x: (x, x.mean(dim=0).expand_as(x)), images) == pytest.approx(1)


def test_the_opening_shows_what_three_networks_painted_of_the_photos(pack):
    drawn = figures.three_pictures(pack)
    photos, *painted = [torch.tensor(axis.images[0].get_array()) for axis in drawn.axes if axis.images][::6]
    errors = [(picture - photos).square().mean() for picture in painted]
    letters = dict(zip(figures.NETWORKS.values(), errors, strict=True))
    assert letters["autoencoder"] < letters["denoising AE"] < letters["MAE"]


def test_the_order_is_told_and_the_guess_beside_it():
    found = {"autoencoder": 0.2, "denoising AE": 0.3, "MAE": 0.4}
    text = figures.order_text(["C", "a", None], found)
    assert text.startswith("from best to worst: B, the MAE (0.400), A") and "your guess: C, A, ?" in text
    assert "no guess made" in figures.order_text([None] * 3, found)


@pytest.mark.parametrize("typed", [5, "CBA", [[]], ["x", "y", "z"]])
def test_an_order_that_cannot_be_read_is_no_guess(typed, capsys):
    assert "no guess made" in figures.order_text(typed, {"autoencoder": 0.2, "denoising AE": 0.3, "MAE": 0.4})


def test_drawn_architectures_say_what_is_thrown_away():
    assert "thrown away afterwards: from_code, up" in figures.architecture().message
    assert "decoder" in figures.three_tasks().message


class Whole(torch.nn.Module):
    """A network whose codes are its maps, column by column: the wrong order, there and back."""

    def __init__(self, image_size, channels, width, code_dim):
        super().__init__()
        self.down: Any = None
        self.up: Any = None

    def encode(self, images):
        return self.down(images).transpose(2, 3).flatten(1)

    def decode(self, codes):
        return self.up(codes.unflatten(1, (48, 6, 4)).transpose(2, 3))

    def forward(self, images):
        return self.decode(self.encode(images)), None


def test_the_halves_show_an_order_that_a_round_trip_hides(capsys):
    figures.halves(Whole)
    said = capsys.readouterr().out
    assert "your encode 1, your decode 1, your forward 0" in said


def test_a_repair_tells_before_and_after(capsys):
    figures.repair({"noise": (0.25, 0.05), "patches": (0.8, 0.6)}, "patches")
    assert "noise 0.250 to 0.050, patches 0.800 to 0.600; your guess: patches" in capsys.readouterr().out


def test_worth_places_every_dot(capsys):
    points = {"autoencoder": (0.01, 0.39), "MAE": (0.65, 0.47)}
    drawn = figures.worth(points, dict.fromkeys(points, 0.014), 0.38, 5_000, "ridge")
    assert "MAE: error 0.650, ridge 0.470; random twin 0.380" in capsys.readouterr().out
    assert {"autoencoder", "MAE", "random twin", "chance"} <= {text.get_text() for text in drawn.axes[0].texts}


@pytest.mark.parametrize("source", [None, torch.Generator()])
def test_doubles_count_and_damage(source):
    images, counter, model = torch.ones(2, 1, 2, 4), doubles.CountingDim(), doubles.Stretching()
    assert 0 < counter(images, source).max() < 1
    assert (counter.calls.item(), counter.images.item()) == (1, 2)
    answer, codes = model(images)
    assert torch.equal(answer, 3 * images) and codes.shape == (2, 1) and model.calls == 1
    assert doubles.left_black(images, source).sum() == 8 and torch.equal(doubles.brightened(images, source), images + 1)
