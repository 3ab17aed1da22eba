"""The puzzle and the figures of the lesson on masked autoencoders.

Images are (B, C, H, W), masks (B, N) with 1 for a removed patch; patches count row by row.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from torch import Tensor
from torch.nn import functional as F

from ps3 import guesses, plots
from ps3.data import ImageSet, to_float
from ps3.plots.figure import BLUE, INK, ORANGE, WIDE, Picture, blank, finish, style
from ps3.plots.grids import show_image

MAE = plots.register("MAE", colour=BLUE, marker="o", line="-")
PUZZLE = (13, 82, 7, 54, 16, 10, 75, 36)  # eight images of the test split, each of another class
GREY = 0.5
# Measured by experiments/ratios.py: mask ratio -> final loss and accuracy of ridge regression, three seeds.
COURSE = {
    0.25: {"loss": (0.489, 0.471, 0.461), "accuracy": (0.476, 0.474, 0.475)},
    0.5: {"loss": (0.553, 0.544, 0.539), "accuracy": (0.478, 0.480, 0.488)},
    0.75: {"loss": (0.659, 0.640, 0.644), "accuracy": (0.465, 0.474, 0.478)},
    0.9: {"loss": (0.753, 0.750, 0.749), "accuracy": (0.447, 0.448, 0.454)},
}
# Measured by experiments/runs.py, three seeds: 1,400 steps at .75, a tenth more work than 500 steps at .25.
EQUAL_WORK = {0.25: COURSE[0.25]["accuracy"], 0.75: (0.508, 0.515, 0.504)}
SETTINGS = {"photo": (0, 0, 7), "my_share": (0.25, 0.05, 0.95), "block": (True,), "my_ratio": (0.6, 0.05, 0.95)}
_GLYPHS = {
    "A": ".###. #...# ##### #...# #...#",
    "B": "####. #...# ####. #...# ####.",
    "C": ".#### #.... #.... #.... .####",
    "D": "####. #...# #...# #...# ####.",
    "E": "##### #.... ####. #.... #####",
    "F": "##### #.... ####. #.... #....",
    "0": ".###. #..## #.#.# ##..# .###.",
    "1": "..#.. .##.. ..#.. ..#.. .###.",
    "2": "####. ....# .###. #.... #####",
    "3": "####. ....# .###. ....# ####.",
    "4": "#..#. #..#. ##### ...#. ...#.",
    "5": "##### #.... ####. ....# ####.",
}


def _glyph(name: str) -> Tensor:
    """A letter or digit in the middle of 8 x 8 pixels, 1 where there is ink."""
    rows = [[float(dot == "#") for dot in row] for row in _GLYPHS[name].split()]
    return F.pad(torch.tensor(rows), (2, 1, 2, 1))


def letter_card() -> Tensor:
    """A test card (1, 3, 16, 24): letters A to F in squares of 8 pixels, red growing downwards, green to the right."""
    letters = torch.cat([torch.cat([_glyph(n) for n in row], dim=1) for row in ("ABC", "DEF")])
    red = torch.linspace(0, 1, 16).view(16, 1).expand(16, 24)
    green = torch.linspace(0, 1, 24).expand(16, 24)
    return torch.stack([red, green, letters]).unsqueeze(0)


def stairs() -> Tensor:
    """Six tokens (1, 6, 192) for patches of 8 x 8: token n is grey, lighter with n, and shows the number n."""
    tiles = [n / 6 + (1 - n / 6) * _glyph(str(n)) for n in range(6)]
    return torch.stack([tile.flatten().repeat_interleave(3) for tile in tiles]).unsqueeze(0)


def tiles(tokens: Tensor, patch_size: int) -> Tensor:
    """Tokens (N, P*P*C) as small images (N, C, P, P)."""
    return tokens.detach().reshape(len(tokens), patch_size, patch_size, -1).permute(0, 3, 1, 2)


def at_home(visible: Tensor, ids_restore: Tensor) -> Tensor:
    """The kept tokens of one image (K, D) at the places that ids_restore (N,) says, grey elsewhere: (N, D)."""
    rows = [visible[i] if i < len(visible) else torch.full_like(visible[0], GREY) for i in ids_restore.tolist()]
    return torch.stack(rows)


def per_pixel(values: Tensor, patch_size: int, width: int) -> Tensor:
    """One value per patch (B, N) -> one per pixel (B, 1, H, W)."""
    grid = values.reshape(len(values), 1, -1, width // patch_size)
    return grid.repeat_interleave(patch_size, dim=2).repeat_interleave(patch_size, dim=3)


def side_by_side(values: Tensor, columns: int) -> Tensor:
    """One value per patch (B, N) -> one table (rows, B * columns), the images from left to right."""
    return values.reshape(len(values), -1, columns).permute(1, 0, 2).flatten(1)


def hide(images: Tensor, mask: Tensor, patch_size: int, with_: Tensor | float = GREY) -> Tensor:
    """Images with their removed patches replaced."""
    removed = per_pixel(mask, patch_size, images.shape[3]).to(images.device) > 0.5
    return torch.where(removed, torch.as_tensor(with_, dtype=images.dtype, device=images.device), images)


def puzzle(pictures: ImageSet) -> tuple[Tensor, Tensor, list[str]]:
    """Eight test images, the same with 48 of 64 patches grey, and what they show."""
    chosen = list(PUZZLE)
    images = to_float(pictures.test.images[chosen])
    mask, generator = torch.ones(8, 64), torch.Generator().manual_seed(4)
    for row in mask:
        row[torch.randperm(64, generator=generator)[:16]] = 0
    return images, hide(images, mask, 4), [pictures.classes[n] for n in pictures.test.labels[chosen].tolist()]


def reveal(originals: Tensor, hidden: Tensor, names: Sequence[str], guessed: Any, classes: Sequence[str]) -> Picture:
    """The puzzle beside its answers, with the score; a guess that cannot be read counts as none."""
    made = guesses.names(guessed, len(names), classes, called="guess_names")
    right = [guess == name for guess, name in zip(made, names, strict=True)]
    score = f"you: {sum(right)} of 8" if any(made) else "no guess made"
    return plots.images(
        [hidden, originals],
        columns=[f"{name}{' ✓' if hit else ''}" for name, hit in zip(names, right, strict=True)],
        message=f"{score}; picking among ten classes at random: 0.8 of 8",
    )


def sensitivity(encoder: Any, image: Tensor, noise: Tensor, mask_ratio: float) -> Tensor:
    """How far the latent of one image (1, C, H, W) moves when a patch is replaced: (rows, columns), largest 1."""
    p, (height, width) = encoder.patch_size, encoder.image_size
    corners = [(top, left) for top in range(0, height, p) for left in range(0, width, p)]
    altered = image.repeat(len(corners), 1, 1, 1)
    for one, (top, left) in zip(altered, corners, strict=True):
        one[:, top : top + p, left : left + p] *= -1
    with torch.no_grad():
        before = encoder(image, mask_ratio, noise)[0]
        after = encoder(altered, mask_ratio, noise.expand(len(corners), -1))[0]
    moved = (after - before).flatten(1).norm(dim=1).reshape(height // p, width // p)
    moved = moved / moved.max().clamp(min=1e-9)
    return torch.where(moved < 1e-5, 0.0, moved)  # less is rounding


def influence(run: Callable[[], Tensor], vectors: Sequence[Tensor]) -> Tensor:
    """How far each row of run()'s answer (R, D) moves when one of the vectors is changed: (vectors, R).

    The vectors (D,) are views of what `run` reads, and are put back. The largest value of a line is 1, or all are 0.
    """
    lines = []
    with torch.no_grad():
        before = run()
        for vector in vectors:
            kept = vector.clone()
            vector[::2] += 1
            vector[1::2] -= 1
            moved = (run() - before).norm(dim=1)
            vector.copy_(kept)
            lines.append(moved / moved.max().clamp(min=1e-9))
    return torch.stack(lines)


def encoder_table(encoder: Any) -> Picture:
    """What moves the latents of an encoder with five patches, A to E, that sees E and B, in this order."""
    image, noise = torch.ones(1, 3, 4, 20), torch.tensor([[0.7, 0.2, 0.9, 0.8, 0.1]])
    changed = {"cls_token": encoder.cls_token.data[0, 0]} | _positions(encoder)
    return _table(lambda: encoder(image, 0.5, noise)[0][0], changed, ["cls", "E", "B"], "row of the latent")


def decoder_table(decoder: Any) -> Picture:
    """What moves the predictions of a decoder with five patches, A to E: the second image of two, which shows D and A.

    Sorted by noise the second image's patches stand D A E B C.
    """
    latent = torch.randn(2, 3, decoder.encoder_dim, generator=torch.Generator().manual_seed(0))
    ids_restore = torch.tensor([[4, 3, 2, 1, 0], [1, 3, 4, 0, 2]])
    changed = {f"latent of {name}": latent[1, row] for row, name in enumerate(["cls", "D", "A"])}
    changed |= {"mask_token": decoder.mask_token.data[0, 0]} | _positions(decoder)
    return _table(lambda: decoder(latent, ids_restore)[1], changed, list("ABCDE"), "prediction for patch")


def _positions(model: Any) -> dict[str, Tensor]:
    return {f"position of {name}": model.pos_embed[0, row] for row, name in enumerate(["cls", *"ABCDE"])}


def _table(run: Callable[[], Tensor], changed: Mapping[str, Tensor], columns: list[str], moves: str) -> Picture:
    values = influence(run, list(changed.values()))
    names = [*columns, *"?" * len(values[0])][: len(values[0])]
    most = [names[int(line.argmax())] if line.max() > 0 else "nothing" for line in values]
    message = "moved most by " + ", ".join(f"{name}: {most[n]}" for n, name in enumerate(changed))
    return plots.matrix(values, list(changed), names, column_axis=moves, title="What moves what", message=message)


def loss_line(values: Mapping[str, Tensor | float], guess: Any = None) -> Picture:
    """Losses of known predictions on a line, with the guess where one was made and can be read."""
    made = {name: torch.as_tensor(value).item() for name, value in values.items()}
    if (guessed := guesses.number(guess, called="guess_mean_only")) is not None:
        made["your guess"] = float(guessed)
    landmarks = {"perfect": 0.0, "47/48": 47 / 48, "48/48": 1.0, "95/48": 95 / 48}
    return plots.number_line(made, landmarks, title="Your loss for known predictions")


def means_and_deviations(images: Tensor, patch_size: int) -> tuple[Tensor, Tensor]:
    """Mean and deviation of all numbers of each patch, for each of its pixels: two tensors (B, 1, H, W)."""
    mean = F.avg_pool2d(images.mean(dim=1, keepdim=True), patch_size)
    square = F.avg_pool2d(images.square().mean(dim=1, keepdim=True), patch_size)
    count = images.shape[1] * patch_size**2
    deviation = ((square - mean.square()).clamp(min=0) * count / (count - 1) + 1e-6).sqrt()
    large = [F.interpolate(part, scale_factor=patch_size, mode="nearest") for part in (mean, deviation)]
    return large[0], large[1]


def repainted(images: Tensor, painted: Tensor, mask: Tensor, patch_size: int) -> dict[str, Tensor]:
    """Rows for a figure, from normalised images and what a model painted for normalised targets.

    The hidden patches' true means and deviations are borrowed from the images.
    """
    mean, deviation = means_and_deviations(images, patch_size)
    model = painted.detach() * deviation + mean
    return {
        "original": images,
        "the encoder sees": hide(images, mask, patch_size, 0.0),
        "true means": hide(images, mask, patch_size, mean),
        "model": model,
        "model + visible": hide(images, mask, patch_size, model),
    }


def errors(images: Tensor, rows: dict[str, Tensor], mask: Tensor, patch_size: int) -> dict[str, float]:
    """Mean squared error on hidden pixels, of the borrowed means alone and of the model."""
    removed = per_pixel(mask, patch_size, images.shape[3]).expand_as(images) > 0.5
    return {name: (rows[name] - images).square()[removed].mean().item() for name in ("true means", "model + visible")}


def architecture() -> Picture:
    """The whole of the masked autoencoder, in the small preset's sizes."""
    Stage = plots.Stage
    return plots.architecture(
        [
            Stage("image", "3 × 32 × 32"),
            Stage("patchify", "64 patches × 48 numbers", "fixed"),
            Stage("embed, add positions", "64 tokens × 128", "trained"),
            Stage("random_masking", "16 tokens × 128", "fixed", "the other 48 go no further"),
            Stage("encoder", "(1 + 16) tokens × 128", "trained", "class token first, 4 blocks"),
            Stage("decoder", "64 patches × 48 numbers", "thrown away", "1 block"),
            Stage("loss on the 48 hidden patches", kind="loss"),
        ],
        title="A masked autoencoder",
    )


def noise_for(block: bool, count: int = 64) -> Tensor:
    """Noise (1, N) for one square image: random, or such that a block in its middle is hidden first."""
    noise = torch.rand(1, count, generator=torch.Generator().manual_seed(0))
    if not block:
        return noise
    side = round(count**0.5)
    from_middle = (torch.arange(side) - (side - 1) / 2).abs()
    distance = torch.maximum(from_middle.view(side, 1), from_middle.view(1, side)).reshape(1, count)
    return 0.5 * noise - distance


def settings(**typed: Any) -> Any:
    """What was typed for the experiments of "your turn", by name, each usable: one value, or a tuple of several."""
    found = tuple(guesses.setting(value, *SETTINGS[name], called=name) for name, value in typed.items())
    return found if len(found) > 1 else found[0]


def attention(decoder: Any, latent: Tensor, ids_restore: Tensor, patch: int) -> Tensor:
    """Where the decoder's last block looks for one patch: shares (B, 1 + N), class token first, mean over heads."""
    seen: list[Tensor] = []
    layer = decoder.blocks[-1].attn
    hook = layer.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    try:
        with torch.no_grad():
            decoder(latent, ids_restore)
            batch, tokens, dim = seen[-1].shape
            parts = layer.qkv(seen[-1]).reshape(batch, tokens, 3, layer.heads, dim // layer.heads)
    finally:
        hook.remove()
    queries, keys, _ = parts.permute(2, 0, 3, 1, 4)  # each (B, heads, 1 + N, D / heads)
    scores = queries[:, :, 1 + patch : 2 + patch] @ keys.transpose(-2, -1) * keys.shape[-1] ** -0.5
    return scores.softmax(dim=-1).mean(dim=1)[:, 0].cpu()


def hidden_patch(asked: object, mask: Tensor) -> int:
    """The patch asked for if it is one that is hidden (mask (N,)), else the first hidden one, said in a sentence."""
    hidden = mask.nonzero().flatten().tolist()
    if (patch := guesses.number(asked, 0, len(mask) - 1, called="patch")) in hidden:
        return int(patch)
    print(f"patch {asked!r} is not hidden: choose one of {', '.join(map(str, hidden))}; here is patch {hidden[0]}")
    return int(hidden[0])


def looks(seen: Tensor, painted: Tensor, shares: Tensor, mask: Tensor, patch: int, pictures: ImageSet) -> Picture:
    """One image (C, H, W) as it was seen and painted, and how the attention (1 + N,) of one patch is shared out."""
    grid = round(len(mask) ** 0.5)
    size, (row, column) = seen.shape[-1] / grid, divmod(patch, grid)
    with style():
        figure = blank(7.0, 2.6)
        axes = figure.subplots(1, 3)
        for axis, title in zip(axes, ("what was seen", "what was painted", f"attention of patch {patch}"), strict=True):
            axis.set_title(title)
            axis.axis("off")
        for axis, image in zip(axes, (seen, painted), strict=False):
            show_image(axis, image, pictures)
        around = (-0.5, seen.shape[-1] - 0.5, seen.shape[-1] - 0.5, -0.5)
        axes[2].imshow(shares[1:].reshape(grid, grid).numpy(), cmap="Greys", vmin=0, extent=around)
        for n in (mask < 0.5).nonzero().flatten().tolist():
            _square(axes[2], n, grid, size, edgecolor=INK, linewidth=0.8)
        for axis in axes:
            _square(axis, row * grid + column, grid, size, edgecolor=ORANGE, linewidth=2.5)
    visible = (mask < 0.5).cpu()
    return finish(
        figure,
        f"of the attention of patch {patch}, {shares[1:][visible].sum():.0%} falls on the {int(visible.sum())} visible"
        f" patches ({visible.float().mean():.0%} of all), {shares[0]:.0%} on the class token",
    )


def _square(axis: Axes, patch: int, grid: int, size: float, **look: Any) -> None:
    row, column = divmod(patch, grid)
    axis.add_patch(Rectangle((column * size - 0.5, row * size - 0.5), size, size, fill=False, **look))


def ratios(
    mine: float,
    my_loss: float,
    my_accuracy: float,
    main_accuracy: float | None = None,
    guessed: tuple[Any, Any] = (None, None),
) -> Picture:
    """Loss and accuracy over the mask ratio: the course's runs, the student's ratio, and the student's main run.

    guessed: the ratios with the lowest loss and the best features as they were typed; diamonds on the course's means.
    """
    best_loss, best_features = map(_guessed_ratio, guessed, ("loss", "features"))
    with style():
        figure = blank(WIDE, 3.4)
        left, right = figure.subplots(1, 2)
        _ratio_panel(left, "loss", mine, my_loss, best_loss)
        _ratio_panel(right, "accuracy", mine, my_accuracy, best_features)
        left.set(ylabel="final loss", title="The task: loss on hidden patches")
        _over_ratio(right, EQUAL_WORK, "^--", "as much work as 500 at 25 %", ORANGE)
        if main_accuracy is not None:
            right.plot(0.75, main_accuracy, "s", mfc="white", mec=INK, mew=1.5, ls="none", label="yours, the long run")
        right.set(ylabel="accuracy, 10,000 labels", title="What the features are worth")
        entries: dict[str, Any] = {}
        for axis in (right, left):
            marks, labels = axis.get_legend_handles_labels()
            entries |= dict(zip(labels, marks, strict=True))
        figure.legend(entries.values(), entries.keys(), loc="outside lower center", ncols=3)
    means = ", ".join(f"{r:.0%}: {_mean(f['loss']):.2f} and {_mean(f['accuracy']):.3f}" for r, f in COURSE.items())
    mean = f"yours, {mine:.0%}: {my_loss:.2f} and {my_accuracy:.3f}"
    work = f"75 % with as much work as 25 %: {_mean(EQUAL_WORK[0.75]):.3f}"
    guess = f"your guesses: loss {_percent(best_loss)}, features {_percent(best_features)}"
    return finish(figure, f"loss and accuracy, {means}; {mean}; {work}; chance .10 lies far below the axis; {guess}")


def _ratio_panel(axis: Axes, what: str, mine: float, own: float, guess: float | None) -> None:
    _over_ratio(axis, {ratio: found[what] for ratio, found in COURSE.items()}, "o-", "500 steps each", MAE.colour)
    axis.plot(mine, own, "*", color=INK, ms=13, mec="white", label="yours, 500 steps", zorder=4)
    if guess is not None:
        look: dict[str, Any] = {"mfc": "none", "mec": INK, "mew": 1.5, "ms": 13, "ls": "none"}
        axis.plot(guess, _mean(COURSE[guess][what]), "D", label="your guess", zorder=5, **look)
    axis.set_xticks(list(COURSE), [f"{100 * ratio:.0f}" for ratio in COURSE])
    axis.set_xlabel("share of hidden patches, in %")


def _guessed_ratio(typed: Any, what: str) -> float | None:
    """One of the course's ratios; None where none was guessed or it cannot be read."""
    found = guesses.number(typed, 0, 1, choices=tuple(COURSE), called=f"guess_best_ratio_for_{what}")
    return None if found is None else min(COURSE, key=lambda ratio: abs(ratio - found))


def _percent(ratio: float | None) -> str:
    return "none" if ratio is None else f"{ratio:.0%}"


def _over_ratio(axis: Axes, runs: Mapping[float, Sequence[float]], look: str, label: str, colour: str) -> None:
    """Means with bars that reach from the lowest to the highest seed."""
    means = [_mean(values) for values in runs.values()]
    below = [mean - min(values) for mean, values in zip(means, runs.values(), strict=True)]
    above = [max(values) - mean for mean, values in zip(means, runs.values(), strict=True)]
    axis.errorbar(list(runs), means, [below, above], fmt=look, color=colour, mec="white", capsize=3, label=label)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
