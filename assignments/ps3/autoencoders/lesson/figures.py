"""The figures of the lesson on autoencoders."""

from base64 import b85decode
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ps3 import guesses, plots
from ps3.autoencoders.opening import PAINTED
from ps3.data import ImageSet, tiles_of, to_float
from ps3.plots.figure import BLUE, INK, SOFT, WIDE, Picture, blank, finish, guess_text, method, style

AUTOENCODER = plots.register("autoencoder", colour=BLUE, marker="s", line=":", filled=False)
DENOISING = plots.register("denoising AE", colour=BLUE, marker="D", line="--", filled=False)
MAE = plots.register("MAE", colour=BLUE, marker="o", line="-")
PCA = plots.register("PCA", colour=SOFT, marker="P", line="-.")
CODE = plots.register("narrow autoencoder", colour=BLUE, marker="X", line="-")

THREE = ("autoencoder", "denoising AE", "MAE")
SHOWN = (12, 6, 1, 57, 30, 8)  # test images that stand in the figures
NETWORKS = {"A": "denoising AE", "B": "MAE", "C": "autoencoder"}  # of the opening

# --- the opening ------------------------------------------------------------------------------------------------------


def three_pictures(pictures: ImageSet) -> Picture:
    """Six photos, and what networks of the course's painted of them: A, B, C."""
    rows = [pictures.test.images[list(SHOWN)], *(tiles_of(b85decode(PAINTED[letter]), 32) for letter in NETWORKS)]
    return plots.images(
        rows, ["photo", *NETWORKS], message="six photos, and what the networks A, B and C painted of them"
    )


def order_text(guess: Any, found: Mapping[str, float]) -> str:
    """The three networks from the best to the worst features, and what was guessed."""
    read = guesses.names(guess, len(NETWORKS), list(NETWORKS), called="guess_order")
    letters = {name: letter for letter, name in NETWORKS.items()}
    order = sorted(found, key=found.__getitem__, reverse=True)
    text = ", ".join(f"{letters[name]}, the {name} ({found[name]:.3f})" for name in order)
    return f"from best to worst: {text}; {guess_text(', '.join(n or '?' for n in read) if any(read) else None)}"


# --- architectures ----------------------------------------------------------------------------------------------------


def architecture() -> Picture:
    """The autoencoder with a narrow middle, in the sizes of its defaults."""
    Stage = plots.Stage
    return plots.architecture(
        [
            Stage("B photos X", "B × 3 × 32 × 32"),
            Stage("down", "B × 32 × 8 × 8: maps", "trained", "two convolutions"),
            Stage("to_code", "B × 64: codes", "trained", "flatten, one linear layer"),
            Stage("from_code", "B × 32 × 8 × 8: maps", "thrown away", "one linear layer"),
            Stage("up", "B × 3 × 32 × 32: X̂", "thrown away", "two convolutions back"),
            Stage("‖X − X̂‖²", kind="loss", note="is it the same picture?"),
        ],
        title="An autoencoder",
    )


def three_tasks() -> Picture:
    """What the same transformer is given in the three trainings, and what it is asked for."""
    Stage = plots.Stage
    return plots.architecture(
        [
            Stage("B photos, 64 patches each", note="B × 3 × 32 × 32"),
            [
                Stage("all 64 patches", "AE", "fixed", "as they are"),
                Stage("all 64 patches", "denoising", "fixed", "with noise"),
                Stage("16 patches", "MAE", "fixed", "48 hidden"),
            ],
            Stage("encoder: 3 blocks of width 96", "96 numbers a patch", "trained"),
            Stage("decoder: 1 block of width 64", kind="thrown away"),
            [
                Stage("the photo", kind="loss", note="AE"),
                Stage("the clean photo", kind="loss", note="denoising"),
                Stage("the hidden 48", kind="loss", note="MAE"),
            ],
        ],
        title="One transformer, three tasks",
    )


# --- the network ------------------------------------------------------------------------------------------------------

CARD = (16, 24)


def card() -> Tensor:
    """An image (1, 3, 16, 24): red grows downwards, green to the right, and a blue F stands in it."""
    rows = torch.linspace(0.1, 0.9, CARD[0]).view(-1, 1).expand(CARD)
    columns = torch.linspace(0.1, 0.9, CARD[1]).expand(CARD)
    letter = torch.zeros(CARD)
    letter[2:14, 6:9] = letter[2:5, 6:17] = letter[7:10, 6:14] = 1
    return torch.stack([rows, columns, letter])[None]


def halves(make: type[nn.Module]) -> Picture:
    """The card through a network of the student's that loses nothing, and through each half of it beside ours."""
    network: Any = make(image_size=CARD, channels=3, width=24, code_dim=3 * CARD[0] * CARD[1])
    network.down, network.up = nn.PixelUnshuffle(4), nn.PixelShuffle(4)
    network.to_code = network.from_code = nn.Identity()
    maps, given = F.pixel_unshuffle(card(), 4), card()
    order = [(c, y, x) for c in range(maps.shape[1]) for y in range(maps.shape[2]) for x in range(maps.shape[3])]
    code = torch.stack([maps[:, c, y, x] for c, y, x in order], dim=1)
    with torch.no_grad():
        mine, back, both = network.encode(given), _called(network.decode, code), _called(network, given)
    ours = torch.zeros_like(maps)
    for number, (c, y, x) in enumerate(order):
        ours[:, c, y, x] = mine[:, number]
    found = [F.pixel_shuffle(ours, 4), back, both[0] if isinstance(both, (tuple, list)) else both]
    columns, shown, texts = ["your encode", "your decode", "your forward"], [given], []
    for name, picture in zip(columns, found, strict=True):
        fits = picture.shape == given.shape
        shown.append(picture if fits else torch.ones_like(given))
        gap = f"{(picture - given).abs().max().item():.2g}" if fits else f"no image, but {tuple(picture.shape)}"
        texts.append(f"{name} {gap}")
    text = f"largest difference from the card: {', '.join(texts)}"
    return plots.images(torch.cat(shown), columns=["the card", *columns], message=text)


def _called(decode: Any, code: Tensor) -> Tensor:
    """What decode makes of the code; nothing where it cannot."""
    try:
        result: Tensor = decode(code)
        return result
    except (RuntimeError, AttributeError) as error:
        print(f"your decode stopped: {error}")
        return torch.zeros(0)


# --- corruptions ------------------------------------------------------------------------------------------------------


def blur_cards() -> Tensor:
    """Three grey images (3, 1, 13, 17): a dot, an edge, one shade."""
    cards = torch.zeros(3, 1, 13, 17)
    cards[0, 0, 6, 8] = 1
    cards[1, 0, :, :8], cards[1, 0, :, 8:] = 0.2, 0.8
    cards[2] = 0.6
    return cards


def blurred_cards(blur: Any, sigma: float) -> Picture:
    """The cards, and what the student's blur makes of them; the dot is shown brighter than it is."""
    cards = blur_cards()
    blurred = blur(cards, sigma)
    brighter = blurred.clone()
    brighter[0] /= blurred[0].abs().max().clamp(min=1e-9)
    dot, shade = blurred[0, 0], blurred[2, 0]
    text = (
        f"the dot: beside the middle {_share(dot[6, 9], dot[6, 8])} of it, below {_share(dot[7, 8], dot[6, 8])}, in all"
        f" {dot.sum():.3f}; the shade .600: {shade[6, 8]:.3f} in the middle, {shade[0, 0]:.3f} in the corner"
    )
    return plots.images([cards, brighter], ["card", "blurred"], columns=["a dot", "an edge", "a shade"], message=text)


def _share(one: Tensor, other: Tensor) -> str:
    return f"{float(one) / max(float(other), 1e-9):.3f}"


def repair(found: Mapping[str, tuple[float, float]], guess: Any = None) -> Picture:
    """For each kind of damage how much of the picture is wrong before and after the best small filter."""
    names = list(found)
    with style():
        figure = blank(WIDE, 1.1 + 0.5 * len(names))
        axis = figure.subplots()
        axis.set(xlabel="share of the picture that is wrong", ylim=(len(names) - 0.4, -0.6), xlim=(0, 1.1))
        axis.set_yticks(range(len(names)), names)
        for place, (before, after) in enumerate(found.values()):
            axis.plot([before, after], [place, place], color=SOFT, linewidth=1.2)
            named = place == 0
            axis.plot(before, place, "o", mfc="white", mec=INK, label="damaged" if named else None, ls="none")
            axis.plot(after, place, "o", color=BLUE, label="after the best 7 × 7 filter" if named else None, ls="none")
            axis.annotate(f"{after:.3f}".lstrip("0"), (after, place), (0, 7), textcoords="offset points", ha="center")
        axis.set_title("What can be undone by looking nearby?")
        figure.legend(loc="outside upper center", ncols=2)
    read = guesses.one_of(guess, names, called="guess_hardest")
    text = ", ".join(f"{name} {before:.3f} to {after:.3f}" for name, (before, after) in found.items())
    return finish(figure, f"{text}; {guess_text(read)}")


# --- what came out ----------------------------------------------------------------------------------------------------


def worth(
    points: Mapping[str, tuple[float, float]], errors: Mapping[str, float], twin: float, labels: int, judge: str
) -> Picture:
    """Named networks by the error on their own task and the accuracy of their features, with the random twin's."""
    with style():
        figure = blank(7.0, 3.9)
        axis = figure.subplots()
        axis.set(xlabel="share of its own task that it gets wrong", ylabel=f"{judge} accuracy", xlim=(-0.03, 1.0))
        for reference, name, line in ((twin, "random twin", "--"), (0.1, "chance", ":")):
            axis.axhline(reference, color=SOFT, linestyle=line, linewidth=1.2)
            axis.annotate(name, (0.99, reference), (0, 3), axis.get_yaxis_transform(), "offset points", ha="right")
        for name, (error, accuracy) in points.items():
            look = method(name)
            axis.errorbar(error, accuracy, errors[name], color=look.colour, capsize=3, ls="none", **look.marks)
            arrow: dict[str, Any] = {"arrowstyle": "-", "color": SOFT, "linewidth": 0.6, "relpos": (0, 0.5)}
            axis.annotate(name, (error, accuracy), _label_place(points, name), va="center", arrowprops=arrow)
        values = [accuracy for _, accuracy in points.values()]
        axis.set_ylim(min(0.07, *values), max(twin, *values) + 0.05)
        axis.set_title(f"A small error, or good features? ({labels:,} labels)")
    text = "; ".join(f"{name}: error {error:.3f}, {judge} {value:.3f}" for name, (error, value) in points.items())
    return finish(figure, f"{text}; random twin {twin:.3f}, chance .1")


def _label_place(points: Mapping[str, tuple[float, float]], name: str) -> tuple[float, float]:
    """Beside its dot; of dots with small errors, which crowd, in a column below them, the leftmost dot's lowest."""
    error, accuracy = points[name]
    crowd = sorted((other for other, (x, _) in points.items() if x < 0.4), key=lambda other: -points[other][0])
    if name not in crowd:
        return error + 0.05, accuracy
    lowest = min(points[other][1] for other in crowd)
    return 0.3, lowest - 0.03 - 0.035 * crowd.index(name)


def painted(pictures: ImageSet, rows: Mapping[str, Tensor]) -> Picture:
    """Rows of normalised images by name; a row whose name ends in "relief" is drawn in grey round one half."""
    shown = [_relief_shade(row) if name.endswith("relief") else pictures.unnormalize(row) for name, row in rows.items()]
    return plots.images([row.clamp(0, 1) for row in shown], list(rows), message=f"{len(shown)} rows of test photos")


def _relief_shade(images: Tensor) -> Tensor:
    return 0.5 + 0.2 * images


def photos_of(pictures: ImageSet) -> Tensor:
    """The test images of the figures, 0 to 1: (6, 3, 32, 32)."""
    return to_float(pictures.test.images[list(SHOWN)])
