"""The puzzle and the figures of the lesson on language supervision."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from matplotlib.axes import Axes
from torch import Tensor

from ps3 import guesses, plots
from ps3.captions import Emoji
from ps3.language_supervision.parts import CLASSES, HELD_OUT
from ps3.plots.figure import BLUE, INK, SKY, WIDE, Picture, blank, finish, style
from ps3.plots.grids import show_image
from ps3.probes import standard_error

CLIP = plots.register("CLIP", colour=BLUE, marker="d", line="-")
TWIN = plots.register("untrained towers", colour=SKY, marker="v", line=(0, (6, 3)), filled=False)

# --- the opening puzzle -----------------------------------------------------------------------------------------------

CHOICES = 5
ASKED = ("octopus", "hamburger", "umbrella on ground", "crossed swords")  # of the names that nobody trains on

SHOWN = ("snowman", "banana", "red heart", "rocket", "guitar", "octopus", "giraffe", "hamburger", "seven oclock", "key")
RANKED = ("cat", "strawberry", "taxi", "violin", "tiger", "minibus", "three oclock", "hibiscus")


@dataclass(frozen=True)
class Puzzle:
    """For each of four drawings five captions, all as indices into the pack, and the place of the right one."""

    asked: tuple[int, ...]
    choices: tuple[tuple[int, ...], ...]
    right: tuple[int, ...]


def captions_puzzle(emoji: Emoji, seed: int = 3) -> Puzzle:
    """Five captions for each drawing: its own and those of four others of its group, shuffled."""
    asked = numbers_of(emoji, ASKED)
    generator = torch.Generator().manual_seed(seed)
    choices, right = [], []
    for own in asked:
        others = [n for n, group in enumerate(emoji.groups) if group == emoji.groups[own] and n != own]
        drawn = torch.randperm(len(others), generator=generator)[: CHOICES - 1].tolist()
        together = [own, *(others[n] for n in drawn)]
        order = torch.randperm(CHOICES, generator=generator).tolist()
        choices.append(tuple(together[n] for n in order))
        right.append(order.index(0))
    return Puzzle(tuple(asked), tuple(choices), tuple(right))


def numbers_of(emoji: Emoji, names: Sequence[str]) -> list[int]:
    """The indices of these names in the pack."""
    return [emoji.names.index(name) for name in names]


def show_puzzle(emoji: Emoji, puzzle: Puzzle) -> Picture:
    """Each drawing beside its five captions, numbered."""
    lists = [[f"{n}  {_short(emoji, other)}" for n, other in enumerate(row)] for row in puzzle.choices]
    return _beside_texts(emoji, puzzle.asked, lists, "four drawings, five captions each, numbered 0 to 4")


def reveal_puzzle(emoji: Emoji, puzzle: Puzzle, guess: Any) -> Picture:
    """The same with the right captions ticked and named. What cannot be read counts as not guessed."""
    read = guesses.numbers(guess, len(puzzle.asked), 0, CHOICES - 1, called="guess_captions")
    found = [value is not None and int(value) == place for value, place in zip(read, puzzle.right, strict=True)]
    lists = [
        [
            f"{'✓' if n == place else n}  {_short(emoji, other)}" + (f"  ({emoji.names[other]})" if n == place else "")
            for n, other in enumerate(row)
        ]
        for row, place in zip(puzzle.choices, puzzle.right, strict=True)
    ]
    made = any(value is not None for value in read)
    score = f"you: {sum(found)} of {len(found)}" if made else "no guess made"
    return _beside_texts(emoji, puzzle.asked, lists, f"{score}; guessing finds {len(found) / CHOICES:.1f} on average")


def puzzle_score(images: Tensor, texts: Tensor, puzzle: Puzzle) -> int:
    """How many drawings find their caption among the five, by cosine; features (N, D) of all emoji."""
    rows = torch.nn.functional.normalize(images, dim=1), torch.nn.functional.normalize(texts, dim=1)
    best = [
        int((rows[1][list(row)] @ rows[0][own]).argmax()) for own, row in zip(puzzle.asked, puzzle.choices, strict=True)
    ]
    return sum(place == right for place, right in zip(best, puzzle.right, strict=True))


def _short(emoji: Emoji, index: int, letters: int = 34) -> str:
    """The tags of an emoji that do not stand in its name, as far as there is room."""
    tags = [tag for tag in emoji.tags[index] if tag not in emoji.names[index].split()] or list(emoji.tags[index])
    text = ""
    for tag in tags:
        if text and len(text) + len(tag) > letters:
            break
        text += (", " if text else "") + tag
    return text


def _beside_texts(emoji: Emoji, asked: Sequence[int], lists: Sequence[Sequence[str]], message: str) -> Picture:
    with style():
        figure = blank(WIDE, 3.4)
        figure.set_layout_engine("constrained", w_pad=0.02, h_pad=0.02, wspace=0, hspace=0)
        grid = figure.add_gridspec(2, 4, width_ratios=[1, 2.6, 1, 2.6])
        for n, (own, texts) in enumerate(zip(asked, lists, strict=True)):
            _picture(figure.add_subplot(grid[n // 2, n % 2 * 2]), emoji, own)
            axis = figure.add_subplot(grid[n // 2, n % 2 * 2 + 1])
            axis.axis("off")
            for line, text in enumerate(texts):
                axis.text(0.02, 0.88 - 0.19 * line, text, fontsize=9, va="center", transform=axis.transAxes)
    return finish(figure, message)


def _picture(axis: Axes, emoji: Emoji, index: int, vendor: str = HELD_OUT) -> None:
    axis.axis("off")
    show_image(axis, emoji.by(vendor)[index], None)


# --- figures ----------------------------------------------------------------------------------------------------------


def architecture() -> Picture:
    """Both towers, in the small preset's sizes; B drawings with their captions."""
    Stage = plots.Stage
    return plots.architecture(
        [
            [
                Stage("B drawings", "B × 3 × 32 × 32"),
                Stage("B captions", "B × V", "fixed", "bags of words"),
            ],
            [
                Stage("image tower", "B × 64", "trained", "ResNet8 and a layer"),
                Stage("text tower", "B × 64", "trained", "one layer"),
            ],
            Stage("cosines × scale", "B × B: the logits", "fixed", "lengths divided out"),
            Stage("CLIP's loss", kind="loss", note="which caption, which drawing?"),
        ],
        title="CLIP, in small",
    )


CARD = ("red red apple", "Red APPLE", "red-apple", "pineapple, apples", "what a blue sky", "")
CARD_WORDS = ("sky", "red", "blue", "apple")


def bags_of_card(bags: Tensor) -> Picture:
    """The student's bags of the captions of CARD over CARD_WORDS."""
    rows = [f'"{caption}"' for caption in CARD]
    title = "How often does each word occur?"
    text = "; ".join(
        f"{row}: {', '.join(f'{value:g}' for value in bag)}" for row, bag in zip(rows, bags.tolist(), strict=True)
    )
    return plots.matrix(bags, rows, CARD_WORDS, title=title, message=text)


def pairings(emoji: Emoji, images: Tensor, texts: Tensor, chosen: Sequence[int]) -> Picture:
    """The table that the loss looks at: cosines of some drawings with their captions, right cells outlined."""
    rows, columns = (torch.nn.functional.normalize(part[list(chosen)], dim=1) for part in (images, texts))
    table = rows @ columns.T
    right = torch.arange(len(chosen))
    by_row, by_column = (int((part.argmax(dim=1) == right).sum()) for part in (table, table.T))
    many = len(chosen)
    message = f"{by_row} of {many} drawings and {by_column} of {many} captions find their partner among these {many}"
    names = [emoji.names[n] for n in chosen]
    outline, heads = [(n, n) for n in range(many)], emoji.by(HELD_OUT)[list(chosen)]
    title = "Cosine of each drawing with each caption"
    return plots.matrix(table, heads, names, outline=outline, signed=True, digits=1, title=title, message=message)


def ranked(
    emoji: Emoji, asked: Sequence[int], probabilities: Tensor, labels: Tensor, names: Sequence[str], truth: Tensor
) -> Picture:
    """As on the lecture's slides: each drawing with bars for its most probable labels; the right one is dark, ticked.

    probabilities, labels (B, k) of the B drawings asked; truth (B,): the right labels.
    """
    columns = 4
    rows = -(-len(asked) // columns)
    with style():
        figure = blank(WIDE, 1.9 * rows)
        figure.set_layout_engine("constrained", w_pad=0.02, h_pad=0.03, wspace=0, hspace=0)
        grid = figure.add_gridspec(2 * rows, columns, height_ratios=[1, 1.25] * rows)
        for n, own in enumerate(asked):
            row, column = divmod(n, columns)
            _picture(figure.add_subplot(grid[2 * row, column]), emoji, own)
            axis = figure.add_subplot(grid[2 * row + 1, column])
            _bars(axis, probabilities[n].tolist(), labels[n].tolist(), names, int(truth[n]))
    first = sum(int(found[0]) == int(right) for found, right in zip(labels, truth, strict=True))
    total = probabilities.sum(dim=1)
    text = f"{first} of {len(asked)} have the right label first; the bars of a drawing add up to {total.min():.2f} to "
    return finish(figure, f"{text}{total.max():.2f}")


def _bars(axis: Axes, values: Sequence[float], labels: Sequence[int], names: Sequence[str], right: int) -> None:
    places = range(len(values))
    is_right = [label == right for label in labels]
    bars = axis.barh(
        places, values, color=[BLUE if good else "white" for good in is_right], edgecolor=INK, linewidth=0.8
    )
    axis.set_yticks(
        places, [f"{names[label]} ✓" if good else names[label] for label, good in zip(labels, is_right, strict=True)]
    )
    axis.tick_params(labelsize=8, length=0)
    axis.set(xlim=(0, 1.3), xticks=[])
    axis.invert_yaxis()
    axis.grid(False)
    axis.bar_label(bars, [f"{value:.2f}" for value in values], fontsize=8, padding=2)
    axis.spines["bottom"].set_visible(False)


def drawings_found(emoji: Emoji, queries: Sequence[str], found: Tensor, names: Sequence[str], truth: Tensor) -> Picture:
    """For each query text the drawings found, best first; ticked where the query is the drawing's label.

    found (queries, n): indices into the pack; truth (N,): each emoji's place in `names`.
    """
    rows = [emoji.by(HELD_OUT)[row] for row in found]
    ticks = [
        [int(truth[n]) >= 0 and names[int(truth[n])] == query for n in row]
        for query, row in zip(queries, found.tolist(), strict=True)
    ]
    text = "; ".join(f"{query}: {sum(row)} of {len(row)}" for query, row in zip(queries, ticks, strict=True))
    return plots.images(rows, list(queries), ticked=ticks, message=f"of the label asked for, {text}")


def texts_found(emoji: Emoji, asked: Sequence[int], found: Tensor) -> Picture:
    """For each drawing the names found, best first; its own is ticked. found (B, n): indices into the pack."""
    lists = [
        [f"{'✓' if other == own else n + 1}  {emoji.names[other]}" for n, other in enumerate(row)]
        for own, row in zip(asked, found.tolist(), strict=True)
    ]
    hits = sum(own in row for own, row in zip(asked, found.tolist(), strict=True))
    return _beside_texts(
        emoji, asked, lists, f"{hits} of {len(asked)} drawings find their own caption among {found.shape[1]}"
    )


def recalls(curves: Mapping[str, Sequence[float]], ks: Sequence[int], count: int, guess: Any = None) -> Picture:
    """Recall against k, on a log axis, with that of guessing; the printed line has the values at 10."""
    lines = {**curves, "guessing": [k / count for k in ks]}
    at = list(ks).index(10)
    text = "; ".join(f"{name} {values[at]:.3f}" for name, values in lines.items())
    made = guesses.number(guess, 0, 1, called="guess_recall")
    title = f"How many of {count:,} find their partner among the first k?"
    message = f"recall at 10: {text}; {plots.guess_text(made)}"
    return plots.curve(
        ks, lines, xlabel="k (log scale)", ylabel="recall at k", log_x=True, title=title, message=message
    )


def prompts(shares: Mapping[str, float], count: int, guess_bare: Any = None, guess_prompt: Any = None) -> Picture:
    """Zero-shot accuracies by template with two standard errors, and the guesses for two of them."""
    made = {
        "{}": guesses.number(guess_bare, 0, 1, called="guess_bare"),
        "a photo of a {}": guesses.number(guess_prompt, 0, 1, called="guess_prompt"),
    }
    errors = [2 * standard_error(value, count) for value in shares.values()]
    title = f"Right label of {len(CLASSES)}, {count} drawings"
    chance = 1 / len(CLASSES)
    return plots.dots(
        list(shares), list(shares.values()), errors, chance=chance, guesses=made, xlabel="accuracy", title=title
    )
