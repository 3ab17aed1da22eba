"""The lesson on units: its puzzle, its figures' numbers, its networks, the parts of its checks."""

import pytest
import torch

from ps3 import data, stored, training
from ps3.visualizing_units import figures, networks, parts


def image_set(count=40, size=16):
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, 3, size, size), generator=generator, dtype=torch.uint8)
    split = data.Split(images, torch.arange(count) % 4)
    return data.ImageSet("made", tuple("abcd"), (0.5,) * 3, (0.25,) * 3, split, split, images)


def listened(network, layer, images, batch_size=256):
    """A right answer for the figures to draw."""
    heard = []
    hook = network.get_submodule(layer).register_forward_hook(lambda part, given, output: heard.append(output))
    flags = {part: part.training for part in network.modules()}
    try:
        network.eval()
        with torch.no_grad():
            for batch in images.split(batch_size):
                network(batch)
    finally:
        hook.remove()
        for part, flag in flags.items():
            part.training = flag
    return torch.cat(heard)


def test_the_puzzle_shows_the_images_of_two_units_and_says_their_shares(pack, capsys):
    figures.puzzle(pack)
    figures.reveal(pack, "b", "75 %")
    said = capsys.readouterr().out
    assert "unit A: automobile, 8 of 16 = 0.50; unit B: horse, 12 of 16 = 0.75" in said
    assert "Trained: B, your guess: B; share of B, your guess: 0.75" in said
    assert all(len(set(images)) == 16 for images in figures.PUZZLE.values())


def test_unit_a_of_the_puzzle_is_a_unit_of_the_random_twin(pack):
    inputs = pack.normalize(pack.test.images[:2000])
    maps = torch.cat([listened(networks.random_twin(), "blocks.2", part)[:, 24] for part in inputs.split(500)])
    found = maps.amax(dim=(1, 2)).topk(16).indices.tolist()
    assert len(set(found) & set(figures.PUZZLE["A"])) >= 15  # another machine may round otherwise


def test_the_drawn_architecture_names_parts_that_there_are():
    names = dict(networks.random_twin().named_modules())
    words = [text.get_text() for text in figures.architecture().axes[0].texts]
    assert all(layer in names and layer in words for layer in parts.LAYERS)


def test_contours_finds_left_sides_and_tops(capsys):
    squares = parts.moving_squares()
    maps = listened(parts.Contours(), "bright", squares, 3)
    assert maps[3, 0, 3, 3] == 1 and maps[3, 0, 3, 8] == 0 and maps[3, 1, 1, 6] == 1
    figures.contours(squares, maps)
    assert "7 maps of 7 images, from 0 to 1" in capsys.readouterr().out


def test_traces_are_outlined(capsys):
    figures.before_and_after(listened)
    figures.before_and_after(lambda network, layer, images, size: network.eval()(images))
    clean, traces = capsys.readouterr().out.strip().split("\n")
    assert clean == "changed: nothing" and "network after" in traces and "edges after a failure" in traces


def test_dots_are_counted_in_the_box(capsys):
    figures.fields(lambda layers, row, column: (-100, -100, 100, 100))
    figures.fields(lambda layers, row, column: (0, 0, 1, 1))
    every, few = capsys.readouterr().out.strip().split("\n")
    assert every.startswith("unit (1, 3): 64 of 64 dots") and few.startswith("unit (1, 3): 0 of 64 dots")


def test_rankings_are_told_in_words(capsys):
    figures.ranking(lambda maps, k: (torch.arange(k), torch.zeros(k), torch.ones(k)))
    assert "map 0 at row 0, column 1; map 1 at row 0, column 1" in capsys.readouterr().out


def test_the_maps_to_rank_differ_by_maximum_mean_and_size():
    maps = parts.maps_to_rank().flatten(1)
    assert maps.amax(dim=1).argsort(descending=True)[:4].tolist() == [1, 3, 0, 4]
    assert maps.mean(dim=1).argmax() == 2 and maps.norm(dim=1).argmax() == 5


@pytest.mark.parametrize("colour", range(3))
def test_a_unit_that_likes_a_colour_is_excited_most_in_the_middle_of_a_patch_of_it(colour, capsys):
    image = torch.full((1, 3, 16, 24), 0.5)
    image[0, :, 5:12, 13:20] = torch.eye(3)[colour].view(3, 1, 1)
    with torch.no_grad():
        maps = parts.ColourUnits()(image)[0]
    assert maps.shape == (3, 8, 12) and maps[colour].max() == maps.max()
    row, column = divmod(int(maps[colour].argmax()), 12)
    cut = parts.patches(image, [box_of(row, column)])
    torch.testing.assert_close(cut, torch.eye(3)[colour].view(1, 3, 1, 1).expand_as(cut))
    figures.colours([cut] * 3)
    assert f"{figures.COLOURS[colour]} 1 of 1" in capsys.readouterr().out


def box_of(row, column):
    """What a unit of ColourUnits sees: 7 x 7 pixels round the one at twice its place."""
    return 2 * row - 3, 2 * column - 3, 2 * row + 4, 2 * column + 4


def test_smooth_filters_are_told_from_noise():
    noise = torch.randn(24, 3, 7, 7, generator=torch.Generator().manual_seed(0))
    ramp = torch.linspace(-1, 1, 7).expand(24, 3, 7, 7) + torch.linspace(-1, 1, 7)[:, None]
    assert abs(figures.smoothness(noise)) < 0.1 and figures.smoothness(ramp) > 0.6


def test_filters_of_both_networks_are_drawn_twelve_a_row(capsys):
    weight = figures.first_weight(networks.random_filters())
    assert weight.shape == (24, 3, 7, 7) and 0 < weight.std() < 0.02
    drawn = figures.filters({"random": weight, "also": weight})
    assert sum(bool(axis.images) for axis in drawn.axes) == 48
    assert "random -0.0" in capsys.readouterr().out


def test_a_patch_is_grey_outside_the_image():
    image = torch.arange(12.0).reshape(1, 3, 4) / 12
    cut = parts.patch(image, (-1, 2, 2, 6))
    assert cut.shape == (1, 3, 4)
    assert torch.equal(cut[:, 1:, :2], image[:, :2, 2:]) and (cut[:, 0] == 0.5).all() and (cut[:, :, 2:] == 0.5).all()


@pytest.mark.parametrize("box", [(4, 2, 4, 6), (4, 5, 6, 2)])
def test_a_box_without_pixels_is_grey(box):
    assert parts.patch(torch.ones(3, 8, 8), box).tolist() == [[[0.5]]] * 3


def test_patches_are_enlarged_to_one_size():
    images = torch.rand(3, 3, 8, 10, generator=torch.Generator().manual_seed(0))
    shown = parts.patches(images, [(0, 0, 4, 4), (2, 3, 4, 5), (-2, -2, 10, 10)], side=12)
    assert shown.shape == (3, 3, 12, 12)
    assert torch.equal(shown[0, :, ::3, ::3], images[0, :, :4, :4])


def test_top_images_of_the_commonest_class_are_ticked(pack, capsys):
    images = (pack.test.labels == 3).nonzero().flatten()[:16]
    units = {"supervised": [(5, images)], "random ResNet": [(5, torch.arange(16))]}
    figures.beside_each_other(units, pack, lambda chosen: 3)
    assert "supervised, unit 5: cat, 16 of 16; random ResNet, unit 5: cat, " in capsys.readouterr().out


def test_patches_are_drawn_layer_by_layer(capsys):
    rows = {"stem": [torch.rand(8, 3, 24, 24)] * 4, "blocks.0": [torch.rand(8, 3, 24, 24)] * 2}
    drawn = figures.layer_by_layer(rows, {"stem": 4, "blocks.0": 12})
    assert sum(bool(axis.images) for axis in drawn.axes) == 48
    assert "stem 4 × 4, blocks.0 12 × 12" in capsys.readouterr().out


def test_shares_are_told_with_chance_and_guess(capsys):
    shares = {"supervised": torch.tensor([0.5, 1.0, 0.75]), "random ResNet": torch.tensor([0.25, 0.3, 0.2])}
    figures.sorted_shares(shares, 0.236)
    figures.selectivity_by_layer({n: [v, v + 0.1] for n, v in shares.items()}, ["stem", "end"], 0.236, "70 %")
    first, second = capsys.readouterr().out.strip().split("\n")
    assert "supervised: best 1.00, middle 0.75; random ResNet: best 0.30" in first and "by chance 0.24" in first
    assert "supervised 0.75 0.85" in second and "your guess: 0.7" in second


def test_networks_are_trained_once_and_loaded_afterwards(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PS3_PRECISION", "float32")
    pictures, preset = image_set(), training.Preset("tiny", batch_size=8, at_most=2)
    for make in (networks.supervised, networks.self_supervised, networks.large_filters):
        make(pictures, preset, torch.device("cpu"))
    assert "loaded" not in capsys.readouterr().out
    name, network = networks.self_supervised(pictures, preset, torch.device("cpu"))
    networks.large_filters(pictures, preset, torch.device("cpu"))
    networks.large_filters(pictures, preset, torch.device("cpu"), labels=False)
    assert name == "rotation" and capsys.readouterr().out.count("loaded") == 2
    record = stored.Record("simclr-tiny", 2, 2, 1.0, "made", "", preset="tiny")
    stored.save(stored.path_of("simclr", "tiny", pictures), record, encoder=network)
    assert networks.self_supervised(pictures, preset, torch.device("cpu"))[0] == "SimCLR"


def test_a_stopped_training_says_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(training.Run, "train", lambda *given, **more: False)
    preset = training.Preset("tiny", batch_size=8, at_most=2)
    with pytest.raises(training.NotFinished, match="run this cell again"):
        networks.supervised(image_set(), preset, torch.device("cpu"))


def test_the_twin_is_what_the_trained_network_was_before():
    one, two = networks.random_twin(), networks.random_twin(seed=1)
    again = networks.random_twin()
    first = figures.first_weight(one)
    assert torch.equal(first, figures.first_weight(again)) and not torch.equal(first, figures.first_weight(two))


def test_small_networks_report_on_themselves():
    network = parts.Watched()
    assert network.listeners() == 1 and network.modes() == dict.fromkeys(("", "first", "second", "third"), True)
    assert parts.HalfFrozen().modes()["first"] is False
    assert parts.Reporter()(torch.zeros(5, 1, 2, 3))[:, :2, 0, 0].tolist() == [[5.0, 1.0]] * 5
    with pytest.raises(RuntimeError, match="bright"):
        parts.Fragile()(torch.full((1, 1, 2, 2), 60.0))


def test_an_image_elsewhere_is_noticed():
    assert parts.Elsewhere()(torch.zeros(2, 1, 2, 3, device="meta")).flatten()[:6].tolist() == [5, 6, 7, 8, 9, 10]
    assert not parts.Elsewhere()(torch.zeros(2, 1, 2, 3)).any()


def test_layers_are_those_of_the_network():
    network, image = networks.random_twin(), torch.zeros(1, 3, 32, 32)
    for layer, chain in parts.LAYERS.items():
        side = 32
        for kernel, stride, padding in chain:
            side = (side + 2 * padding - kernel) // stride + 1
        assert listened(network, layer, image).shape[2:] == (side, side)
