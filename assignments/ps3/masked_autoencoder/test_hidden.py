# kit-canary-60b09308d7aff85cc5f7d1b7: not to be published
"""Hidden tests of the masked autoencoder: other sizes, random inputs, gradients, and every formula written out."""

from typing import Any

import torch
from torch import Tensor, nn

from kit import Lib, assert_raises, assert_same, exercise, expect_tensor, expect_tuple, load_helpers
from ps3.networks.transformer import Block

helpers = load_helpers(__file__)
assert_same_numbers = helpers.assert_same_numbers

patchify = exercise("mae-patchify")
unpatchify = exercise("mae-unpatchify")
random_masking = exercise("mae-random-masking")
encoding = exercise("mae-encoder")
decoding = exercise("mae-decoder")
masked_loss = exercise("mae-loss")

# --- patchify ---------------------------------------------------------------------------------------------------------

SIZES = [(2, 3, 8, 12, 4), (3, 1, 6, 4, 2), (1, 5, 6, 9, 3), (2, 2, 3, 5, 1), (2, 4, 6, 6, 6)]


def cut(images: Tensor, p: int) -> Tensor:
    """Patches of every image, one number after the other."""
    batch, channels, height, width = images.shape
    numbers = [
        [
            [image[c, i + di, j + dj] for di in range(p) for dj in range(p) for c in range(channels)]
            for i in range(0, height, p)
            for j in range(0, width, p)
        ]
        for image in images
    ]
    return torch.stack([torch.stack([torch.stack(patch) for patch in image]) for image in numbers])


@patchify(
    "puts every number in its place, whatever the sizes",
    hint="Patch size, channels, height and width all vary here. Which of them did you take to be fixed, or equal?",
    broad=True,
    weight=8,
)
def test_patchify_agrees_with_a_slow_loop(student, rng):
    for size in SIZES:
        *shape, p = size
        images = torch.rand(shape, generator=rng)
        what = f"patchify on {tuple(shape)}, patch size {p}"
        assert_same(student.patchify(images, p), cut(images, p), what=what, any_float=True)


@patchify(
    "looks at height and width one by one",
    hint="That the number of pixels fits is not enough: 2 x 8 pixels hold no 4 x 4 patch.",
    weight=5,
)
def test_patchify_looks_at_height_and_width_one_by_one(student, rng):
    images = torch.rand(2, 3, 4, 4, generator=rng)
    assert_same_numbers(student.patchify(images, 4), images, what="patchify on 4x4 with patches of 4")
    for height, width in [(2, 8), (8, 2), (5, 4)]:
        image = torch.rand(1, 3, height, width, generator=rng)
        assert_raises(ValueError, lambda image=image: student.patchify(image, 4), what=f"patchify({height}x{width}, 4)")


@patchify(
    "leaves the images as they are",
    hint="Methods whose name ends in an underscore, and assignments into a slice, change what your caller holds.",
    weight=2,
)
def test_patchify_leaves_the_images_as_they_are(student, rng):
    images = torch.rand(2, 3, 4, 4, generator=rng)
    tokens = student.patchify(images, 2)
    assert student.unchanged_inputs, "patchify changed the images that it was given"
    assert_same_numbers(tokens, images, what="patchify")


@patchify(
    "works on any device",
    hint="Your answer should live where the images live. Do you make a tensor of your own, or leave torch?",
    weight=5,
)
def test_patchify_follows_device_and_dtype(student, rng):
    images = torch.rand(2, 3, 4, 4, generator=rng)
    assert_same_numbers(student.patchify(images, 2), images, what="patchify")
    tokens = expect_tensor(student.patchify(images.to("meta"), 2), what="patchify on another device")
    assert tokens.is_meta, "the images were on another device than the patches"


# --- unpatchify -------------------------------------------------------------------------------------------------------


@unpatchify(
    "puts every number in its place, whatever the sizes",
    hint="Patch size, channels, height and width all vary here. Which of them did you take to be fixed, or equal?",
    broad=True,
    weight=8,
)
def test_unpatchify_agrees_with_a_slow_loop(student, rng):
    for size in SIZES:
        *shape, p = size
        images = torch.rand(shape, generator=rng)
        result = student.unpatchify(cut(images, p), p, (shape[2], shape[3]))
        assert_same(result, images, what=f"unpatchify to {tuple(shape)}, patch size {p}", any_float=True)


@unpatchify(
    "refuses an image size that patches cannot fill",
    hint="Four patches of 4 fill 8x8, but not 9x8. Does your function look at every size that it is told?",
    weight=4,
)
def test_unpatchify_refuses_sizes_that_patches_cannot_fill(student, rng):
    patches = torch.rand(2, 4, 48, generator=rng)
    assert_same_numbers(student.unpatchify(patches, 4, (8, 8)), patches, what="unpatchify to 8x8")
    for size in [(9, 8), (8, 10), (4, 8), (2, 32)]:
        assert_raises(
            ValueError, lambda size=size: student.unpatchify(patches, 4, size), what=f"4 patches of 4 to {size}"
        )
    with_channels = torch.rand(2, 4, 18, generator=rng)
    assert_raises(ValueError, lambda: student.unpatchify(with_channels, 4, (8, 8)), what="18 numbers in a 4x4 patch")


@unpatchify(
    "lets gradients through",
    hint="A loss on the image should reach the patches. Does your function copy numbers, or only move them?",
    weight=3,
)
def test_unpatchify_lets_gradients_through(student, rng):
    patches, weight = torch.rand(2, 4, 12, generator=rng), torch.rand(2, 3, 4, 4, generator=rng)
    (gradient,) = student.vjp("unpatchify", [patches, 2, (4, 4)], weight, wrt=[0])
    assert gradient is not None, "no gradient reaches the patches"
    assert_same_numbers(gradient, weight, what="gradient of unpatchify")


@unpatchify(
    "leaves the patches as they are",
    hint="Methods whose name ends in an underscore, and assignments into a slice, change what your caller holds.",
    weight=2,
)
def test_unpatchify_leaves_the_patches_as_they_are(student, rng):
    patches = torch.rand(2, 4, 12, generator=rng)
    images = student.unpatchify(patches, 2, (4, 4))
    assert student.unchanged_inputs, "unpatchify changed the patches that it was given"
    assert_same_numbers(images, patches, what="unpatchify")


@unpatchify(
    "works on any device",
    hint="The image should live where the patches live. Do you make a tensor of your own, or leave torch?",
    weight=3,
)
def test_unpatchify_follows_device_and_dtype(student, rng):
    patches = torch.rand(2, 4, 12, generator=rng)
    assert_same_numbers(student.unpatchify(patches, 2, (4, 4)), patches, what="unpatchify")
    result = student.unpatchify(patches.to("meta"), 2, (4, 4))
    image = expect_tensor(result, what="unpatchify on another device")
    assert image.is_meta, "the patches were on another device than the image"


# --- random masking ---------------------------------------------------------------------------------------------------

DRAWS = [(3, 16, 5, 0.75), (2, 15, 1, 0.0), (4, 24, 3, 0.5), (2, 8, 4, 0.25), (1, 12, 2, 0.625)]
# Calls a student's function where whatever it makes without naming a device is made elsewhere.
ELSEWHERE = Lib("ps3.masked_autoencoder.elsewhere.with_another_default_device")


def masking(student, *arguments: Any) -> tuple[Any, ...]:
    """The student's random_masking: visible, mask and ids_restore as they come."""
    return expect_tuple(student.random_masking(*arguments), 3, what="random_masking")


def assert_tokens_of(visible: Any, tokens: Tensor, *, what: str) -> None:
    """Fail unless there are some tokens, each of them one of its own image's.

    Which ones, and whether zeros stand in place of the others, is other tests' business.
    """
    visible = expect_tensor(visible, what=what, dtype="floating")
    batch, count, width = tokens.shape
    assert visible.dim() == 3 and visible.shape[::2] == (batch, width) and 0 < visible.shape[1] <= count, (
        f"{what}: got shape {tuple(visible.shape)} from tokens of shape {tuple(tokens.shape)}"
    )
    known = (visible.unsqueeze(2) == tokens.unsqueeze(1)).all(dim=3).any(dim=2)  # (B, K)
    assert bool(known.any()), f"{what}: none of them is a token of its image"
    assert bool((known | (visible == 0).all(dim=2)).all()), f"{what}: some token is none of its image's"


def sorted_by_noise(noise: Tensor) -> list[list[int]]:
    """For each image its tokens, smallest noise first."""
    return [sorted(range(len(row)), key=row.__getitem__) for row in noise.tolist()]


@random_masking(
    "keeps the tokens of the smallest noise, image by image",
    hint="Each row of noise belongs to one image. Do you sort along the tokens, and take each image's own?",
    broad=True,
    weight=5,
)
def test_masking_takes_the_right_tokens(student, rng):
    for batch, count, width, ratio in DRAWS:
        tokens = torch.rand(batch, count, width, generator=rng)
        noise = torch.rand(batch, count, generator=rng)
        visible, _, _ = masking(student, tokens, ratio, noise)
        kept = int(count * (1 - ratio))
        expected = torch.stack(
            [image[order[:kept]] for image, order in zip(tokens, sorted_by_noise(noise), strict=True)]
        )
        assert_same(visible, expected, what=f"visible tokens at ratio {ratio}", any_float=True)


@random_masking(
    "the mask is about the tokens in their own order",
    hint="Which tokens are missing from your visible ones? Those, and only those, should say 1.",
    weight=3,
)
def test_masking_marks_what_is_missing(student, rng):
    for batch, count, width, ratio in DRAWS[:3]:
        noise = torch.rand(batch, count, generator=rng)
        _, mask, _ = masking(student, torch.rand(batch, count, width, generator=rng), ratio, noise)
        expected = torch.ones(batch, count)
        for row, order in zip(expected, sorted_by_noise(noise), strict=True):
            row[order[: int(count * (1 - ratio))]] = 0
        mask = expect_tensor(mask, what=f"mask at ratio {ratio}", shape=(batch, count)).float()
        assert_same(mask, expected, what=f"mask at ratio {ratio}")


@random_masking(
    "ids_restore is the inverse of the sorting",
    hint="'Who stands at place i?' and 'where did token n go?' are different questions. Which one does yours answer?",
    weight=3,
)
def test_masking_restore_is_the_inverse_of_the_sorting(student, rng):
    for batch, count, width, ratio in DRAWS[:3]:
        noise = torch.rand(batch, count, generator=rng)
        _, _, ids_restore = masking(student, torch.rand(batch, count, width, generator=rng), ratio, noise)
        expected = torch.tensor([[order.index(n) for n in range(count)] for order in sorted_by_noise(noise)])
        places = expect_tensor(ids_restore, what=f"ids_restore at ratio {ratio}", shape=(batch, count)).long()
        assert_same(places, expected, what=f"ids_restore at ratio {ratio}")


@random_masking(
    "its three answers agree when it draws for itself",
    hint="Fill the hidden places with zeros, gather with ids_restore: the visible tokens should be home again.",
    weight=3,
)
def test_masking_rebuilds_the_input(student, rng):
    tokens = torch.rand(4, 12, 3, generator=rng)
    visible, mask, ids_restore = masking(student, tokens, 0.5)
    visible = expect_tensor(visible, what="visible", shape=(4, 6, 3), dtype="floating").float()
    mask = expect_tensor(mask, what="mask", shape=(4, 12)).float()
    places = expect_tensor(ids_restore, what="ids_restore", shape=(4, 12)).long()
    assert_same(places.sort(dim=1).values, torch.arange(12).expand(4, 12), what="ids_restore, each row sorted")
    home = torch.cat([visible, torch.zeros(4, 6, 3)], dim=1).gather(1, places.unsqueeze(-1).expand(-1, -1, 3))
    assert_same(home, tokens * (1 - mask).unsqueeze(-1), what="visible tokens sent home with ids_restore")
    assert_same(mask.sum(dim=1), torch.full((4,), 6.0), what="number of removed tokens of each image")


@random_masking(
    "every choice of tokens is possible, and equally likely",
    hint="A block of neighbours is a choice too, but a rare one. Can your draw reach any set of K tokens?",
    weight=2,
)
def test_masking_draws_every_set_of_tokens(student):
    _, _, ids_restore = masking(student, torch.zeros(2000, 8, 1), 0.5)
    places = expect_tensor(ids_restore, what="ids_restore", shape=(2000, 8)).long()
    assert_same(places.sort(dim=1).values, torch.arange(8).expand(2000, 8), what="ids_restore, each row sorted")
    kept = places < 4
    share = kept.float().mean(dim=0)
    uneven = float((share - 0.5).abs().max())
    assert uneven < 0.08, f"one of 8 tokens is off its share of one half by {uneven:.2f}, over 2,000 images"
    sets = len({tuple(row) for row in kept.tolist()})
    assert sets >= 60, f"2,000 images use {sets} of the 70 possible sets of 4 tokens"


@random_masking(
    "leaves tokens and noise as they are",
    hint="Sorting or marking in place changes what your caller holds.",
)
def test_masking_leaves_its_inputs_as_they_are(student, rng):
    tokens = torch.rand(2, 8, 3, generator=rng)
    visible, _, _ = masking(student, tokens, 0.5, torch.rand(2, 8, generator=rng))
    assert student.unchanged_inputs, "random_masking changed the tokens or the noise that it was given"
    assert_tokens_of(visible, tokens, what="visible tokens")


@random_masking(
    "gradients reach the tokens that were kept",
    hint="The encoder learns through the visible tokens. Is yours the token, or a copy that forgot it?",
    weight=2,
)
def test_masking_lets_gradients_through(student, rng):
    tokens, noise = torch.rand(2, 8, 3, generator=rng), torch.rand(2, 8, generator=rng)
    weight = torch.rand(2, 8, 3, generator=rng)
    (gradient,) = student.vjp("random_masking", [tokens, 0.0, noise], (weight, None, None), wrt=[0])
    assert gradient is not None, "no gradient reaches the tokens"
    # In which order the tokens stand is another test's business.
    assert_same_numbers(gradient, weight, what="gradient of the visible tokens at ratio 0")


@random_masking(
    "float64 in, float64 out",
    hint="A kept token is not to change. Where in your function could its numbers turn into others?",
    weight=2,
)
def test_masking_keeps_the_dtype(student, rng):
    for dtype in (torch.float64, torch.float32):
        tokens = torch.rand(2, 8, 3, generator=rng, dtype=dtype)
        visible, _, _ = masking(student, tokens, 0.5)
        visible = expect_tensor(visible, what=f"visible of tokens in {dtype}", dtype=dtype)
        assert_tokens_of(visible, tokens, what=f"visible of tokens in {dtype}")


def made_elsewhere(student, tokens: Tensor) -> list[str]:
    """Which of the three results live on another device than the tokens."""
    try:
        return [
            name for name, part in named_results(student.random_masking(tokens.to("meta"), 0.5)) if not part.is_meta
        ]
    except RuntimeError as error:
        # Code that reads single numbers is slow on a GPU but works there; only this stand-in has no numbers to read.
        if not reads_numbers(error):
            raise
    try:
        result = student.run(ELSEWHERE, student.random_masking, tokens, 0.5)
    except RuntimeError as error:
        if not reads_numbers(error):
            raise
        return []  # it moves what it made to the tokens' device
    return [name for name, part in named_results(result) if part.is_meta]


def named_results(result: Any) -> list[tuple[str, Tensor]]:
    names = ("visible", "mask", "ids_restore")
    parts = zip(names, expect_tuple(result, 3, what="random_masking"), strict=True)
    return [(name, expect_tensor(part, what=name)) for name, part in parts]


def reads_numbers(error: RuntimeError) -> bool:
    """Whether torch complains that a tensor without numbers was read."""
    return any(text in str(error) for text in ("item()", "no data", "nonzero()"))


@random_masking(
    "works on any device",
    hint="A tensor that is made without a device lies on the CPU. Where do you make the noise, the mask, the places?",
    weight=2,
)
def test_masking_follows_device_and_dtype(student, rng):
    tokens = torch.rand(2, 8, 3, generator=rng)
    assert_tokens_of(masking(student, tokens, 0.5)[0], tokens, what="visible tokens")
    strays = made_elsewhere(student, tokens)
    assert not strays, f"on another device than the tokens: {', '.join(strays)}"


# --- encoder ----------------------------------------------------------------------------------------------------------

ENCODERS = [
    {"image_size": (8, 12), "patch_size": 2, "channels": 3, "dim": 16, "depth": 2, "heads": 4},
    {"image_size": (6, 3), "patch_size": 3, "channels": 1, "dim": 8, "depth": 1, "heads": 2},
    {"image_size": (4, 16), "patch_size": 4, "channels": 5, "dim": 12, "depth": 0, "heads": 1},
]


# For what has nothing to do with the shape of the image.
SQUARE = {"image_size": (8, 8), "patch_size": 2, "channels": 3, "dim": 16, "depth": 2, "heads": 4}


def random_encoder(student, rng, options) -> tuple[Any, dict[str, Tensor], int]:
    """A student's encoder with random weights; these in float64; the number of patches."""
    (height, width), p = options["image_size"], options["patch_size"]
    encoder = student.build("MAEEncoder", **options)
    count = (height // p) * (width // p)
    return encoder, in_float64(helpers.load_random_weights(encoder, rng, (1 + count, options["dim"]))), count


def reaches(gradient: Tensor | None) -> bool:
    return gradient is not None and bool(gradient.abs().max() > 0)


def in_float32(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: weight.float() for name, weight in weights.items()}


def in_float64(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: weight.double() for name, weight in weights.items()}


def latent_of(result: Any, batch: int) -> Tensor:
    """The first of an encoder's three results, if it tells tokens apart.

    How many there are, and what comes with the latent, is other tests' business.
    """
    latent = result[0] if isinstance(result, (tuple, list)) and result else result
    latent = expect_tensor(latent, what="latent", dtype="floating")
    assert latent.dim() == 3 and len(latent) == batch and 1 < latent.shape[1] <= 65 and latent.shape[2] == 16, (
        f"latent of {batch} images has shape {tuple(latent.shape)}"
    )
    assert float(latent.std(dim=1).max()) > 1e-4, "all tokens of the latent are the same"
    return latent


def features_of(encoder: Any, images: Tensor, dtype: Any = "floating") -> Tensor:
    """A student's features of some images, if they tell anything apart."""
    shape = (len(images), 16)
    features = expect_tensor(encoder.call("features", images), what="features", shape=shape, dtype=dtype)
    assert float(features.std(dim=1).max()) > 1e-4, "all numbers of the features are the same"
    return features


def random_images(options, batch: int, rng) -> Tensor:
    return torch.rand(batch, options["channels"], *options["image_size"], generator=rng)


def through_blocks(x: Tensor, weights: dict[str, Tensor], depth: int, heads: int) -> Tensor:
    """The library's blocks and the last norm, with these weights."""
    for i in range(depth):
        block = Block(x.shape[-1], heads).double()
        start = f"blocks.{i}."
        block.load_state_dict({name.removeprefix(start): w for name, w in weights.items() if name.startswith(start)})
        x = block(x)
    return nn.functional.layer_norm(x, x.shape[-1:], weights["norm.weight"], weights["norm.bias"], 1e-6).detach()


def embedded(images: Tensor, weights: dict[str, Tensor], options) -> Tensor:
    """Patch tokens with positions in float64."""
    patches = cut(images.double(), options["patch_size"])
    return patches @ weights["patch_embed.weight"].T + weights["patch_embed.bias"] + weights["pos_embed"][:, 1:]


def with_smallest_noise(tokens: Tensor, noise: Tensor, kept: int) -> Tensor:
    """The `kept` tokens of each image that have the smallest noise, in the order of their noise."""
    rows = zip(tokens, sorted_by_noise(noise), strict=True)
    return torch.stack([image[order[:kept]] for image, order in rows])


def with_class_token(tokens: Tensor, weights: dict[str, Tensor]) -> Tensor:
    first = weights["cls_token"] + weights["pos_embed"][:, :1]
    return torch.cat([first.expand(len(tokens), 1, -1), tokens], dim=1)


@encoding(
    "is the sequence of the text: embed, positions, mask, class token, blocks, norm",
    hint="Go through the docstring's sequence step by step: is each step there, once, and in this place?",
    broad=True,
    weight=7,
)
def test_encoder_agrees_with_the_sequence_written_out(student, rng):
    for options in ENCODERS:
        encoder, weights, count = random_encoder(student, rng, options)
        images = random_images(options, 2, rng)
        noise = torch.rand(2, count, generator=rng)
        ratio, kept = (0.0, count) if count % 2 else (0.5, count // 2)
        visible = with_smallest_noise(embedded(images, weights, options), noise, kept)
        expected = through_blocks(with_class_token(visible, weights), weights, options["depth"], options["heads"])
        result = expect_tuple(encoder(images, mask_ratio=ratio, noise=noise), 3, what="encoder")
        what = "latent against the sequence written out"
        assert_same(result[0], expected.float(), what=what, atol=1e-4, any_float=True)


@encoding(
    "features: the same sequence with nothing masked, then the mean over patches",
    hint="When is the mean taken, before or after the norm, and over which of the 1 + N tokens?",
    broad=True,
    weight=6,
)
def test_encoder_features_agree_with_the_sequence_written_out(student, rng):
    for options in ENCODERS[:2]:
        encoder, weights, _ = random_encoder(student, rng, options)
        images = random_images(options, 3, rng)
        tokens = with_class_token(embedded(images, weights, options), weights)
        expected = through_blocks(tokens, weights, options["depth"], options["heads"])[:, 1:].mean(dim=1)
        what = "features against the sequence written out"
        assert_same(encoder.call("features", images), expected.float(), what=what, atol=1e-4, any_float=True)


@encoding(
    "every parameter learns",
    hint="Some weight gets no gradient. Is every layer used, and which step cuts the tie to what comes before it?",
    weight=3,
)
def test_encoder_gives_every_parameter_a_gradient(student, rng):
    encoder, weights, count = random_encoder(student, rng, SQUARE)
    images, noise = random_images(SQUARE, 2, rng), torch.rand(2, count, generator=rng)
    latent_weight = torch.randn(2, 1 + count // 4, 16, generator=rng)
    keywords = {"mask_ratio": 0.75, "noise": noise}
    by_latent = student.vjp(encoder, [images], (latent_weight, None, None), wrt="parameters", kwargs=keywords)
    feature_weight = torch.randn(2, 16, generator=rng)
    by_features = student.vjp(encoder.method("features"), [images], feature_weight, wrt="parameters")
    for what, gradients in [("latent", by_latent), ("features", by_features)]:
        idle = [name for name in weights if name != "pos_embed" and not reaches(gradients.get(name))]
        assert not idle, f"no gradient reaches {', '.join(idle[:4])} from the {what}"
    plain = helpers.plain_images((2, 3, 8, 8), rng)
    helpers.without_positions(encoder, weights)
    gradients = student.vjp(encoder.method("features"), [plain], feature_weight, wrt="parameters")
    helpers.assert_gradients_fit(
        lambda bias: features_of(helpers.without_positions(encoder, weights | {"norm.bias": bias}), plain),
        weights["norm.bias"].float(),
        feature_weight,
        gradients.get("norm.bias"),
        rng,
        what="features of plain images",
    )


@encoding(
    "images of a batch do not meet",
    hint="An image alone and in a batch should give the same numbers. Where do yours look at their neighbours?",
    weight=3,
)
def test_encoder_keeps_the_images_of_a_batch_apart(student, rng):
    encoder, weights, count = random_encoder(student, rng, SQUARE)
    images, noise = random_images(SQUARE, 3, rng), torch.rand(3, count, generator=rng)
    together = latent_of(encoder(images, mask_ratio=0.75, noise=noise), 3)
    alone = latent_of(encoder(images[1:2], mask_ratio=0.75, noise=noise[1:2]), 1)
    assert_same(alone, together[1:2], what="latent of an image alone against the same image in a batch")
    # Which patches the features see is other tests' business.
    plain = helpers.plain_images((3, 3, 8, 8), rng)
    features = features_of(helpers.without_positions(encoder, weights), plain)
    assert_same(features_of(encoder, plain[1:2]), features[1:2], what="features of a plain image alone")
    helpers.assert_features_depend(encoder, weights, rng)


@encoding(
    "hides three quarters unless told otherwise, and other ones every time",
    hint="mask_ratio and noise have defaults. What happens to them on the way to random_masking?",
    weight=3,
)
def test_encoder_masks_anew_by_default(student, rng):
    encoder, _, count = random_encoder(student, rng, SQUARE)
    images, masks = random_images(SQUARE, 4, rng), []
    for _ in range(2):
        mask = expect_tuple(encoder(images), 3, what="encoder(images)")[1]
        masks.append(expect_tensor(mask, what="mask", shape=(4, count)).float())
        assert_same(masks[-1].sum(dim=1), torch.full((4,), 12.0), what="removed patches of 16")
    assert not torch.equal(masks[0], masks[1]), "two calls without noise hide the same patches"


@encoding(
    "refuses any image that is not channels x image_size",
    hint="Channels, height and width: an image can be wrong in each. Which of them could slip through?",
    weight=2,
)
def test_encoder_refuses_what_does_not_fit(student, rng):
    encoder, weights, _ = random_encoder(student, rng, SQUARE | {"patch_size": 4, "depth": 1})
    latent_of(encoder(random_images(SQUARE, 1, rng), 0.5), 1)
    helpers.assert_features_depend(encoder, weights, rng)
    for shape in [(1, 3, 16, 4), (1, 1, 8, 8), (1, 12, 4, 4), (1, 3, 9, 8)]:
        wrong = torch.zeros(shape)
        assert_raises(ValueError, lambda wrong=wrong: encoder(wrong, 0.5), what=f"encoder on {shape[1:]}")
        what = f"features of {shape[1:]}"
        assert_raises(ValueError, lambda wrong=wrong: encoder.call("features", wrong), what=what)


@encoding(
    "leaves the images as they are",
    hint="Methods whose name ends in an underscore, and assignments into a slice, change what your caller holds.",
)
def test_encoder_leaves_the_images_as_they_are(student, rng):
    encoder, weights, count = random_encoder(student, rng, SQUARE)
    images, noise = random_images(SQUARE, 2, rng), torch.rand(2, count, generator=rng)
    helpers.assert_features_depend(encoder, weights, rng)
    features_of(encoder, images)
    assert student.unchanged_inputs, "features changed the images that it was given"
    latent_of(encoder(images, mask_ratio=0.5, noise=noise), 2)
    assert student.unchanged_inputs, "the encoder changed the images or the noise that it was given"


@encoding(
    "float64 in, float64 out",
    hint="Everything that you put beside the tokens should be of the images' dtype. What do you make yourself?",
    weight=2,
)
def test_encoder_keeps_the_dtype(student, rng):
    encoder, _, count = random_encoder(student, rng, SQUARE)
    images, noise = random_images(SQUARE, 2, rng), torch.rand(2, count, generator=rng)
    single = latent_of(encoder(images, mask_ratio=0.75, noise=noise), 2)
    encoder.double()
    double = latent_of(encoder(images.double(), mask_ratio=0.75, noise=noise.double()), 2)
    assert single.dtype == torch.float32, f"latent of images in float32 is in {single.dtype}"
    assert_same(double, single.double(), what="latent in float64 against float32", atol=1e-4)
    brighter = latent_of(encoder(images.double() + 1e-13, mask_ratio=0.75, noise=noise.double()), 2)
    assert not torch.equal(double, brighter), (
        "pixels that are 1e-13 brighter change nothing: somewhere they are float32"
    )
    features_of(encoder, images.double(), torch.float64)


@encoding(
    "works on any device",
    hint="Everything that you put beside the tokens should live where the images live. What do you make yourself?",
    weight=2,
)
def test_encoder_follows_device_and_dtype(student, rng):
    encoder, weights, _ = random_encoder(student, rng, SQUARE)
    images = random_images(SQUARE, 2, rng)
    helpers.assert_features_depend(encoder, weights, rng)
    features = encoder.meta().call("features", images.to("meta"))
    features = expect_tensor(features, what="features on another device", shape=(2, 16), dtype="floating")
    assert features.is_meta, "the features are on another device than the images"


# --- decoder ----------------------------------------------------------------------------------------------------------

DECODERS = [
    ({"image_size": (8, 12), "patch_size": 2, "channels": 3, "encoder_dim": 10, "dim": 16, "depth": 2, "heads": 4}, 6),
    ({"image_size": (6, 3), "patch_size": 3, "channels": 1, "encoder_dim": 8, "dim": 8, "depth": 1, "heads": 2}, 2),
    ({"image_size": (4, 20), "patch_size": 4, "channels": 2, "encoder_dim": 6, "dim": 12, "depth": 1, "heads": 3}, 1),
    ({"image_size": (2, 6), "patch_size": 1, "channels": 1, "encoder_dim": 16, "dim": 8, "depth": 0, "heads": 1}, 3),
]


def random_decoder(student, rng, case, batch: int):
    """A student's decoder with random weights; the weights; latent, ids_restore, and the sorted order."""
    options, kept = case
    (height, width), p = options["image_size"], options["patch_size"]
    count = (height // p) * (width // p)
    decoder = student.build("MAEDecoder", **options)
    weights = in_float64(helpers.load_random_weights(decoder, rng, (1 + count, options["dim"])))
    latent = torch.randn(batch, 1 + kept, options["encoder_dim"], generator=rng)
    order = torch.stack([torch.randperm(count, generator=rng) for _ in range(batch)])
    ids_restore = torch.stack([torch.tensor([row.tolist().index(n) for n in range(count)]) for row in order])
    return decoder, weights, latent, ids_restore, order


def prediction_shape(case, batch: int) -> tuple[int, int, int]:
    (height, width), p = case[0]["image_size"], case[0]["patch_size"]
    return batch, (height // p) * (width // p), p * p * case[0]["channels"]


def predictions_of(decoder: Any, latent: Tensor, ids_restore: Tensor, case) -> Tensor:
    """What the decoder says about the patches, in float64."""
    return helpers.patch_rows(decoder(latent, ids_restore), prediction_shape(case, len(latent)))


@decoding(
    "is the sequence of the text: embed, mask tokens, unshuffle, positions, blocks, norm, predict",
    hint="Go through the sequence step by step: is each step there, once, in this place, and for each image?",
    broad=True,
    weight=6,
)
def test_decoder_agrees_with_the_sequence_written_out(student, rng):
    for case in DECODERS:
        decoder, weights, latent, ids_restore, order = random_decoder(student, rng, case, 3)
        options, kept = case
        tokens = latent.double() @ weights["embed.weight"].T + weights["embed.bias"]
        x = torch.empty(3, 1 + order.shape[1], options["dim"], dtype=torch.float64)
        for b in range(3):
            x[b, 0] = tokens[b, 0]
            for place, patch in enumerate(order[b].tolist()):
                x[b, 1 + patch] = tokens[b, 1 + place] if place < kept else weights["mask_token"][0, 0]
        x = through_blocks(x + weights["pos_embed"], weights, options["depth"], options["heads"])
        expected = (x @ weights["predict.weight"].T + weights["predict.bias"])[:, 1:]
        assert_same(
            decoder(latent, ids_restore),
            expected.float(),
            what="predictions against the sequence written out",
            atol=1e-4,
            any_float=True,
        )


@decoding(
    "every parameter and every latent learns",
    hint="Some weight gets no gradient. Is each layer used, and does anything cut the tie to what comes before it?",
    weight=2,
)
def test_decoder_gives_every_parameter_a_gradient(student, rng):
    decoder, weights, latent, ids_restore, _ = random_decoder(student, rng, DECODERS[0], 2)
    weight = torch.randn(prediction_shape(DECODERS[0], 2), generator=rng)
    gradients = student.vjp(decoder, [latent, ids_restore], weight, wrt="parameters")
    idle = [name for name in weights if name != "pos_embed" and not reaches(gradients.get(name))]
    assert not idle, f"no gradient reaches {', '.join(idle[:4])}"
    (gradient,) = student.vjp(decoder, [latent, ids_restore], weight, wrt=[0])
    gradient = expect_tensor(gradient, what="gradient of the predictions in the latent", shape=tuple(latent.shape))
    assert float(gradient.abs().amax(dim=-1).min()) > 0, "some latent gets no gradient"
    helpers.assert_gradients_fit(
        lambda latent: predictions_of(decoder, latent, ids_restore, DECODERS[0]).float(),
        latent,
        weight,
        gradient,
        rng,
        what="predictions",
    )


@decoding(
    "every image is unshuffled in its own way",
    hint="Each row of ids_restore belongs to one image. Whose do you use?",
    weight=2,
)
def test_decoder_unshuffles_every_image_in_its_own_way(student, rng):
    decoder, _, latent, ids_restore, _ = random_decoder(student, rng, DECODERS[0], 3)
    together = predictions_of(decoder, latent, ids_restore, DECODERS[0])
    for b in range(3):
        alone = predictions_of(decoder, latent[b : b + 1], ids_restore[b : b + 1], DECODERS[0])
        what = "predictions of an image alone against the same one in a batch"
        assert_same(alone, together[b : b + 1], what=what, atol=1e-5)


@decoding(
    "what a hidden patch gets depends on where it lies",
    hint="Row n of the positions belongs to patch n of the picture. What stands in row n when you add them?",
    weight=2,
)
def test_decoder_gives_hidden_patches_their_own_position(student, rng):
    case = DECODERS[3]
    decoder, weights, latent, ids_restore, order = random_decoder(student, rng, case, 1)
    before = predictions_of(decoder, latent, ids_restore, case)
    order = order[0].tolist()
    # A hidden patch that does not happen to stand at its own place.
    patch = next(patch for patch in order[case[1] :] if order[patch] != patch)
    positions = weights["pos_embed"].clone()
    positions[0, 1 + patch] += torch.randn(8, generator=rng)
    decoder.load(weights | {"pos_embed": positions})
    after = predictions_of(decoder, latent, ids_restore, case)
    moved = ((after - before).abs().amax(dim=-1)[0] > 1e-5).nonzero().flatten().tolist()
    assert moved == [patch], "another position for one hidden patch moved other predictions than its own"


@decoding(
    "leaves latent and ids_restore as they are",
    hint="Methods whose name ends in an underscore, and assignments into a slice, change what your caller holds.",
)
def test_decoder_leaves_its_inputs_as_they_are(student, rng):
    decoder, _, latent, ids_restore, _ = random_decoder(student, rng, DECODERS[0], 2)
    helpers.assert_depends(
        lambda latent: predictions_of(decoder, latent, ids_restore, DECODERS[0]),
        latent,
        latent.flip(2),
        what="predictions",
    )
    assert student.unchanged_inputs, "the decoder changed the latent or the ids_restore that it was given"


@decoding(
    "float64 in, float64 out",
    hint="Everything that you put beside the latents should be of their dtype. What do you make yourself?",
    weight=3,
)
def test_decoder_keeps_the_dtype(student, rng):
    case = DECODERS[0]
    decoder, _, latent, ids_restore, _ = random_decoder(student, rng, case, 2)
    single = expect_tensor(decoder(latent, ids_restore), what="predictions", dtype=torch.float32)
    decoder.double()
    other = latent.double()
    other[:, 1:] += 1e-13
    double, moved = (decoder(some, ids_restore) for some in (latent.double(), other))
    double = expect_tensor(double, what="predictions", dtype=torch.float64)
    moved = expect_tensor(moved, what="predictions", dtype=torch.float64)
    assert not torch.equal(double, moved), "latents that differ by 1e-13 say the same: somewhere they are float32"
    single, double = (helpers.patch_rows(part, prediction_shape(case, 2)) for part in (single, double))
    assert_same(double, single, what="predictions in float64 against float32", atol=1e-4)


@decoding(
    "works on any device",
    hint="Everything that you put beside the latents should live where they live. What do you make yourself?",
    weight=3,
)
def test_decoder_follows_device_and_dtype(student, rng):
    case = DECODERS[0]
    decoder, _, latent, ids_restore, _ = random_decoder(student, rng, case, 2)
    helpers.assert_depends(
        lambda latent: predictions_of(decoder, latent, ids_restore, case), latent, latent.flip(2), what="predictions"
    )
    result = decoder.meta()(latent.to("meta"), ids_restore.to("meta"))
    result = expect_tensor(result, what="predictions on another device", dtype="floating")
    assert result.is_meta, "the predictions are on another device than the latents"


# --- loss -------------------------------------------------------------------------------------------------------------

LOSSES = [((2, 3, 8, 12), 4), ((3, 1, 6, 4), 2), ((1, 2, 3, 9), 3)]
# For what has nothing to do with the shape of the image, nor with the order of channels.
SQUARE_LOSS = ((2, 1, 8, 8), 4)


def loss_inputs(rng, case) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Images, predictions, a mask that hides a different number in each image, and the images' patches."""
    (batch, channels, height, width), p = case
    images = torch.rand(batch, channels, height, width, generator=rng, dtype=torch.float64)
    count, length = (height // p) * (width // p), p * p * channels
    predictions = torch.randn(batch, count, length, generator=rng, dtype=torch.float64)
    mask = torch.zeros(batch, count, dtype=torch.float64)
    for b in range(batch):
        hidden = 1 + int(torch.randint(count - 1, (1,), generator=rng))
        mask[b, torch.randperm(count, generator=rng)[:hidden]] = 1
    return images, predictions, mask, cut(images, p)


def target_of(patch: list[float], normalize: bool) -> list[float]:
    """What the prediction of one patch is compared with."""
    if not normalize:
        return patch
    mean = sum(patch) / len(patch)
    variance = sum((x - mean) ** 2 for x in patch) / (len(patch) - 1)
    return [(x - mean) / (variance + 1e-6) ** 0.5 for x in patch]


def loss_by_loop(predictions: Tensor, patches: Tensor, mask: Tensor, normalize: bool) -> Tensor:
    """The loss, patch by patch and number by number."""
    errors = []
    for b, n in mask.nonzero().tolist():
        target = target_of(patches[b, n].tolist(), normalize)
        guess = predictions[b, n].tolist()
        errors.append(sum((g - t) ** 2 for g, t in zip(guess, target, strict=True)) / len(target))
    return torch.tensor(sum(errors) / len(errors), dtype=torch.float64)


@masked_loss(
    "normalised targets: the formula, in float64",
    hint="Mean and deviation of what, over which numbers, and which of the two sides is normalised?",
    broad=True,
    weight=7,
)
def test_loss_agrees_with_the_formula(student, rng):
    for case in LOSSES:
        images, predictions, mask, patches = loss_inputs(rng, case)
        loss = helpers.loss_value(student.mae_loss(images, predictions, mask, case[1]))
        assert_same(loss, loss_by_loop(predictions, patches, mask, True), what="loss against the formula", atol=2e-6)


@masked_loss(
    "plain targets: the pixels themselves",
    hint="With normalize_targets=False nothing is subtracted and nothing divided, on either side.",
    broad=True,
    weight=3,
)
def test_loss_of_plain_targets_agrees_with_the_formula(student, rng):
    for case in LOSSES:
        images, predictions, mask, patches = loss_inputs(rng, case)
        loss = helpers.loss_value(student.mae_loss(images, predictions, mask, case[1], normalize_targets=False))
        assert_same(loss, loss_by_loop(predictions, patches, mask, False), what="loss with plain targets", atol=2e-6)


@masked_loss(
    "its gradient points where the formula's does",
    hint="The right value with another gradient: what in your loss is treated as a constant, and what is not?",
    broad=True,
    weight=3,
)
def test_loss_has_the_gradient_of_the_formula(student, rng):
    images, predictions, mask, patches = loss_inputs(rng, SQUARE_LOSS)
    (gradient,) = student.vjp("mae_loss", [images, predictions, mask, 4], wrt=[1])
    assert gradient is not None, "the loss has no gradient in the predictions"
    shape = tuple(predictions.shape)
    gradient = expect_tensor(gradient, what="gradient of the loss in the predictions", shape=shape).double()
    expected = torch.zeros_like(predictions)
    for b, n in mask.nonzero().tolist():
        expected[b, n] = predictions[b, n] - torch.tensor(target_of(patches[b, n].tolist(), True)).double()
    assert float(gradient.norm()) > 0, "the gradient of the loss is 0"
    # How large the loss is, is another test's business.
    what = "gradient of the loss in the predictions, brought to length 1"
    assert_same(gradient / gradient.norm(), expected / expected.norm(), what=what, atol=1e-6)


@masked_loss(
    "holds for one removed patch and for all but one",
    hint="How many patches does your mean run over when a single one is hidden in the whole batch?",
    weight=3,
)
def test_loss_of_one_and_of_all_patches(student, rng):
    images, predictions, mask, patches = loss_inputs(rng, SQUARE_LOSS)
    one = torch.zeros_like(mask)
    one[1, 2] = 1
    # Every prediction is off by 1, so that it does not matter how the error of a patch is measured.
    for some in (one, 1 - one):
        loss = helpers.loss_value(student.mae_loss(images, patches + 1, some, 4, False))
        expected = torch.tensor(1.0, dtype=torch.float64)
        assert_same(loss, expected, what=f"loss of being off by 1, {int(some.sum())} removed patches", atol=2e-6)
        right = helpers.loss_value(student.mae_loss(images, patches, some, 4, False))
        assert_same(right, torch.zeros((), dtype=torch.float64), what="loss of being right", atol=2e-6)


@masked_loss(
    "faint contrast counts as much as strong",
    hint="What do you add to the variance, and is it inside the root? A patch may vary by a thousandth.",
    weight=4,
)
def test_loss_of_a_faint_patch(student):
    # Two numbers a and -a have the unbiased variance 2 a^2 = 1e-6 each; four equal patches, one of them removed.
    images = 1e-3 * torch.tensor([[0.5, -0.5], [0.5, -0.5]], dtype=torch.float64).repeat(2, 2).reshape(1, 1, 4, 4)
    variance = 4 * 0.5e-3**2 / 3
    mask = torch.tensor([[1.0, 0.0, 0.0, 0.0]], dtype=torch.float64)
    # How large an error counts is another test's business: this one asks what is no error, and that others are.
    target = (images[0, 0, :2, :2] / (variance + 1e-6) ** 0.5).reshape(1, 1, 4).expand(1, 4, 4).contiguous()
    what = "loss of predicting its target for a patch that varies by a thousandth"
    right = helpers.loss_value(student.mae_loss(images, target, mask, 2))
    assert_same(right, torch.zeros((), dtype=torch.float64), what=what, atol=1e-6)
    wrong = helpers.loss_value(student.mae_loss(images, torch.zeros_like(target), mask, 2))
    assert float(wrong) > 0.01, "predicting 0 for a patch that varies by a thousandth costs nothing"


@masked_loss(
    "float64 in, float64 out",
    hint="float32 knows seven digits. Where in your loss could numbers turn into others?",
    weight=3,
)
def test_loss_keeps_the_dtype(student, rng):
    images, _, mask, patches = loss_inputs(rng, SQUARE_LOSS)
    loss = student.mae_loss(images.float(), patches.float() + 1, mask.float(), 4, False)
    expect_tensor(loss, what="loss in float32", dtype=torch.float32)
    once, twice = (student.mae_loss(images, patches + gap, mask, 4, False) for gap in (1e-10, 2e-10))
    once, twice = (
        helpers.loss_value(expect_tensor(loss, what="loss in float64", dtype=torch.float64)) for loss in (once, twice)
    )
    assert float(once) > 0, "being off by 1e-10 costs nothing: somewhere the numbers are float32"
    # Twice the error costs four times as much; that it is squared is another test's business.
    ratio = float(twice / once)
    near = min(abs(ratio - 2), abs(ratio - 4))
    assert near < 1e-3, f"being off by 2e-10 costs {ratio:.3g} times as much as by 1e-10: is something float32?"


@masked_loss(
    "leaves images, predictions and mask as they are",
    hint="Normalising or masking in place changes what your caller holds.",
    weight=2,
)
def test_loss_leaves_its_inputs_as_they_are(student, rng):
    for case, normalize in [(SQUARE_LOSS, True), (SQUARE_LOSS, False), (((2, 1, 2, 2), 1), False)]:
        images, predictions, mask, _ = loss_inputs(rng, case)
        student.mae_loss(images, predictions, mask, case[1], normalize)
        assert student.unchanged_inputs, "mae_loss changed something that it was given"
        if case == SQUARE_LOSS:
            helpers.assert_loss_depends(student, images, predictions, mask, case[1], normalize)
