"""The figures: each returns its picture, prints one line, and shows once."""

import importlib
import io
import math
import pkgutil
import re
import subprocess
import sys
import types
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import ps3
from ps3 import data, plots, training
from ps3.plots import figure, live
from ps3.plots.figure import SOFT

PHOTOS = torch.rand(4, 3, 8, 12, generator=torch.Generator().manual_seed(0))
TOKENS = torch.rand(6, 48, generator=torch.Generator().manual_seed(1))
MASK = torch.tensor([[0, 1, 1, 0, 1, 1]] * 3 + [[1, 0, 1, 1, 0, 1]], dtype=torch.float32)
UNUSED = data.Split(PHOTOS, torch.zeros(4, dtype=torch.int64))
DRAWN = {
    "images": lambda: plots.images([PHOTOS, PHOTOS.flip(0)], ["one", "two"], ticked=[[True] * 4, [False] * 4]),
    "patches": lambda: plots.patches(PHOTOS[0], TOKENS, numbers=[5, 4, 3, 2, 1, 0]),
    "mask_over": lambda: plots.mask_over(PHOTOS, MASK, 4),
    "matrix": lambda: plots.matrix(torch.eye(3), PHOTOS[:3], ["a", "b", "c"], outline=[(1, 1)], signed=True),
    "curve": lambda: plots.curve([500, 1000], {"MAE": [0.4, 0.5], "random ResNet": [0.3, 0.3]}, log_x=True, guess=0.4),
    "dots": lambda: plots.dots(["MAE", "pixels"], [0.5, 0.4], [0.01, 0.01], chance=0.1, guesses={"MAE": 0.7}),
    "number_line": lambda: plots.number_line({"yours": 1.0, "twice": 1.0}, {"log 4": 1.386}),
    "histograms": lambda: plots.histograms(TOKENS[0], TOKENS[1], ("a", "b"), xlabel="similarity"),
    "architecture": lambda: plots.architecture(
        [plots.Stage("image", "3 x 8 x 8"), [plots.Stage("one", "5"), plots.Stage("two", "5")], plots.Stage("loss")]
    ),
    "feature_map": lambda: plots.feature_map({"a": TOKENS, "b": TOKENS[:, :9]}, torch.arange(6) % 2, ["cat", "dog"]),
    "neighbours": lambda: plots.neighbours(1, {"a": PHOTOS.flatten(1)}, PHOTOS, torch.arange(4) % 2, "xy", k=2),
    "where_it_looked": lambda: plots.where_it_looked(torch.rand(2, 2, 2), (0, 0, 0.5, 0.5), (8, 12)),
    "scatter": lambda: plots.scatter(TOKENS[0], {"alone": TOKENS[0]}, xlabel="x", ylabel="y", diagonal=True),
}


def printed(capsys):
    return capsys.readouterr().out.splitlines()


def test_a_loss_that_is_no_number_is_named_and_not_drawn():
    assert plots.number_line({"yours": float("nan")}, {"perfect": 0.0, "chance": 1.0}).message == "yours: nan"


@pytest.mark.parametrize("kind", list(DRAWN))
def test_a_figure_is_a_png_with_its_message_and_prints_one_line(kind, capsys):
    picture = DRAWN[kind]()
    assert printed(capsys) == [picture.message]
    bundle = picture.bundle()
    assert set(bundle) == {"image/png", "text/plain"} and picture.png().startswith(b"\x89PNG")
    assert len(picture.png()) < 150_000


def test_all_kinds_are_tried_here():
    assert set(plots.__all__) == set(DRAWN) | {"METHODS", "Live", "Stage", "guess_text", "register"}


def test_normalised_images_are_shown_as_they_were():
    pictures = data.ImageSet("made", (), (0.4, 0.5, 0.6), (0.2, 0.2, 0.2), UNUSED, UNUSED, PHOTOS)
    plain = plots.images(PHOTOS[:1])
    normalised = plots.images(pictures.normalize(PHOTOS[:1]), pictures=pictures)
    one, two = (torch.tensor(picture.axes[0].images[0].get_array()) for picture in (plain, normalised))
    assert torch.allclose(one, two, atol=1e-5)


def test_tokens_are_drawn_in_the_order_row_column_channel():
    token = torch.zeros(2, 2, 3)
    token[0, 1, 2] = 1  # blue at the top right
    picture = plots.patches(torch.zeros(3, 2, 4), torch.stack([token.flatten()] * 2))
    shown = torch.tensor(picture.axes[1].images[0].get_array())
    assert torch.equal(shown, token)


def test_removed_patches_are_covered_row_by_row():
    mask = torch.tensor([[0, 1, 0, 0, 0, 1]])  # the second of the first row, the last of the second
    cover = plots.mask_over(PHOTOS[:1], mask, 4).axes[0].images[1]
    assert np.asarray(cover.get_array())[..., 3].tolist() == [[0, 1, 0], [0, 0, 1]]
    assert tuple(cover.get_extent()) == (-0.5, 11.5, 7.5, -0.5)


def test_neighbouring_removed_patches_leave_no_seam_between_them():
    picture = plots.mask_over(PHOTOS[:1], torch.ones(1, 6), 4)
    pixels = np.asarray(Image.open(io.BytesIO(picture.png())).convert("L"))
    rows, columns = np.nonzero(pixels < 250)  # the cover, and the title above it
    middle = pixels[rows.max() - 60 : rows.max() - 6, columns.min() + 6 : columns.max() - 6]
    assert middle.max() <= 0.75 * 255


@pytest.mark.parametrize(("masks", "words"), [(MASK[:3], "all the same"), (MASK, "not all the same")])
def test_equal_masks_are_named(masks, words, capsys):
    plots.mask_over(PHOTOS[: len(masks)], masks, 4)
    assert printed(capsys)[0].endswith(f"masks are {words}")


def test_a_guess_is_drawn_and_a_missing_one_is_named_and_nothing_is_printed_where_none_was_asked(capsys):
    guessed = plots.dots(["MAE"], [0.5], guesses={"MAE": 0.7})
    assert printed(capsys)[0].endswith("your guess: MAE 0.700")
    lines = [line for line in guessed.axes[0].lines if line.get_label() == "your guess"]
    assert [np.asarray(line.get_xdata())[0] for line in lines] == [0.7]
    plots.dots(["MAE"], [0.5], guesses={"MAE": None})
    assert printed(capsys)[0].endswith("no guess made")
    plots.curve([1, 2], [3.0, 2.0], guess=None)
    assert printed(capsys)[0] == "no guess made"
    plots.curve([1, 2], [3.0, 2.0])
    assert "guess" not in printed(capsys)[0]


def test_what_has_no_place_on_a_number_line_is_named_in_its_title():
    line = plots.number_line({"yours": float("nan"), "moved on": math.inf, "equal": 1.0}, {"log 4": 1.386})
    assert line.axes[0].get_title() == "not on the line: yours = nan, moved on = inf"


def test_places_inside_the_box_are_counted(capsys):
    looked = torch.tensor([[[2.0, 3.0], [2.0, 9.0]], [[5.0, 3.0], [9.0, 3.0]]])
    plots.where_it_looked(looked, (0.25, 0.25, 0.5, 0.25), (8, 12))  # rows 2 to 6, columns 3 to 6
    assert printed(capsys)[0].startswith("2 of 4 places lie in the box; the first is row 2.00, column 3.00")


def test_a_drawn_architecture_is_told_in_words_with_what_is_thrown_away(capsys):
    plots.architecture([plots.Stage("image", "3 x 8 x 8"), plots.Stage("head", "10", "thrown away")])
    assert printed(capsys) == ["image (3 x 8 x 8) → head (10); thrown away afterwards: head"]


def test_a_drawn_architecture_has_every_name_shape_and_kind_in_it():
    rows = [plots.Stage("image", "3 x 8 x 8"), plots.Stage("encoder", "12 numbers", "frozen"), plots.Stage("rule")]
    texts = [text.get_text() for text in plots.architecture(rows).axes[0].texts]
    assert {"image", "3 x 8 x 8", "encoder", "frozen", "12 numbers", "rule"} <= set(texts)


def test_an_arrow_leads_to_every_box_below():
    one: Any = plots.Stage("one")
    two = [plots.Stage("left"), plots.Stage("right")]
    arrows = [
        sum(hasattr(t, "arrow_patch") and t.arrow_patch is not None for t in plots.architecture(rows).axes[0].texts)
        for rows in ([one, one], [one, two, two, one])
    ]
    assert arrows == [1, 6]


def test_an_unknown_kind_of_box_is_refused():
    with pytest.raises(ValueError, match="no kind of box 'learned': choose one of data, fixed, trained, frozen"):
        plots.Stage("encoder", kind="learned")


def test_a_map_says_how_much_it_leaves_out(capsys):
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(400) % 2
    features = torch.randn(400, 3, generator=generator) * torch.tensor([20.0, 20.0, 0.1])
    features[:, 2] += 8.0 * labels  # tells the classes, in a direction that the map does not show
    plots.feature_map({"yours": features}, labels, ["cat", "dog"])
    found = [int(part) for part in re.findall(r"(\d+)%", printed(capsys)[0])]
    assert found[0] > 70 and found[1] < 75 < found[2], found


def test_a_neighbour_is_never_the_query_and_the_nearest_comes_first(capsys):
    features = torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.5, 0.5]])
    picture = plots.neighbours(0, {"yours": features}, PHOTOS, torch.tensor([0, 0, 1, 1]), ["cat", "dog"], k=3)
    assert [axis.get_title() for axis in picture.axes] == ["cat", "cat", "dog", "dog"]
    assert printed(capsys) == ["query 0, cat; neighbours of its class, of 3: yours 1"]


@pytest.mark.parametrize("query", ["17", 4, -1, None, 1.5])
def test_a_query_that_is_no_image_is_named_and_the_first_image_is_shown(query, capsys):
    plots.neighbours(query, {"a": PHOTOS.flatten(1)}, PHOTOS, torch.arange(4), "wxyz", k=1)
    first, second = printed(capsys)
    assert first.startswith("query: ") and "expected a whole number from 0 to 3" in first
    assert second.startswith("query 0, w;")


def test_a_figure_has_two_pixels_for_each_point_and_says_how_large_it_is_shown():
    picture = DRAWN["dots"]()
    shown = picture.metadata()["image/png"]
    assert Image.open(io.BytesIO(picture.png())).size == (2 * shown["width"], 2 * shown["height"])


def test_a_photograph_keeps_its_colours_in_the_png():
    ramp = torch.linspace(0, 1, 48 * 24).reshape(1, 1, 24, 48).expand(1, 3, 24, 48) * torch.tensor([1, 0.5, 0.2]).view(
        3, 1, 1
    )
    picture = plots.images(ramp)
    shown = np.asarray(Image.open(io.BytesIO(picture.png())).convert("RGB"), dtype=int)
    exact = io.BytesIO()
    with figure.style():
        picture.savefig(exact, format="png")
    assert abs(shown - np.asarray(Image.open(exact).convert("RGB"), dtype=int)).max() <= 2
    assert shown.max() == 255


PALETTE = {  # LESSONS: one colour a method, in all notebooks
    "supervised": "#111111",
    "hand-crafted": "#5A1A5E",
    "MAE": "#0F4C9A",
    "SimCLR": "#C4520B",
    "rotation": "#C4520B",
    "random transformer": "#4599D3",
    "random ResNet": "#4599D3",
    "pixels": "#A3A3A3",
}


def import_lessons():
    for module in pkgutil.walk_packages(ps3.__path__, "ps3."):
        importlib.import_module(module.name)


def test_each_method_has_its_colour():
    import_lessons()  # each registers its own
    assert {name: plots.METHODS[name].colour for name in PALETTE} == PALETTE
    assert {look.colour for look in plots.METHODS.values()} <= {*PALETTE.values(), SOFT}


def test_a_method_cannot_get_a_second_look():
    assert plots.register("MAE", colour="#0F4C9A", marker="o", line="-") == plots.METHODS["MAE"]
    with pytest.raises(ValueError, match="'MAE' is drawn otherwise already"):
        plots.register("MAE", colour="#0F4C9A", marker="s", line="-")


def test_methods_differ_in_more_than_colour():
    import_lessons()
    looks = [(look.marker, str(look.line), look.filled) for look in plots.METHODS.values()]
    assert len(set(looks)) == len(looks)


def test_the_untrained_twins_are_told_apart_without_colour():
    one, other = plots.METHODS["random transformer"], plots.METHODS["random ResNet"]
    assert one.marker != other.marker and one.line != other.line and one.filled != other.filled


def ends(picture, names):
    """name -> (place of the label, end of the line that it is joined to), in pixels."""
    axis = picture.axes[0]
    picture.canvas.draw()
    beside, data = axis.get_yaxis_transform(), axis.transData
    labels = {text.get_text(): text for text in axis.texts}
    return {n: (beside.transform(labels[n].xyann), data.transform(labels[n].xy)) for n in names}


@pytest.mark.parametrize("heights", [(0.50, 0.505, 0.51, 0.2), (0.1, 0.1, 0.1, 0.1), (0.2, 0.9, 0.5, 0.4)])
def test_names_at_the_ends_of_lines_are_apart_in_order_and_joined_to_their_line(heights):
    lines = {name: [0.1, height] for name, height in zip("abcd", heights, strict=True)}
    placed = ends(plots.curve([500, 1000], lines, log_x=True, guess=0.95, reference={"chance": 0.1}), "abcd")
    assert {name: round(end[0]) for name, (_, end) in placed.items()} == dict.fromkeys("abcd", round(placed["a"][1][0]))
    ordered = sorted(placed, key=lambda name: (lines[name][1], name))
    places = [placed[name][0][1] for name in ordered]
    assert places == sorted(places) and min(b - a for a, b in zip(places, places[1:], strict=False)) > 12


def test_a_training_ends_with_the_mean_of_its_last_steps(capsys):
    losses = [4.5] * 40 + [3.0] * 19 + [1.0]
    drawn = plots.curve(range(60), {"SimCLR": losses})
    assert printed(capsys) == ["SimCLR: 4.5 to 2.9 (mean of the last 20)"]
    labels: list[Any] = list(drawn.axes[0].texts)
    assert [label.xy for label in labels] == [(59, pytest.approx(2.9))]
    plots.curve([1, 2], {"SimCLR": [4.5, 1.0]})
    assert printed(capsys) == ["SimCLR: 4.5 to 1"]


@pytest.mark.parametrize("kind", list(DRAWN))
def test_a_figure_has_an_alternative_text_with_its_message(kind):
    picture = DRAWN[kind]()
    assert picture.message in picture.metadata()["image/png"]["alt"]


def test_the_alternative_text_begins_with_the_titles():
    drawn = plots.number_line({"yours": 1.0}, {"perfect": 0.0}, title="Loss on unseen images")
    assert drawn.metadata()["image/png"]["alt"] == "Loss on unseen images. yours: 1.000"
    photographs = plots.images(PHOTOS, columns=["0.98"] * 4, message="four photographs")
    assert photographs.metadata()["image/png"]["alt"] == "four photographs"


def test_labels_that_would_collide_are_moved_apart_in_order():
    placed = figure.spread([0.50, 0.49, 0.20], 0.1)
    assert placed[0] - placed[1] >= 0.1 - 1e-6 and placed[2] == 0.20


def test_a_picture_is_published_once(monkeypatch):
    published: list[Any] = []
    monkeypatch.setattr("IPython.display.publish_display_data", lambda bundle, _: published.append(bundle))
    picture = DRAWN["dots"]()
    picture._ipython_display_()
    picture._ipython_display_()
    assert len(published) == 1 and published[0]["text/plain"] == picture.message


def progress(done, steps=80, interrupted=False):
    return training.Progress(steps, [2.0 - 0.01 * n for n in range(done)], seconds=0.5 * done, interrupted=interrupted)


@pytest.fixture
def notebook(monkeypatch):
    """A notebook that records what is displayed and updated."""
    shown = []

    def display(bundle, metadata, raw, display_id):
        shown.append("display")
        return types.SimpleNamespace(update=lambda bundle, metadata, raw: shown.append("update"))

    drawn = types.SimpleNamespace(bundle=dict, metadata=dict)
    monkeypatch.setattr(plots.Live, "draw", lambda self, progress: drawn)
    monkeypatch.setattr(live, "in_notebook", lambda: True)
    monkeypatch.setattr("IPython.display.display", display)
    return shown


def test_the_live_figure_is_displayed_once_and_then_updated(notebook, capsys):
    watch = plots.Live({"chance": 2.3})
    for done in range(1, 81):
        watch(progress(done))
    assert notebook == ["display"] + ["update"] * 20  # 40 seconds of training, one update every two
    assert printed(capsys) == ["80 of 80 steps, loss 2.000 to 1.455"]


def test_the_live_figure_appears_at_the_first_step(notebook):
    plots.Live()(progress(1))
    assert notebook == ["display"]


def test_a_long_run_has_at_most_sixty_updates(notebook):
    watch = plots.Live()
    for done in range(1, 1001):
        watch(progress(done, 1000))
    assert 50 < len(notebook) <= 62


def test_the_live_panel_shows_where_the_smooth_loss_runs_and_not_its_first_jumps():
    losses = [9.0] + [0.9] * 79
    drawn = plots.Live({"knows only the means": 0.979}).draw(training.Progress(80, losses))
    low, high = drawn.axes[0].get_ylim()
    assert high < 3 and low < 0.9


def test_the_live_figures_rows_are_named():
    drawn = plots.Live(rows=lambda: [PHOTOS, PHOTOS], row_titles=("original", "painted")).draw(progress(40))
    named = [axis.texts[0].get_text() for axis in drawn.subfigs[1].axes if axis.texts]
    assert named == ["original", "painted"]


def test_the_live_figure_measures_in_the_course_of_the_run_without_touching_random_numbers(notebook):
    watch = plots.Live(measure=lambda: torch.rand(1).item(), measures=4, chance=0.1, name="SimCLR")
    torch.manual_seed(0)
    expected = torch.rand(2)
    torch.manual_seed(0)
    running = training.Progress(80)
    for _ in range(80):
        running.losses.append(1.0)
        watch(running)
    assert [step for step, _ in running.measured] == [20, 40, 60, 80] and torch.equal(torch.rand(2), expected)


def test_live_measurements_have_bars_where_their_number_of_images_is_known():
    running = progress(40)
    running.measured = [(20, 0.5)]
    watch = plots.Live(measure=lambda: 0.5, measured_on=100)
    watch.measured = running.measured
    axis = watch.draw(running).axes[1]
    drawn: Any = axis.containers[0]
    (bar,) = drawn.lines[2]
    assert np.allclose(bar.get_segments()[0], [[20, 0.4], [20, 0.6]])


def test_the_live_title_tells_the_progress_and_a_stop():
    watch = plots.Live({"chance": 2.3}, rows=lambda: [PHOTOS, PHOTOS])
    assert watch.draw(progress(40)).subfigs[0].axes[0].get_title() == "step 40 of 80 · loss 1.805 · 20 s left"
    stopped = watch.draw(progress(40, interrupted=True))
    assert stopped.subfigs[0].axes[0].get_title().endswith("stopped")


def test_outside_a_notebook_ten_lines_are_printed(capsys):
    watch = plots.Live()
    for done in range(1, 81):
        watch(progress(done))
    assert len(printed(capsys)) == 10


def test_drawing_leaves_matplotlib_as_it_was():
    code = (
        "import sys, matplotlib; from ps3 import plots; plots.dots(['MAE'], [0.5]).png();"
        "assert matplotlib.rcParams['font.size'] == matplotlib.rcParamsDefault['font.size'];"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=data.PACKS.parent, check=True, stdout=subprocess.DEVNULL)
