# kit-canary-60b09308d7aff85cc5f7d1b7: not to be published
"""Hidden tests of the masked autoencoder: other sizes, random inputs, gradients, and every formula written out."""

from typing import Any

import torch
from torch import Tensor, nn

from kit import assert_raises, assert_same, exercise, expect_tensor, expect_tuple
from ps3.networks.transformer import Block

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
    weight=2,
)
def test_patchify_agrees_with_a_slow_loop(student, rng):
    for size in SIZES:
        *shape, p = size
        images = torch.rand(shape, generator=rng)
        assert_same(student.patchify(images, p), cut(images, p), what=f"patchify on {tuple(shape)}, patch size {p}")


@patchify(
    "looks at height and width one by one",
    hint="That the number of pixels fits is not enough: 2 x 8 pixels hold no 4 x 4 patch.",
)
def test_patchify_looks_at_height_and_width_one_by_one(student, rng):
    image = torch.rand(1, 1, 4, 8, generator=rng)
    assert_same(student.patchify(image, 4), cut(image, 4), what="patchify on 4x8 with patches of 4")
    for height, width in [(2, 8), (8, 2), (5, 4), (4, 5)]:
        image = torch.rand(1, 2, height, width, generator=rng)
        assert_raises(ValueError, lambda image=image: student.patchify(image, 4), what=f"patchify({height}x{width}, 4)")


@patchify(
    "leaves the images as they are",
    hint="Methods whose name ends in an underscore, and assignments into a slice, change what your caller holds.",
)
def test_patchify_leaves_the_images_as_they_are(student, rng):
    images = torch.rand(2, 3, 4, 6, generator=rng)
    expect_tensor(student.patchify(images, 2), what="patchify", shape=(2, 6, 12))
    assert student.unchanged_inputs, "patchify changed the images that it was given"


@patchify(
    "works on any device and in float64",
    hint="Your answer should live where the images live. Do you make a tensor of your own, or leave torch?",
)
def test_patchify_follows_device_and_dtype(student, rng):
    images = torch.rand(2, 3, 4, 6, generator=rng, dtype=torch.float64)
    assert_same(student.patchify(images, 2), cut(images, 2), what="patchify in float64")
    tokens = expect_tensor(student.patchify(images.to("meta"), 2), what="patchify on another device", shape=(2, 6, 12))
    assert tokens.is_meta, "the images were on another device than the patches"


# --- unpatchify -------------------------------------------------------------------------------------------------------


@unpatchify(
    "puts every number in its place, whatever the sizes",
    hint="Patch size, channels, height and width all vary here. Which of them did you take to be fixed, or equal?",
    weight=2,
)
def test_unpatchify_agrees_with_a_slow_loop(student, rng):
    for size in SIZES:
        *shape, p = size
        images = torch.rand(shape, generator=rng)
        result = student.unpatchify(cut(images, p), p, (shape[2], shape[3]))
        assert_same(result, images, what=f"unpatchify to {tuple(shape)}, patch size {p}")


@unpatchify(
    "refuses an image size that patches cannot fill",
    hint="Four patches of 4 fill 8x8, and no other size. Does your function look at every size that it is told?",
)
def test_unpatchify_refuses_sizes_that_patches_cannot_fill(student, rng):
    patches = torch.rand(2, 4, 16, generator=rng)
    expect_tensor(student.unpatchify(patches, 4, (8, 8)), what="unpatchify to 8x8", shape=(2, 1, 8, 8))
    expect_tensor(student.unpatchify(patches, 4, (4, 16)), what="unpatchify to 4x16", shape=(2, 1, 4, 16))
    for size in [(9, 8), (8, 10), (8, 12), (4, 8), (2, 32)]:
        assert_raises(
            ValueError, lambda size=size: student.unpatchify(patches, 4, size), what=f"4 patches of 4 to {size}"
        )
    with_channels = torch.rand(2, 4, 18, generator=rng)
    assert_raises(ValueError, lambda: student.unpatchify(with_channels, 4, (8, 8)), what="18 numbers in a 4x4 patch")


@unpatchify(
    "lets gradients through",
    hint="A loss on the image should reach the patches. Does your function copy numbers, or only move them?",
)
def test_unpatchify_lets_gradients_through(student, rng):
    patches, weight = torch.rand(2, 6, 12, generator=rng), torch.rand(2, 3, 4, 6, generator=rng)
    (gradient,) = student.vjp("unpatchify", [patches, 2, (4, 6)], weight, wrt=[0])
    assert gradient is not None, "no gradient reaches the patches"
    assert_same(gradient, cut(weight, 2), what="gradient of unpatchify")


@unpatchify(
    "leaves the patches as they are",
    hint="Methods whose name ends in an underscore, and assignments into a slice, change what your caller holds.",
)
def test_unpatchify_leaves_the_patches_as_they_are(student, rng):
    result = student.unpatchify(torch.rand(2, 6, 12, generator=rng), 2, (4, 6))
    expect_tensor(result, what="unpatchify", shape=(2, 3, 4, 6))
    assert student.unchanged_inputs, "unpatchify changed the patches that it was given"


@unpatchify(
    "works on any device and in float64",
    hint="The image should live where the patches live, in their dtype. What kind of tensor do you make for it?",
)
def test_unpatchify_follows_device_and_dtype(student, rng):
    images = torch.rand(2, 3, 4, 6, generator=rng, dtype=torch.float64)
    patches = cut(images, 2)
    assert_same(student.unpatchify(patches, 2, (4, 6)), images, what="unpatchify in float64")
    result = student.unpatchify(patches.to("meta"), 2, (4, 6))
    assert expect_tensor(result, what="unpatchify on another device", shape=(2, 3, 4, 6)).is_meta, (
        "the patches were on another device than the image"
    )


# --- random masking ---------------------------------------------------------------------------------------------------

DRAWS = [(3, 16, 5, 0.75), (2, 15, 1, 0.0), (4, 24, 3, 0.5), (2, 8, 4, 0.25), (1, 8, 2, 0.875)]


def masking(student, *arguments: Any) -> tuple[Tensor, Tensor, Tensor]:
    """The student's random_masking, its three results checked for what everything else relies on."""
    tokens, ratio = arguments[:2]
    batch, count, width = tokens.shape
    kept = round(count * (1 - ratio))
    visible, mask, ids_restore = expect_tuple(student.random_masking(*arguments), 3, what="random_masking")
    return (
        expect_tensor(visible, what="visible", shape=(batch, kept, width), dtype=tokens.dtype),
        expect_tensor(mask, what="mask", shape=(batch, count), dtype="floating"),
        expect_tensor(ids_restore, what="ids_restore", shape=(batch, count), dtype=torch.int64),
    )


def sorted_by_noise(noise: Tensor) -> list[list[int]]:
    """For each image its tokens, smallest noise first."""
    return [sorted(range(len(row)), key=row.__getitem__) for row in noise.tolist()]


@random_masking(
    "keeps the tokens of the smallest noise, image by image",
    hint="Each row of noise belongs to one image. Do you sort along the tokens, and take each image's own?",
    weight=2,
)
def test_masking_takes_the_right_tokens(student, rng):
    for draw in DRAWS:
        batch, count, width, ratio = draw
        tokens = torch.rand(batch, count, width, generator=rng)
        noise = torch.rand(batch, count, generator=rng)
        visible, _, _ = masking(student, tokens, ratio, noise)
        kept = visible.shape[1]
        expected = torch.stack(
            [image[order[:kept]] for image, order in zip(tokens, sorted_by_noise(noise), strict=True)]
        )
        assert_same(visible, expected, what=f"visible tokens at ratio {ratio}")


@random_masking(
    "the mask is about the tokens in their own order",
    hint="Which tokens are missing from your visible ones? Those, and only those, should say 1.",
)
def test_masking_marks_what_is_missing(student, rng):
    for draw in DRAWS:
        batch, count, width, ratio = draw
        noise = torch.rand(batch, count, generator=rng)
        visible, mask, _ = masking(student, torch.rand(batch, count, width, generator=rng), ratio, noise)
        expected = torch.ones(batch, count)
        for row, order in zip(expected, sorted_by_noise(noise), strict=True):
            row[order[: visible.shape[1]]] = 0
        assert_same(mask, expected, what=f"mask at ratio {ratio}", any_float=True)


@random_masking(
    "ids_restore is the inverse of the sorting",
    hint="'Who stands at place i?' and 'where did token n go?' are different questions. Which one does yours answer?",
    weight=2,
)
def test_masking_restore_is_the_inverse_of_the_sorting(student, rng):
    for draw in DRAWS:
        batch, count, width, ratio = draw
        noise = torch.rand(batch, count, generator=rng)
        _, _, ids_restore = masking(student, torch.rand(batch, count, width, generator=rng), ratio, noise)
        expected = torch.tensor([[order.index(n) for n in range(count)] for order in sorted_by_noise(noise)])
        assert_same(ids_restore, expected, what=f"ids_restore at ratio {ratio}")


@random_masking(
    "its three answers agree when it draws for itself",
    hint="Fill the hidden places with zeros, gather with ids_restore: the visible tokens should be home again.",
    weight=2,
)
def test_masking_rebuilds_the_input(student, rng):
    tokens = torch.rand(4, 12, 3, generator=rng)
    visible, mask, ids_restore = masking(student, tokens, 0.75)
    assert sorted(ids_restore[0].tolist()) == list(range(12)), "a row of ids_restore is not a permutation"
    assert 0 <= int(ids_restore.min()) and int(ids_restore.max()) < 12, "ids_restore leaves the range of the tokens"
    filled = torch.cat([visible, torch.zeros(4, 9, 3)], dim=1)
    home = filled.gather(1, ids_restore.unsqueeze(-1).expand(-1, -1, 3))
    assert_same(home, tokens * (1 - mask.float()).unsqueeze(-1), what="visible tokens sent home with ids_restore")
    assert_same(mask.sum(dim=1).float(), torch.full((4,), 9.0), what="number of removed tokens of each image")


@random_masking(
    "every choice of tokens is possible, and equally likely",
    hint="A block of neighbours is a choice too, but a rare one. Can your draw reach any set of K tokens?",
)
def test_masking_draws_every_set_of_tokens(student):
    _, mask, _ = masking(student, torch.zeros(2000, 8, 1), 0.5)
    share = mask.float().mean(dim=0)
    uneven = float((share - 0.5).abs().max())
    assert uneven < 0.08, f"one of 8 tokens is off its share of one half by {uneven:.2f}, over 2,000 images"
    sets = len({tuple(row) for row in mask.tolist()})
    assert sets >= 60, f"2,000 images use {sets} of the 70 possible masks"


@random_masking(
    "leaves tokens and noise as they are", hint="Sorting or marking in place changes what your caller holds."
)
def test_masking_leaves_its_inputs_as_they_are(student, rng):
    masking(student, torch.rand(2, 8, 3, generator=rng), 0.5, torch.rand(2, 8, generator=rng))
    assert student.unchanged_inputs, "random_masking changed the tokens or the noise that it was given"


@random_masking(
    "gradients reach the tokens that were kept, and only those",
    hint="The encoder learns through the visible tokens. Is yours the token, or a copy that forgot it?",
    weight=2,
)
def test_masking_lets_gradients_through(student, rng):
    tokens, noise = torch.rand(2, 8, 3, generator=rng), torch.rand(2, 8, generator=rng)
    weight = torch.rand(2, 4, 3, generator=rng)
    (gradient,) = student.vjp("random_masking", [tokens, 0.5, noise], (weight, None, None), wrt=[0])
    assert gradient is not None, "no gradient reaches the tokens"
    expected = torch.zeros(2, 8, 3)
    for row, order, part in zip(expected, sorted_by_noise(noise), weight, strict=True):
        row[order[:4]] = part
    assert_same(gradient, expected, what="gradient of the visible tokens")


@random_masking("follows the tokens' device and dtype", hint="On which device do you draw the noise?")
def test_masking_follows_device_and_dtype(student, rng):
    tokens = torch.rand(2, 8, 3, generator=rng, dtype=torch.float64)
    masking(student, tokens, 0.5)
    try:
        result = masking(student, tokens.to("meta"), 0.5)
    except RuntimeError as error:
        # Code that reads single numbers is slow on a GPU but works there; only this stand-in has no numbers to read.
        if "meta" in str(error) and ("item()" in str(error) or "no data" in str(error)):
            return
        raise
    assert all(part.is_meta for part in result), "some of the three results live on another device than the tokens"


# --- encoder ----------------------------------------------------------------------------------------------------------

ENCODERS = [
    {"image_size": (8, 12), "patch_size": 2, "channels": 3, "dim": 16, "depth": 2, "heads": 4},
    {"image_size": (6, 3), "patch_size": 3, "channels": 1, "dim": 8, "depth": 1, "heads": 2},
    {"image_size": (4, 16), "patch_size": 4, "channels": 5, "dim": 12, "depth": 0, "heads": 1},
]


def random_weights(module, rng, positions: tuple[int, int]) -> dict[str, Tensor]:
    """Load random weights, positions (1 + N, D) included, into a student's module; return them in float64."""
    shapes = {name: value.shape for name, value in module.state().parameters.items()} | {"pos_embed": (1, *positions)}
    weights = {name: 0.4 * torch.randn(shape, generator=rng) for name, shape in shapes.items()}
    module.load(weights)
    return {name: weight.double() for name, weight in weights.items()}


def random_encoder(student, rng, options) -> tuple[Any, dict[str, Tensor], int]:
    """A student's encoder with random weights; the weights; the number of patches."""
    (height, width), p = options["image_size"], options["patch_size"]
    encoder = student.build("MAEEncoder", **options)
    count = (height // p) * (width // p)
    return encoder, random_weights(encoder, rng, (1 + count, options["dim"])), count


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
    weight=2,
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
        assert_same(result[0], expected.float(), what="latent against the sequence written out", atol=1e-4)


@encoding(
    "features: the same sequence with nothing masked, then the mean over patches",
    hint="When is the mean taken, before or after the norm, and over which of the 1 + N tokens?",
    weight=2,
)
def test_encoder_features_agree_with_the_sequence_written_out(student, rng):
    for options in ENCODERS:
        encoder, weights, _ = random_encoder(student, rng, options)
        images = random_images(options, 3, rng)
        tokens = with_class_token(embedded(images, weights, options), weights)
        expected = through_blocks(tokens, weights, options["depth"], options["heads"])[:, 1:].mean(dim=1)
        assert_same(encoder.call("features", images), expected.float(), what="features against the sequence", atol=1e-4)


@encoding(
    "every parameter learns",
    hint="Some weight gets no gradient. Which step cuts the tie between the loss and what comes before it?",
)
def test_encoder_gives_every_parameter_a_gradient(student, rng):
    options = ENCODERS[0]
    encoder, _, count = random_encoder(student, rng, options)
    images, noise = random_images(options, 2, rng), torch.rand(2, count, generator=rng)
    latent_weight = torch.randn(2, 1 + count // 2, 16, generator=rng)
    keywords = {"mask_ratio": 0.5, "noise": noise}
    by_latent = student.vjp(encoder, [images], (latent_weight, None, None), wrt="parameters", kwargs=keywords)
    feature_weight = torch.randn(2, 16, generator=rng)
    by_features = student.vjp(encoder.method("features"), [images], feature_weight, wrt="parameters")
    for what, gradients in [("latent", by_latent), ("features", by_features)]:
        idle = [name for name, gradient in gradients.items() if gradient is None or not gradient.abs().max() > 0]
        assert not idle, f"no gradient reaches {', '.join(idle[:4])} from the {what}"


@encoding(
    "images of a batch do not meet",
    hint="An image alone and in a batch should give the same numbers. Where do yours look at their neighbours?",
)
def test_encoder_keeps_the_images_of_a_batch_apart(student, rng):
    options = ENCODERS[0]
    encoder, _, count = random_encoder(student, rng, options)
    images, noise = random_images(options, 3, rng), torch.rand(3, count, generator=rng)
    together = expect_tuple(encoder(images, mask_ratio=0.5, noise=noise), 3, what="encoder")[0]
    together = expect_tensor(together, what="latent", dtype=torch.float32)
    assert together.dim() == 3 and len(together) == 3, f"latent of 3 images has shape {tuple(together.shape)}"
    alone = expect_tuple(encoder(images[1:2], mask_ratio=0.5, noise=noise[1:2]), 3, what="encoder")[0]
    assert_same(alone, together[1:2], what="latent of an image alone against the same image in a batch")
    features = expect_tensor(encoder.call("features", images), what="features", shape=(3, 16), dtype=torch.float32)
    assert_same(encoder.call("features", images[1:2]), features[1:2], what="features of an image alone")


@encoding(
    "hides three quarters unless told otherwise, and other ones every time",
    hint="mask_ratio and noise have defaults. What happens to them on the way to random_masking?",
)
def test_encoder_masks_anew_by_default(student, rng):
    options = ENCODERS[0]
    encoder, _, _ = random_encoder(student, rng, options)
    images = random_images(options, 4, rng)
    masks = []
    for _ in range(2):
        latent, mask, _ = expect_tuple(encoder(images), 3, what="encoder(images)")
        expect_tensor(latent, what="latent", shape=(4, 1 + 6, 16), dtype=torch.float32)
        masks.append(expect_tensor(mask, what="mask", shape=(4, 24)))
    assert not torch.equal(masks[0], masks[1]), "two calls without noise hide the same patches"


@encoding(
    "refuses any image that is not channels x image_size",
    hint="Channels, height and width: an image can be wrong in each. Which of them could slip through?",
)
def test_encoder_refuses_what_does_not_fit(student, rng):
    options = ENCODERS[0] | {"patch_size": 4, "depth": 1}
    encoder, _, _ = random_encoder(student, rng, options)
    images = random_images(options, 1, rng)
    expect_tuple(encoder(images, 0.5), 3, what="encoder on a fitting image")
    expect_tensor(encoder.call("features", images), what="features of a fitting image", shape=(1, 16))
    for shape in [(1, 3, 12, 8), (1, 3, 16, 12), (1, 1, 8, 12), (1, 12, 4, 6), (1, 3, 9, 12)]:
        wrong = torch.zeros(shape)
        assert_raises(ValueError, lambda wrong=wrong: encoder(wrong, 0.5), what=f"encoder on {shape[1:]}")
        what = f"features of {shape[1:]}"
        assert_raises(ValueError, lambda wrong=wrong: encoder.call("features", wrong), what=what)


@encoding(
    "leaves the images as they are",
    hint="Methods whose name ends in an underscore, and assignments into a slice, change what your caller holds.",
)
def test_encoder_leaves_the_images_as_they_are(student, rng):
    options = ENCODERS[0]
    encoder, _, count = random_encoder(student, rng, options)
    images = random_images(options, 2, rng)
    encoder.call("features", images)
    assert student.unchanged_inputs, "features changed the images that it was given"
    encoder(images, mask_ratio=0.5, noise=torch.rand(2, count, generator=rng))
    assert student.unchanged_inputs, "the encoder changed the images or the noise that it was given"


@encoding(
    "works on any device and in float64",
    hint="Everything that you put beside the tokens should live where the images live, in their dtype.",
)
def test_encoder_follows_device_and_dtype(student, rng):
    options = ENCODERS[0]
    encoder, _, count = random_encoder(student, rng, options)
    images, noise = random_images(options, 2, rng), torch.rand(2, count, generator=rng)
    single = expect_tuple(encoder(images, mask_ratio=0.5, noise=noise), 3, what="encoder")[0]
    single = expect_tensor(single, what="latent", dtype=torch.float32)
    encoder.double()
    double = expect_tuple(encoder(images.double(), mask_ratio=0.5, noise=noise.double()), 3, what="encoder")[0]
    assert_same(double, single.double(), what="latent in float64 against float32", atol=1e-4)
    features = encoder.meta().call("features", images.double().to("meta"))
    features = expect_tensor(features, what="features on another device", shape=(2, 16), dtype=torch.float64)
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
    weights = random_weights(decoder, rng, (1 + count, options["dim"]))
    latent = torch.randn(batch, 1 + kept, options["encoder_dim"], generator=rng)
    order = torch.stack([torch.randperm(count, generator=rng) for _ in range(batch)])
    ids_restore = torch.stack([torch.tensor([row.tolist().index(n) for n in range(count)]) for row in order])
    return decoder, weights, latent, ids_restore, order


def prediction_shape(case, batch: int) -> tuple[int, int, int]:
    (height, width), p = case[0]["image_size"], case[0]["patch_size"]
    return batch, (height // p) * (width // p), p * p * case[0]["channels"]


@decoding(
    "is the sequence of the text: embed, mask tokens, unshuffle, positions, blocks, norm, predict",
    hint="Go through the sequence step by step: is each step there, once, in this place, and for each image?",
    weight=2,
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
        )


@decoding(
    "every parameter and every latent learns",
    hint="Some weight gets no gradient. Is each layer used, and does anything cut the tie to what comes before it?",
)
def test_decoder_gives_every_parameter_a_gradient(student, rng):
    decoder, _, latent, ids_restore, _ = random_decoder(student, rng, DECODERS[0], 2)
    weight = torch.randn(prediction_shape(DECODERS[0], 2), generator=rng)
    gradients = student.vjp(decoder, [latent, ids_restore], weight, wrt="parameters")
    idle = [name for name, gradient in gradients.items() if gradient is None or not gradient.abs().max() > 0]
    assert not idle, f"no gradient reaches {', '.join(idle[:4])}"
    (gradient,) = student.vjp(decoder, [latent, ids_restore], weight, wrt=[0])
    gradient = expect_tensor(gradient, what="gradient of the predictions in the latent", shape=tuple(latent.shape))
    assert float(gradient.abs().amax(dim=-1).min()) > 0, "some latent gets no gradient"


@decoding(
    "every image is unshuffled in its own way", hint="Each row of ids_restore belongs to one image. Whose do you use?"
)
def test_decoder_unshuffles_every_image_in_its_own_way(student, rng):
    decoder, _, latent, ids_restore, _ = random_decoder(student, rng, DECODERS[0], 3)
    together = decoder(latent, ids_restore)
    shape = prediction_shape(DECODERS[0], 3)
    together = expect_tensor(together, what="predictions", shape=shape, dtype=torch.float32)
    for b in range(3):
        alone = decoder(latent[b : b + 1], ids_restore[b : b + 1])
        assert_same(alone, together[b : b + 1], what="predictions of an image alone against the same one in a batch")


@decoding(
    "what a hidden patch gets depends on where it lies",
    hint="Row n of the positions belongs to patch n of the picture. What stands in row n when you add them?",
)
def test_decoder_gives_hidden_patches_their_own_position(student, rng):
    decoder, weights, latent, ids_restore, order = random_decoder(student, rng, DECODERS[3], 1)
    shape = prediction_shape(DECODERS[3], 1)
    before = expect_tensor(decoder(latent, ids_restore), what="predictions", shape=shape, dtype=torch.float32)
    patch = int(order[0, -1])
    positions = weights["pos_embed"].clone()
    positions[0, 1 + patch] += torch.randn(8, generator=rng)
    decoder.load(weights | {"pos_embed": positions})
    after = expect_tensor(decoder(latent, ids_restore), what="predictions", shape=shape, dtype=torch.float32)
    moved = ((after - before).abs().amax(dim=-1)[0] > 1e-5).nonzero().flatten().tolist()
    assert moved == [patch], "another position for one hidden patch moved other predictions than its own"


@decoding(
    "leaves latent and ids_restore as they are",
    hint="Methods whose name ends in an underscore, and assignments into a slice, change what your caller holds.",
)
def test_decoder_leaves_its_inputs_as_they_are(student, rng):
    for case in DECODERS[:2]:
        decoder, _, latent, ids_restore, _ = random_decoder(student, rng, case, 2)
        decoder(latent, ids_restore)
        assert student.unchanged_inputs, "the decoder changed the latent or the ids_restore that it was given"


@decoding(
    "works on any device and in float64",
    hint="Everything that you put beside the latents should live where they live, in their dtype.",
)
def test_decoder_follows_device_and_dtype(student, rng):
    decoder, _, latent, ids_restore, _ = random_decoder(student, rng, DECODERS[0], 2)
    shape = prediction_shape(DECODERS[0], 2)
    single = expect_tensor(decoder(latent, ids_restore), what="predictions", shape=shape, dtype=torch.float32)
    decoder.double()
    double = decoder(latent.double(), ids_restore)
    assert_same(double, single.double(), what="predictions in float64 against float32", atol=1e-4)
    result = decoder.meta()(latent.double().to("meta"), ids_restore.to("meta"))
    result = expect_tensor(result, what="predictions on another device", shape=shape, dtype=torch.float64)
    assert result.is_meta, "the predictions are on another device than the latents"


# --- loss -------------------------------------------------------------------------------------------------------------

LOSSES = [((2, 3, 8, 12), 4), ((3, 1, 6, 4), 2), ((1, 2, 3, 9), 3)]


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
    weight=2,
)
def test_loss_agrees_with_the_formula(student, rng):
    for case in LOSSES:
        images, predictions, mask, patches = loss_inputs(rng, case)
        loss = student.mae_loss(images, predictions, mask, case[1])
        assert_same(loss, loss_by_loop(predictions, patches, mask, True), what="loss against the formula", atol=2e-6)


@masked_loss(
    "plain targets: the pixels themselves",
    hint="With normalize_targets=False nothing is subtracted and nothing divided, on either side.",
)
def test_loss_of_plain_targets_agrees_with_the_formula(student, rng):
    for case in LOSSES:
        images, predictions, mask, patches = loss_inputs(rng, case)
        loss = student.mae_loss(images, predictions, mask, case[1], normalize_targets=False)
        assert_same(loss, loss_by_loop(predictions, patches, mask, False), what="loss with plain targets", atol=2e-6)


@masked_loss(
    "its gradient is that of the formula",
    hint="The right value with another gradient: what in your loss is treated as a constant, and what is not?",
)
def test_loss_has_the_gradient_of_the_formula(student, rng):
    images, predictions, mask, patches = loss_inputs(rng, LOSSES[0])
    (gradient,) = student.vjp("mae_loss", [images, predictions, mask, 4], wrt=[1])
    assert gradient is not None, "the loss has no gradient in the predictions"
    expected = torch.zeros_like(predictions)
    for b, n in mask.nonzero().tolist():
        target = torch.tensor(target_of(patches[b, n].tolist(), True), dtype=torch.float64)
        expected[b, n] = 2 * (predictions[b, n] - target) / (predictions.shape[2] * mask.sum())
    assert_same(gradient, expected, what="gradient of the loss in the predictions", atol=2e-6)


@masked_loss(
    "targets are constants",
    hint="Nothing should be learned by changing the picture. Where could a gradient flow back into it?",
)
def test_loss_has_no_gradient_in_the_images(student, rng):
    images, predictions, mask, _ = loss_inputs(rng, LOSSES[1])
    by_images, by_predictions = student.vjp("mae_loss", [images, predictions, mask, 2], wrt=[0, 1])
    assert by_predictions is not None, "the loss has no gradient in the predictions"
    assert by_images is None or not by_images.any(), "a gradient of the loss reaches the images"


@masked_loss(
    "holds for one removed patch and for all",
    hint="How many patches does your mean run over when a single one is hidden in the whole batch?",
)
def test_loss_of_one_and_of_all_patches(student, rng):
    images, predictions, mask, patches = loss_inputs(rng, LOSSES[0])
    one = torch.zeros_like(mask)
    one[1, 2] = 1
    for some in (one, torch.ones_like(mask)):
        expected = loss_by_loop(predictions, patches, some, True)
        loss = student.mae_loss(images, predictions, some, 4)
        assert_same(loss, expected, what=f"loss with {int(some.sum())} removed patches", atol=2e-6)


@masked_loss(
    "leaves images, predictions and mask as they are",
    hint="Normalising or masking in place changes what your caller holds.",
)
def test_loss_leaves_its_inputs_as_they_are(student, rng):
    for case, normalize in [(LOSSES[0], True), (LOSSES[0], False), (((2, 1, 1, 4), 1), False)]:
        images, predictions, mask, _ = loss_inputs(rng, case)
        student.mae_loss(images, predictions, mask, case[1], normalize)
        assert student.unchanged_inputs, "mae_loss changed something that it was given"
