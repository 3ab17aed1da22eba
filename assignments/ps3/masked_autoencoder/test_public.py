"""Public checks of the masked autoencoder: small cases that can be followed by hand."""

import torch

from kit import assert_raises, assert_same, exercise, expect_tensor, expect_tuple

patchify = exercise("mae-patchify")
unpatchify = exercise("mae-unpatchify")
random_masking = exercise("mae-random-masking")
encoding = exercise("mae-encoder")
decoding = exercise("mae-decoder")
masked_loss = exercise("mae-loss")

# --- patchify ---------------------------------------------------------------------------------------------------------


@patchify(
    "takes patches left to right, then down",
    hint="Is token 1 the patch to the right of token 0, or the patch below it?",
)
def test_patchify_takes_patches_left_to_right_then_down(student):
    # Patch n of this 6x4 image is a square full of n, so only the order of the patches shows.
    grid = torch.tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    image = grid.repeat_interleave(2, 0).repeat_interleave(2, 1).reshape(1, 1, 6, 4)
    expected = torch.arange(6.0).reshape(1, 6, 1).expand(1, 6, 4)
    assert_same(student.patchify(image, 2), expected, what="patchify on a 6x4 image whose patch n is full of n")


@patchify(
    "reads each patch row by row",
    hint="Inside a patch, which changes first from one number to the next: the row or the column?",
)
def test_patchify_reads_each_patch_row_by_row(student):
    image = torch.arange(9.0).reshape(1, 1, 3, 3)
    assert_same(student.patchify(image, 3), image.reshape(1, 1, 9), what="patchify on one 3x3 patch of 0 to 8")


@patchify(
    "channels stay together inside a patch",
    hint="Which of row, column and channel varies fastest inside a patch?",
    weight=2,
)
def test_patchify_keeps_channels_together_inside_a_patch(student):
    image = torch.tensor([[[0.0, 1.0], [2.0, 3.0]], [[10.0, 11.0], [12.0, 13.0]], [[20.0, 21.0], [22.0, 23.0]]])
    expected = torch.tensor([[[0.0, 10.0, 20.0, 1.0, 11.0, 21.0, 2.0, 12.0, 22.0, 3.0, 13.0, 23.0]]])
    assert_same(student.patchify(image.unsqueeze(0), 2), expected, what="patchify on a 2x2 image with 3 channels")


@patchify("keeps the images of a batch apart", hint="Do all numbers of one image end in the same row of the answer?")
def test_patchify_keeps_the_images_of_a_batch_apart(student):
    images = torch.arange(3.0).reshape(3, 1, 1, 1).expand(3, 2, 4, 6).contiguous()
    expected = torch.arange(3.0).reshape(3, 1, 1).expand(3, 6, 8)
    assert_same(student.patchify(images, 2), expected, what="patchify on three 4x6 images, full of 0, of 1 and of 2")


@patchify(
    "refuses sizes that P does not divide",
    hint="Height and width can each be the wrong one. What does your function do with an image it cannot cut evenly?",
)
def test_patchify_refuses_sizes_that_the_patch_does_not_divide(student):
    expect_tensor(student.patchify(torch.zeros(1, 1, 4, 8), 4), what="patchify(4x8 image, 4)", shape=(1, 2, 16))
    for height, width in [(6, 8), (8, 6)]:
        image = torch.zeros(1, 1, height, width)
        assert_raises(ValueError, lambda image=image: student.patchify(image, 4), what=f"patchify({height}x{width}, 4)")


@patchify(
    "float64 in, float64 out",
    hint="Cutting an image moves numbers about. Where in your function could they turn into other numbers?",
)
def test_patchify_keeps_the_dtype(student, rng):
    images = torch.rand(1, 1, 2, 4, generator=rng, dtype=torch.float64)
    expected = torch.cat([images[..., :2].reshape(1, 1, 4), images[..., 2:].reshape(1, 1, 4)], dim=1)
    assert_same(student.patchify(images, 2), expected, what="patchify on a 2x4 image in float64")


# --- unpatchify -------------------------------------------------------------------------------------------------------


@unpatchify(
    "the image need not be square", hint="Rows and columns differ here. Where do you learn how many of each there are?"
)
def test_unpatchify_builds_an_image_that_is_not_square(student):
    patches = torch.arange(4.0).reshape(1, 4, 1).expand(1, 4, 4).contiguous()
    expected = torch.arange(4.0).repeat_interleave(2).expand(1, 1, 2, 8)
    assert_same(student.unpatchify(patches, 2, (2, 8)), expected, what="unpatchify of 4 patches to 2 high, 8 wide")


@unpatchify(
    "puts patches left to right, then down", hint="Patch 1 belongs to the right of patch 0. Where does yours lie?"
)
def test_unpatchify_puts_patches_left_to_right_then_down(student):
    patches = torch.arange(6.0).reshape(1, 6, 1).expand(1, 6, 4).contiguous()
    grid = torch.tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    expected = grid.repeat_interleave(2, 0).repeat_interleave(2, 1).reshape(1, 1, 6, 4)
    assert_same(
        student.unpatchify(patches, 2, (6, 4)), expected, what="unpatchify of 6 patches, patch n full of n, to 6x4"
    )


@unpatchify(
    "fills each patch row by row",
    hint="The second number of a patch lies beside the first. Where does it lie in your image?",
)
def test_unpatchify_fills_each_patch_row_by_row(student):
    patch = torch.arange(9.0).reshape(1, 1, 9)
    assert_same(
        student.unpatchify(patch, 3, (3, 3)), patch.reshape(1, 1, 3, 3), what="unpatchify of one 3x3 patch of 0 to 8"
    )


@unpatchify(
    "takes the channels of each pixel apart",
    hint="The first C numbers of a patch are one pixel. Where do they go in yours?",
    weight=2,
)
def test_unpatchify_takes_the_channels_of_each_pixel_apart(student):
    patch = torch.tensor([[[0.0, 10.0, 20.0, 1.0, 11.0, 21.0, 2.0, 12.0, 22.0, 3.0, 13.0, 23.0]]])
    expected = torch.tensor([[[[0.0, 1.0], [2.0, 3.0]], [[10.0, 11.0], [12.0, 13.0]], [[20.0, 21.0], [22.0, 23.0]]]])
    assert_same(student.unpatchify(patch, 2, (2, 2)), expected, what="unpatchify of one 2x2 patch with 3 channels")


@unpatchify("keeps the images of a batch apart", hint="Do all patches of one image end in that image?")
def test_unpatchify_keeps_the_images_of_a_batch_apart(student):
    patches = torch.arange(3.0).reshape(3, 1, 1).expand(3, 6, 8).contiguous()
    expected = torch.arange(3.0).reshape(3, 1, 1, 1).expand(3, 2, 4, 6)
    assert_same(student.unpatchify(patches, 2, (4, 6)), expected, what="unpatchify of three images of 6 patches each")


@unpatchify(
    "refuses patches that do not fit",
    hint="Two things can fail to fit: the number of patches, and the length of a patch. What does yours do with each?",
)
def test_unpatchify_refuses_patches_that_do_not_fit(student):
    image = student.unpatchify(torch.zeros(1, 6, 12), 2, (4, 6))
    expect_tensor(image, what="unpatchify(6 patches of 12 numbers, 2, (4, 6))", shape=(1, 3, 4, 6))
    for count, length in [(5, 12), (12, 12), (6, 10)]:
        assert_raises(
            ValueError,
            lambda count=count, length=length: student.unpatchify(torch.zeros(1, count, length), 2, (4, 6)),
            what=f"unpatchify({count} patches of {length} numbers, 2, (4, 6))",
        )


# --- random masking ---------------------------------------------------------------------------------------------------

# Sorted by this noise the tokens stand in the order 1, 3, 2, 0.
NOISE = torch.tensor([[0.9, 0.1, 0.5, 0.3]])


def numbered_tokens(batch: int, count: int) -> torch.Tensor:
    """Tokens (B, N, 1) that carry their own number."""
    return torch.arange(float(count)).reshape(1, count, 1).expand(batch, count, 1).contiguous()


@random_masking(
    "a ratio of 0.75 keeps a quarter",
    hint="mask_ratio is the share that goes away. How many tokens does your encoder get to see?",
)
def test_masking_keeps_what_the_ratio_leaves(student):
    for count, ratio, kept in [(24, 0.75, 6), (8, 0.5, 4), (8, 0.25, 6), (4, 0.0, 4)]:
        what = f"random_masking({count} tokens, {ratio})"
        visible, mask, ids_restore = expect_tuple(student.random_masking(torch.zeros(2, count, 3), ratio), 3, what=what)
        expect_tensor(visible, what=f"visible from {what}", shape=(2, kept, 3))
        expect_tensor(mask, what=f"mask from {what}", shape=(2, count), dtype="floating")
        expect_tensor(ids_restore, what=f"ids_restore from {what}", shape=(2, count), dtype=torch.int64)


@random_masking(
    "keeps the tokens with the smallest noise, in its order",
    hint="With noise .9 .1 .5 .3 and ratio .5, tokens 1 and 3 stay. Which two do you keep, and which stands first?",
)
def test_masking_keeps_the_smallest_noise_in_order(student):
    visible, _, _ = expect_tuple(student.random_masking(numbered_tokens(1, 4), 0.5, NOISE), 3, what="random_masking")
    assert_same(visible, torch.tensor([[[1.0], [3.0]]]), what="visible for the noise .9 .1 .5 .3")


@random_masking(
    "the mask says 1 where a token was removed, in the tokens' own order",
    hint="mask[n] is about token n. Does your mask stand in the order of the image, or of the sorted noise?",
)
def test_masking_marks_removed_tokens_with_one(student):
    _, mask, _ = expect_tuple(student.random_masking(numbered_tokens(1, 4), 0.5, NOISE), 3, what="random_masking")
    what = "mask for the noise .9 .1 .5 .3"
    assert_same(mask, torch.tensor([[1.0, 0.0, 1.0, 0.0]]), what=what, any_float=True)


@random_masking(
    "ids_restore says where each token went",
    hint="One permutation answers 'who stands at place i?', the decoder asks 'where did token n go?'. Which is yours?",
    weight=2,
)
def test_masking_restore_says_where_each_token_went(student):
    # Token 0 has the largest noise, so it stands last; token 1 stands first, token 2 third, token 3 second.
    result = student.random_masking(numbered_tokens(1, 4), 0.5, NOISE)
    _, _, ids_restore = expect_tuple(result, 3, what="random_masking")
    assert_same(ids_restore, torch.tensor([[3, 0, 2, 1]]), what="ids_restore for the noise .9 .1 .5 .3")


@random_masking(
    "every image of a batch gets its own mask", hint="How many random numbers do you draw for a batch of eight images?"
)
def test_masking_draws_another_mask_for_each_image(student):
    result = student.random_masking(torch.zeros(8, 16, 2), 0.5)
    mask = expect_tensor(expect_tuple(result, 3, what="random_masking")[1], what="mask", shape=(8, 16))
    different = len({tuple(row.tolist()) for row in mask})
    assert different >= 4, f"8 images of 16 tokens have only {different} different masks"


@random_masking("every call draws anew", hint="What decides your mask if nobody hands you any noise?")
def test_masking_draws_anew_at_every_call(student):
    tokens = torch.zeros(4, 16, 2)
    masks = []
    for _ in range(2):
        result = expect_tuple(student.random_masking(tokens, 0.5), 3, what="random_masking")
        masks.append(expect_tensor(result[1], what="mask", shape=(4, 16)))
    assert not torch.equal(masks[0], masks[1]), "two calls without noise give the same masks"


# --- encoder ----------------------------------------------------------------------------------------------------------


def small_encoder(student, rng, depth: int):
    """An 8x12 encoder with patches of 4 (N = 6) and random weights; pos_embed and class token are large."""
    encoder = student.build("MAEEncoder", image_size=(8, 12), patch_size=4, channels=3, dim=8, depth=depth, heads=2)
    shapes = {name: value.shape for name, value in encoder.state().parameters.items()} | {"pos_embed": (1, 7, 8)}
    weights = {
        name: torch.randn(shape, generator=rng) * (0.3 if "blocks" in name or "patch" in name else 1.0)
        for name, shape in shapes.items()
    }
    encoder.load(weights)
    return encoder, weights


def noise_that_keeps(order: list[int]) -> torch.Tensor:
    """Noise (1, 6) that sorts the tokens into this order."""
    noise = torch.empty(1, 6)
    noise[0, order] = torch.linspace(0.1, 0.9, 6)
    return noise


def some_noise(rng) -> tuple[torch.Tensor, list[int]]:
    """Noise (1, 6), and which three tokens it keeps at ratio .5, in their order."""
    order = torch.randperm(6, generator=rng).tolist()
    return noise_that_keeps(order), order[:3]


def patch_of(image: torch.Tensor, patch: int) -> torch.Tensor:
    """The pixels of a 4x4 patch in an 8x12 image, to read or to change."""
    row, column = [(0, 0), (0, 4), (0, 8), (4, 0), (4, 4), (4, 8)][patch]
    return image[:, :, row : row + 4, column : column + 4]


def latent_of(result, what: str = "encoder") -> torch.Tensor:
    """The first of an encoder's three results, at ratio .5."""
    latent = expect_tuple(result, 3, what=what)[0]
    return expect_tensor(latent, what=f"latent of {what}", shape=(1, 1 + 3, 8), dtype=torch.float32)


@encoding(
    "returns the class token and the visible patches, and what random_masking said",
    hint="Which of N, K and 1 + K counts the tokens that leave your encoder?",
)
def test_encoder_returns_latent_mask_and_restore(student, rng):
    encoder, _ = small_encoder(student, rng, depth=1)
    images = torch.rand(2, 3, 8, 12, generator=rng)
    # One image keeps tokens 5, 0, 3, the other 1, 2, 4.
    noise = torch.cat([noise_that_keeps([5, 0, 3, 1, 2, 4]), noise_that_keeps([1, 2, 4, 5, 3, 0])])
    removed = torch.tensor([[0.0, 1.0, 1.0, 0.0, 1.0, 0.0], [1.0, 0.0, 0.0, 1.0, 0.0, 1.0]])
    places = torch.tensor([[1, 3, 4, 2, 5, 0], [5, 0, 1, 4, 2, 3]])
    result = expect_tuple(encoder(images, mask_ratio=0.5, noise=noise), 3, what="encoder(images, 0.5, noise)")
    expect_tensor(result[0], what="latent", shape=(2, 1 + 3, 8), dtype=torch.float32)
    mask = expect_tensor(result[1], what="the encoder's mask", shape=(2, 6))
    assert_same(mask.float(), removed, what="the encoder's mask")
    ids_restore = expect_tensor(result[2], what="the encoder's ids_restore", shape=(2, 6))
    assert_same(ids_restore.long(), places, what="the encoder's ids_restore")


@encoding(
    "hidden pixels change nothing, visible ones do",
    hint="The encoder must not know what it hides. What does it do with the removed patches before the blocks run?",
    weight=2,
)
def test_encoder_does_not_see_removed_patches(student, rng):
    encoder, _ = small_encoder(student, rng, depth=2)
    image, (noise, kept) = torch.rand(1, 3, 8, 12, generator=rng), some_noise(rng)
    before = latent_of(encoder(image, mask_ratio=0.5, noise=noise))
    for patch in range(6):
        changed = image.clone()
        patch_of(changed, patch).add_(torch.randn(1, 3, 4, 4, generator=rng))
        after = latent_of(encoder(changed, mask_ratio=0.5, noise=noise))
        if patch in kept:
            assert float((after - before).abs().max()) > 1e-4, "changing a visible patch leaves the latent as it was"
        else:
            assert_same(after, before, what="latent after the pixels of a removed patch were changed")


@encoding(
    "knows where a patch lies",
    hint="Swap the contents of two visible patches. Without positions the class token cannot tell the difference.",
)
def test_encoder_knows_where_a_patch_lies(student, rng):
    encoder, _ = small_encoder(student, rng, depth=2)
    image, (noise, kept) = torch.rand(1, 3, 8, 12, generator=rng), some_noise(rng)
    swapped = image.clone()
    patch_of(swapped, kept[0]).copy_(patch_of(image, kept[1]))
    patch_of(swapped, kept[1]).copy_(patch_of(image, kept[0]))
    before = latent_of(encoder(image, mask_ratio=0.5, noise=noise))
    after = latent_of(encoder(swapped, mask_ratio=0.5, noise=noise))
    moved = float((after[:, 0] - before[:, 0]).abs().max())
    assert moved > 1e-4, "two visible patches changed places and the class token's latent stayed the same"


@encoding(
    "a token keeps its position when the tokens are reordered",
    hint="Token 5 must carry position 5 wherever it stands in the shortened sequence.",
)
def test_encoder_gives_a_token_its_own_position(student, rng):
    encoder, _ = small_encoder(student, rng, depth=1)
    image = torch.rand(1, 3, 8, 12, generator=rng)
    noises = [noise_that_keeps([5, 0, 3, 1, 2, 4]), noise_that_keeps([0, 3, 5, 1, 2, 4])]
    first, second = (latent_of(encoder(image, mask_ratio=0.5, noise=noise))[0, 1:] for noise in noises)
    assert_same(
        second, first[[1, 2, 0]], what="latents of tokens 0, 3, 5 against those of tokens 5, 0, 3, put in order"
    )


@encoding(
    "the class token comes first and has a position too",
    hint="pos_embed has 1 + N rows, and an encoder without blocks only adds and normalises. Whose is the first row?",
)
def test_encoder_puts_the_class_token_with_its_position_first(student, rng):
    encoder, weights = small_encoder(student, rng, depth=0)
    encoder.load(weights | {"norm.weight": torch.ones(8), "norm.bias": torch.zeros(8)})
    image, noise = torch.rand(1, 3, 8, 12, generator=rng), torch.rand(1, 6, generator=rng)
    latent = latent_of(encoder(image, mask_ratio=0.5, noise=noise), "an encoder without blocks")
    total = (weights["cls_token"] + weights["pos_embed"][:, :1]).reshape(8)
    expected = (total - total.mean()) / (total.var(unbiased=False) + 1e-6).sqrt()
    assert_same(latent[0, 0], expected, what="first token of an encoder without blocks", atol=1e-4)


@encoding(
    "ends with the norm",
    hint="The last layer of the constructor has weights as well. Does everything that leaves pass through it?",
)
def test_encoder_ends_with_the_norm(student, rng):
    encoder, weights = small_encoder(student, rng, depth=1)
    bias = torch.randn(8, generator=rng)
    encoder.load(weights | {"norm.weight": torch.zeros(8), "norm.bias": bias})
    images = torch.rand(2, 3, 8, 12, generator=rng)
    result = expect_tuple(encoder(images, mask_ratio=0.0), 3, what="encoder(images, 0.0)")
    assert_same(result[0], bias.expand(2, 7, 8), what="latent where the norm's weight is 0", atol=1e-6)
    assert_same(encoder.call("features", images), bias.expand(2, 8), what="features where the norm's weight is 0")


@encoding(
    "features: the mean over the patches, without the class token",
    hint="The class token takes part in the blocks. Does it take part in your mean?",
)
def test_encoder_features_leave_the_class_token_out_of_the_mean(student, rng):
    images = torch.rand(2, 3, 8, 12, generator=rng)
    for depth in (0, 1):
        encoder, weights = small_encoder(student, rng, depth)
        before = encoder.call("features", images)
        expect_tensor(before, what="features of two images", shape=(2, 8), dtype=torch.float32)
        encoder.load(weights | {"cls_token": torch.randn(1, 1, 8, generator=rng)})
        after = encoder.call("features", images)
        if depth == 0:
            assert_same(after, before, what="features without blocks, after the class token was changed")
        else:
            after = expect_tensor(after, what="features of two images", shape=(2, 8), dtype=torch.float32)
            assert float((after - before).abs().max()) > 1e-4, "the class token is missing from the sequence"


@encoding(
    "features see every patch, the same way each time",
    hint="Nothing is masked here. Which patches do your features look at, and who chooses them?",
)
def test_encoder_features_see_every_patch(student, rng):
    encoder, _ = small_encoder(student, rng, depth=1)
    image = torch.rand(1, 3, 8, 12, generator=rng)
    before = expect_tensor(encoder.call("features", image), what="features", shape=(1, 8), dtype=torch.float32)
    assert_same(encoder.call("features", image), before, what="features of the same image, asked twice")
    for row, column in [(0, 0), (0, 4), (0, 8), (4, 0), (4, 4), (4, 8)]:
        changed = image.clone()
        changed[:, :, row : row + 4, column : column + 4] = torch.rand(3, 4, 4, generator=rng)
        after = expect_tensor(encoder.call("features", changed), what="features", shape=(1, 8), dtype=torch.float32)
        moved = float((after - before).abs().max())
        assert moved > 1e-5, f"the features do not see the pixels from row {row}, column {column} on"


@encoding(
    "refuses images of another size",
    hint="An image on its side has as many patches as one upright. Would your encoder notice?",
)
def test_encoder_refuses_images_of_another_size(student, rng):
    encoder, _ = small_encoder(student, rng, depth=1)
    images = torch.rand(1, 3, 8, 12, generator=rng)
    expect_tensor(encoder.call("features", images), what="features of an 8x12 image", shape=(1, 8))
    expect_tuple(encoder(images), 3, what="encoder on an 8x12 image")
    for shape in [(1, 3, 12, 8), (1, 3, 8, 16)]:
        for name, call in [("encoder", encoder), ("features", lambda image: encoder.call("features", image))]:
            assert_raises(
                ValueError,
                lambda call=call, shape=shape: call(torch.zeros(shape)),
                what=f"{name} of an 8x12 encoder on an image of {shape[2]}x{shape[3]}",
            )


# --- decoder ----------------------------------------------------------------------------------------------------------


def small_decoder(student, rng, depth: int, **replaced: torch.Tensor):
    """A decoder of 4x6 images with patches of 2 (N = 6), random weights; `replaced` names weights to use instead."""
    sizes = {"image_size": (4, 6), "patch_size": 2, "channels": 1, "encoder_dim": 5, "dim": 8, "heads": 2}
    decoder = student.build("MAEDecoder", **sizes, depth=depth)
    shapes = {name: value.shape for name, value in decoder.state().parameters.items()} | {"pos_embed": (1, 7, 8)}
    weights = {
        name: torch.randn(shape, generator=rng) * (0.3 if "blocks" in name else 1.0) for name, shape in shapes.items()
    }
    decoder.load(weights | replaced)
    return decoder, weights | replaced


def predictions_of(decoder, latent: torch.Tensor, ids_restore: torch.Tensor) -> torch.Tensor:
    """What the decoder says, of the shape it should have."""
    shape = (len(latent), ids_restore.shape[1], 4)
    return expect_tensor(decoder(latent, ids_restore), what="predictions", shape=shape, dtype=torch.float32)


# Sorted by noise the six patches stood in the order 4, 0, 3 | 5, 1, 2: the first three are visible.
ORDER = [4, 0, 3, 5, 1, 2]
RESTORE = torch.tensor([[1, 4, 5, 2, 0, 3]])


@decoding(
    "predicts every patch once, and nothing for the class token",
    hint="1 + K tokens come in. How many rows should leave, and how long is each?",
)
def test_decoder_predicts_every_patch(student, rng):
    decoder, _ = small_decoder(student, rng, depth=1)
    latent = torch.randn(2, 4, 5, generator=rng)
    expect_tensor(decoder(latent, RESTORE.expand(2, 6)), what="predictions", shape=(2, 6, 4), dtype=torch.float32)


@decoding(
    "every prediction stands at its own patch",
    hint="Row n of your answer should be about patch n. Whose prediction stands there now?",
    weight=2,
)
def test_decoder_sends_each_latent_home(student, rng):
    # Without blocks and positions, a prediction depends on nothing but the token at its own place.
    decoder, _ = small_decoder(student, rng, depth=0, pos_embed=torch.zeros(1, 7, 8))
    latent = torch.randn(1, 4, 5, generator=rng)
    before = predictions_of(decoder, latent, RESTORE)
    for place, patch in enumerate(ORDER[:3]):
        changed = latent.clone()
        changed[0, 1 + place] += 1
        moved = (predictions_of(decoder, changed, RESTORE) - before).abs().amax(dim=-1)[0] > 1e-4
        rows = moved.nonzero().flatten().tolist()
        assert rows == [patch], f"the latent of patch {patch} was changed, and rows {rows} of the predictions moved"


@decoding(
    "the mask token stands where a patch is missing",
    hint="Nobody knows anything about a hidden patch yet. What do you put there, and does anything else leak in?",
)
def test_decoder_puts_mask_tokens_where_patches_are_missing(student, rng):
    decoder, weights = small_decoder(student, rng, depth=0, pos_embed=torch.zeros(1, 7, 8))
    latent = torch.randn(1, 4, 5, generator=rng)
    hidden = ORDER[3:]
    before = predictions_of(decoder, latent, RESTORE)[0, hidden]
    assert_same(before, before[:1].expand(3, 4), what="predictions of hidden patches, without blocks and positions")
    decoder.load(weights | {"mask_token": torch.randn(1, 1, 8, generator=rng)})
    after = predictions_of(decoder, latent, RESTORE)[0, hidden]
    assert float((after - before).abs().min()) > 1e-6, "another mask token leaves the predictions as they were"


@decoding(
    "hidden patches get different predictions",
    hint="All mask tokens are equal. What tells the blocks that one stands top left and another bottom right?",
)
def test_decoder_tells_hidden_patches_apart(student, rng):
    decoder, _ = small_decoder(student, rng, depth=1)
    hidden = predictions_of(decoder, torch.randn(1, 4, 5, generator=rng), RESTORE)[0, ORDER[3:]]
    for one, other in [(0, 1), (0, 2), (1, 2)]:
        assert float((hidden[one] - hidden[other]).abs().max()) > 1e-4, "two hidden patches get the same prediction"


@decoding(
    "a patch keeps its position wherever its latent stands",
    hint="The same visible patches, shuffled differently, are the same picture. When do you add the positions?",
)
def test_decoder_does_not_mind_the_order_of_the_latents(student, rng):
    decoder, _ = small_decoder(student, rng, depth=1)
    latent = torch.randn(1, 4, 5, generator=rng)
    # Patches 4, 0, 3 as before, now in the order 0, 3, 4.
    other, restore = latent[:, [0, 2, 3, 1]], torch.tensor([[0, 4, 5, 1, 2, 3]])
    assert_same(
        decoder(other, restore),
        predictions_of(decoder, latent, RESTORE),
        what="predictions from the same three latents in another order, with the ids_restore that belongs to it",
    )


@decoding(
    "the class token takes part in the blocks",
    hint="The class token knows something about the whole picture. Until which layer may the others listen to it?",
)
def test_decoder_lets_the_class_token_take_part(student, rng):
    latent = torch.randn(1, 4, 5, generator=rng)
    changed = latent.clone()
    changed[:, 0] += torch.randn(5, generator=rng)
    for depth in (1, 0):
        decoder, _ = small_decoder(student, rng, depth)
        before = predictions_of(decoder, latent, RESTORE)
        after = predictions_of(decoder, changed, RESTORE)
        if depth:
            assert float((after - before).abs().max()) > 1e-4, "another class token leaves the predictions as they were"
        else:
            assert_same(after, before, what="predictions of a decoder without blocks, after the class token changed")


@decoding(
    "row 0 of pos_embed belongs to the class token",
    hint="There are 1 + N positions and N patches. Whose is row 0, and whose is row 1?",
)
def test_decoder_gives_the_class_token_row_0(student, rng):
    decoder, weights = small_decoder(student, rng, depth=0)
    latent = torch.randn(1, 4, 5, generator=rng)
    before = predictions_of(decoder, latent, RESTORE)
    for row in range(7):
        positions = weights["pos_embed"].clone()
        positions[:, row] += torch.randn(8, generator=rng)
        decoder.load(weights | {"pos_embed": positions})
        moved = (predictions_of(decoder, latent, RESTORE) - before).abs().amax(dim=-1)[0] > 1e-4
        rows = moved.nonzero().flatten().tolist()
        wanted = [row - 1] if row else []
        assert rows == wanted, f"row {row} of pos_embed was changed in a decoder without blocks: rows {rows} moved"
    with_blocks, weights = small_decoder(student, rng, depth=1)
    before = predictions_of(with_blocks, latent, RESTORE)
    positions = weights["pos_embed"].clone()
    positions[:, 0] += torch.randn(8, generator=rng)
    with_blocks.load(weights | {"pos_embed": positions})
    moved = float((predictions_of(with_blocks, latent, RESTORE) - before).abs().max())
    assert moved > 1e-4, "another row 0 of pos_embed leaves the predictions as they were"


@decoding(
    "the norm comes before the prediction",
    hint="Every layer of the constructor is there to be used, and once. Which of them has your last token passed?",
)
def test_decoder_predicts_from_the_norm(student, rng):
    bias = torch.randn(8, generator=rng)
    decoder, weights = small_decoder(student, rng, depth=1, **{"norm.weight": torch.zeros(8), "norm.bias": bias})
    expected = weights["predict.weight"] @ bias + weights["predict.bias"]
    predictions = predictions_of(decoder, torch.randn(1, 4, 5, generator=rng), RESTORE)
    assert_same(predictions, expected.expand(1, 6, 4), what="predictions where the norm's weight is 0")


# --- loss -------------------------------------------------------------------------------------------------------------


def two_patches() -> torch.Tensor:
    """A 2x4 image of one channel: patches 0 2 4 6 and 1 1 3 3. Predicting 0 for them costs 14 and 5."""
    return torch.tensor([[[[0.0, 2.0, 1.0, 1.0], [4.0, 6.0, 3.0, 3.0]]]])


@masked_loss(
    "mean squared error of one removed patch",
    hint="Predicting 0 for the patch 0 2 4 6 costs (0 + 4 + 16 + 36) / 4 = 14. How do you get from pixels to a number?",
)
def test_loss_of_one_removed_patch(student):
    loss = student.mae_loss(two_patches(), torch.zeros(1, 2, 4), torch.tensor([[1.0, 0.0]]), 2, False)
    assert_same(loss, torch.tensor(14.0), what="loss of predicting 0 for the patch 0 2 4 6, plain targets")


@masked_loss("visible patches do not count", hint="How large is the gradient on a patch that the encoder saw?")
def test_loss_has_no_gradient_on_visible_patches(student, rng):
    images, predictions = torch.rand(2, 1, 4, 6, generator=rng), torch.randn(2, 6, 4, generator=rng)
    mask = torch.tensor([[1.0, 0.0, 0.0, 1.0, 1.0, 0.0], [0.0, 1.0, 0.0, 0.0, 1.0, 1.0]])
    (gradient,) = student.vjp("mae_loss", [images, predictions, mask, 2], wrt=[1])
    gradient = expect_tensor(gradient, what="gradient of the loss in the predictions", shape=(2, 6, 4))
    size = gradient.abs().amax(dim=-1)
    assert_same(size * (1 - mask), torch.zeros(2, 6), what="gradient on the visible patches")
    assert float(size[mask == 1].min()) > 1e-6, "the loss has no gradient on some removed patch"


@masked_loss(
    "every removed patch of the batch has the same weight",
    hint="One image lost one patch, another two. Is the mean over patches or over images?",
)
def test_loss_gives_every_removed_patch_the_same_weight(student):
    images = two_patches().expand(2, 1, 2, 4).contiguous()
    mask = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    loss = student.mae_loss(images, torch.zeros(2, 2, 4), mask, 2, False)
    assert_same(
        loss,
        torch.tensor((14.0 + 14.0 + 5.0) / 3),
        what="loss of predicting 0 where patches of 14, 14 and 5 were removed",
    )


@masked_loss(
    "who knows only each patch's mean gets 3/4 at four numbers a patch",
    hint="With n numbers in a patch this is (n - 1) / n. A value of 1 tells you something about your variance.",
)
def test_loss_of_knowing_only_the_mean(student, rng):
    images = torch.rand(2, 1, 4, 6, generator=rng)
    loss = student.mae_loss(images, torch.zeros(2, 6, 4), torch.ones(2, 6), 2)
    assert_same(loss, torch.tensor(0.75), what="loss of predicting 0 for normalised targets", atol=2e-3)


@masked_loss(
    "each patch is normalised by its own mean and deviation",
    hint="Make one patch brighter. Whose statistics should that change?",
)
def test_loss_normalises_each_patch_by_itself(student, rng):
    images, predictions = torch.rand(2, 1, 4, 6, generator=rng), torch.randn(2, 6, 4, generator=rng)
    mask = torch.tensor([[1.0, 0.0, 1.0, 1.0, 1.0, 0.0], [0.0, 1.0, 0.0, 0.0, 1.0, 1.0]])
    before = student.mae_loss(images, predictions, mask, 2)
    before = expect_tensor(before, what="loss", shape=(), dtype=torch.float32)
    brighter = images.clone()
    brighter[0, :, :2, :2] = 3 * images[0, :, :2, :2] + 2
    after = student.mae_loss(brighter, predictions, mask, 2)
    assert_same(after, before, what="loss after one patch was brightened", atol=2e-3)


@masked_loss(
    "a perfect prediction costs nothing",
    hint="The target is the normalised patch, in the order of patchify. What is it that you compare?",
)
def test_loss_of_a_perfect_prediction_is_zero(student, rng):
    images = torch.rand(2, 3, 2, 4, generator=rng)
    mask = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
    # Where the numbers of both patches stand among the 24 of a 3x2x4 image; a channel is 8 numbers, a row 4.
    first, second = [0, 8, 16, 1, 9, 17, 4, 12, 20, 5, 13, 21], [2, 10, 18, 3, 11, 19, 6, 14, 22, 7, 15, 23]
    patches = images.flatten(1)[:, [first, second]]
    mean, variance = patches.mean(dim=2, keepdim=True), patches.var(dim=2, keepdim=True)
    for normalize, target in [(True, (patches - mean) / (variance + 1e-6) ** 0.5), (False, patches)]:
        loss = student.mae_loss(images, target, mask, 2, normalize)
        assert_same(loss, torch.tensor(0.0), what=f"loss of a perfect prediction, normalize_targets={normalize}")


@masked_loss("a patch of one colour is no accident", hint="Sky and snow have a variance of 0. What do you divide by?")
def test_loss_of_a_patch_of_one_colour(student):
    images = torch.full((1, 1, 2, 4), 0.5)
    loss = student.mae_loss(images, torch.full((1, 2, 4), 2.0), torch.ones(1, 2), 2)
    assert_same(loss, torch.tensor(4.0), what="loss of predicting 2 for patches of one colour")
