"""Public checks of the masked autoencoder: small cases that can be followed by hand."""

import torch
from torch import nn

from kit import CheckFailed, assert_raises, assert_same, exercise, expect_tensor, expect_tuple, load_helpers

helpers = load_helpers(__file__)
assert_same_numbers = helpers.assert_same_numbers

patchify = exercise("mae-patchify")
unpatchify = exercise("mae-unpatchify")
random_masking = exercise("mae-random-masking")
encoding = exercise("mae-encoder")
decoding = exercise("mae-decoder")
masked_loss = exercise("mae-loss")

# --- patchify ---------------------------------------------------------------------------------------------------------


def numbered_squares(rows: int, columns: int, channels: int = 3) -> torch.Tensor:
    """Two equal images (2, C, 2 * rows, 2 * columns) whose 2x2 patch n is full of n, in every channel."""
    grid = torch.arange(float(rows * columns)).reshape(rows, columns)
    image = grid.repeat_interleave(2, 0).repeat_interleave(2, 1)
    return image.expand(2, channels, -1, -1).contiguous()


def numbered_patches(count: int, length: int) -> torch.Tensor:
    """The patches (2, N, length) of two equal images: patch n is full of n."""
    return torch.arange(float(count)).reshape(1, count, 1).expand(2, count, length).contiguous()


def one_image_each(*shape: int) -> torch.Tensor:
    """Three images, or sequences, of this shape: full of 0, of 1 and of 2."""
    return torch.arange(3.0).reshape(3, *(1 for _ in shape)).expand(3, *shape).contiguous()


def as_they_appear(answer, count: int, what: str) -> list[float]:
    """The different numbers of an answer of `count` numbers, in the order in which they first appear."""
    numbers = expect_tensor(answer, what=what, dtype="floating")
    assert numbers.numel() == count, f"{what}: expected {count} numbers, got shape {tuple(numbers.shape)}"
    return list(dict.fromkeys(numbers.flatten().tolist()))


def assert_images_apart(answer, expected: torch.Tensor, what: str) -> None:
    """Fail unless an answer for three images, in whatever shape, holds the numbers of `one_image_each`."""
    numbers = expect_tensor(answer, what=what, dtype="floating")
    assert numbers.dim() and len(numbers) == 3 and numbers.numel() == expected.numel(), (
        f"{what}: expected {expected.numel()} numbers for 3 images, got shape {tuple(numbers.shape)}"
    )
    assert_same(numbers.flatten(1), expected.flatten(1), what=what, any_float=True)


# A 2x2 patch of three channels: pixel n is n, 10 + n, 20 + n.
THREE_CHANNELS = torch.tensor([[[0.0, 1.0], [2.0, 3.0]], [[10.0, 11.0], [12.0, 13.0]], [[20.0, 21.0], [22.0, 23.0]]])
PIXELS = torch.tensor([[0.0, 10.0, 20.0], [1.0, 11.0, 21.0], [2.0, 12.0, 22.0], [3.0, 13.0, 23.0]])


@patchify(
    "each patch is a square of the image",
    hint="The first four numbers of an image's memory lie in one row. Which pixels make up token 0?",
)
def test_patchify_cuts_squares(student):
    what = "patchify on 4x4 images whose 2x2 patch n is full of n"
    axes = "Of 4x4 images each gives 4 tokens of 2 * 2 * 3 numbers, one after the other. Which axis is which in yours?"
    tokens = student.patchify(numbered_squares(2, 2), 2)
    tokens = expect_tensor(tokens, what=what, shape=(2, 4, 12), dtype="floating", hint=axes)
    low, high = tokens.amin(dim=2), tokens.amax(dim=2)
    mixed = (low != high).nonzero().tolist()
    assert not mixed, f"{what}: token {mixed[0][1]} mixes the numbers of several patches"
    assert_same_numbers(high, torch.arange(4.0).expand(2, 4), what=f"{what}: which number fills each token")


@patchify(
    "takes patches left to right, then down",
    hint="Is token 1 the patch to the right of token 0, or the patch below it?",
)
def test_patchify_takes_patches_left_to_right_then_down(student):
    what = "patchify on 4x4 images whose 2x2 patch n is full of n"
    order = as_they_appear(student.patchify(numbered_squares(2, 2), 2), 96, what)
    assert order == [0, 1, 2, 3], f"{what}: the patches come in the order {order}"


@patchify(
    "reads each patch row by row",
    hint="Inside a patch, which changes first from one pixel to the next: the row or the column?",
)
def test_patchify_reads_each_patch_row_by_row(student):
    what = "patchify on one 3x3 patch whose pixels are 0 to 8, row by row"
    images = torch.arange(9.0).reshape(1, 1, 3, 3).expand(2, 3, 3, 3).contiguous()
    order = as_they_appear(student.patchify(images, 3), 54, what)
    assert order == list(range(9)), f"{what}: they come in the order {order}"


@patchify(
    "channels stay together inside a patch",
    hint="Which of row, column and channel varies fastest inside a patch?",
    weight=2,
)
def test_patchify_keeps_channels_together_inside_a_patch(student):
    images = THREE_CHANNELS.expand(2, 3, 2, 2).contiguous()
    what = "patchify on a 2x2 image with 3 channels: the twelve numbers, three by three"
    tokens = expect_tensor(student.patchify(images, 2), what=what, dtype="floating")
    assert tokens.numel() == 24, f"{what}: expected 24 numbers for two such images, got shape {tuple(tokens.shape)}"
    pixels = tokens.flatten()[:12].reshape(4, 3)
    # The pixels' own order is another test's business.
    assert_same(pixels[pixels[:, 0].argsort()], PIXELS, what=what, any_float=True)


@patchify("keeps the images of a batch apart", hint="Do all numbers of one image end in the same row of the answer?")
def test_patchify_keeps_the_images_of_a_batch_apart(student):
    what = "patchify on three 4x4 images, full of 0, of 1 and of 2"
    assert_images_apart(student.patchify(one_image_each(3, 4, 4), 2), one_image_each(4, 12), what)


@patchify(
    "the image need not be square",
    hint="Rows and columns of patches differ here. Where do you learn how many of each there are?",
)
def test_patchify_cuts_an_image_that_is_not_square(student):
    for rows, columns in [(2, 3), (3, 1)]:
        what = f"patchify on {2 * rows}x{2 * columns} images whose 2x2 patch n is full of n"
        expected = numbered_patches(rows * columns, 12)
        assert_same(student.patchify(numbered_squares(rows, columns), 2), expected, what=what, any_float=True)


@patchify(
    "one image of one channel will do, and so will five channels",
    hint="Grey images have one channel, satellites send more. Where do you learn how many, of images and of channels?",
)
def test_patchify_takes_any_number_of_channels(student, rng):
    for batch, channels in [(1, 5), (2, 1)]:
        images = torch.rand(batch, channels, 4, 4, generator=rng)
        what = f"patchify on images of shape {tuple(images.shape)}"
        assert_same_numbers(student.patchify(images, 2), images, what=what, batch=batch)


@patchify(
    "refuses sizes that P does not divide",
    hint="Height and width can each be the wrong one. Do you cut off or pad what does not fit, instead of refusing?",
)
def test_patchify_refuses_sizes_that_the_patch_does_not_divide(student, rng):
    images = torch.rand(2, 3, 8, 8, generator=rng)
    assert_same_numbers(student.patchify(images, 4), images, what="patchify(8x8 images, 4)")
    for height, width in [(6, 8), (8, 6)]:
        image = torch.zeros(1, 3, height, width)
        assert_raises(ValueError, lambda image=image: student.patchify(image, 4), what=f"patchify({height}x{width}, 4)")


@patchify(
    "float64 in, float64 out",
    hint="Cutting an image moves numbers about. Where in your function could they turn into other numbers?",
)
def test_patchify_keeps_the_dtype(student, rng):
    for dtype in (torch.float64, torch.float32):
        images = torch.rand(2, 3, 4, 4, generator=rng, dtype=dtype)
        what = f"patchify on images in {dtype}"
        tokens = expect_tensor(student.patchify(images, 2), what=what, dtype=dtype)
        assert_same_numbers(tokens, images, what=what)


# --- unpatchify -------------------------------------------------------------------------------------------------------


@unpatchify(
    "each patch becomes a square of the image",
    hint="The first four numbers of a patch do not lie in one row of the image. Where do they lie in yours?",
)
def test_unpatchify_lays_squares(student):
    what = "unpatchify of patches full of n to 4x4"
    result = student.unpatchify(numbered_patches(4, 12), 2, (4, 4))
    axes = "An image is (C, H, W), and a batch comes first. Which axis is which in yours?"
    images = expect_tensor(result, what=what, shape=(2, 3, 4, 4), dtype="floating", hint=axes)
    squares = images.unfold(2, 2, 2).unfold(3, 2, 2).flatten(4)  # (B, C, rows, columns, P * P)
    low, high = squares.amin(dim=4), squares.amax(dim=4)
    mixed = (low != high).nonzero().tolist()
    assert not mixed, f"{what}: the square in row {mixed[0][2]}, column {mixed[0][3]} mixes several patches"
    assert_same_numbers(high, torch.arange(4.0).expand(2, 3, 4), what=f"{what}: what fills each square")


@unpatchify(
    "puts patches left to right, then down", hint="Patch 1 belongs to the right of patch 0. Where does yours lie?"
)
def test_unpatchify_puts_patches_left_to_right_then_down(student):
    what = "unpatchify of patches full of n to 4x4, read row by row"
    order = as_they_appear(student.unpatchify(numbered_patches(4, 12), 2, (4, 4)), 96, what)
    assert order == [0, 1, 2, 3], f"{what}: the patches come in the order {order}"


@unpatchify(
    "fills each patch row by row",
    hint="The second pixel of a patch lies beside the first. Where does it lie in your image?",
)
def test_unpatchify_fills_each_patch_row_by_row(student):
    what = "unpatchify of one 3x3 patch whose pixels are 0 to 8, read row by row"
    patches = torch.arange(9.0).repeat_interleave(3).expand(2, 1, 27).contiguous()
    order = as_they_appear(student.unpatchify(patches, 3, (3, 3)), 54, what)
    assert order == list(range(9)), f"{what}: they come in the order {order}"


@unpatchify(
    "takes the channels of each pixel apart",
    hint="The first C numbers of a patch are one pixel. Where do they go in yours?",
    weight=2,
)
def test_unpatchify_takes_the_channels_of_each_pixel_apart(student):
    what = "unpatchify of one 2x2 patch with 3 channels: the numbers of each channel"
    result = student.unpatchify(PIXELS.reshape(1, 1, 12).expand(2, 1, 12).contiguous(), 2, (2, 2))
    images = expect_tensor(result, what=what, shape=(2, 3, 2, 2), dtype="floating")
    # Their order inside a channel is another test's business.
    assert_same(images[0].flatten(1).sort().values, THREE_CHANNELS.flatten(1), what=what, any_float=True)


@unpatchify("keeps the images of a batch apart", hint="Do all patches of one image end in that image?")
def test_unpatchify_keeps_the_images_of_a_batch_apart(student):
    result = student.unpatchify(one_image_each(4, 12), 2, (4, 4))
    assert_images_apart(result, one_image_each(3, 4, 4), "unpatchify of three images of 4 patches each")


@unpatchify(
    "the image need not be square",
    hint="Rows and columns differ here, and the height comes first. Where do you learn how many of each there are?",
)
def test_unpatchify_builds_an_image_that_is_not_square(student):
    for rows, columns in [(2, 3), (4, 1)]:
        result = student.unpatchify(numbered_patches(rows * columns, 12), 2, (2 * rows, 2 * columns))
        what = f"unpatchify of {rows * columns} patches to {2 * rows} high, {2 * columns} wide"
        assert_same(result, numbered_squares(rows, columns), what=what, any_float=True)


@unpatchify(
    "one image of one channel will do, and so will five channels",
    hint="Grey images have one channel, satellites send more. Where do you learn how many, of images and of channels?",
)
def test_unpatchify_takes_any_number_of_channels(student, rng):
    for batch, channels in [(1, 5), (2, 1)]:
        patches = torch.rand(batch, 4, 4 * channels, generator=rng)
        what = f"unpatchify of patches of shape {tuple(patches.shape)}"
        assert_same_numbers(student.unpatchify(patches, 2, (4, 4)), patches, what=what, batch=batch)


@unpatchify(
    "refuses patches that do not fit",
    hint="Two things can fail to fit: the number of patches, and the length of a patch. What does yours do with each?",
)
def test_unpatchify_refuses_patches_that_do_not_fit(student, rng):
    patches = torch.rand(2, 4, 12, generator=rng)
    what = "unpatchify(4 patches of 12 numbers, 2, (4, 4))"
    assert_same_numbers(student.unpatchify(patches, 2, (4, 4)), patches, what=what)
    for count, length in [(3, 12), (8, 12), (4, 10)]:
        assert_raises(
            ValueError,
            lambda count=count, length=length: student.unpatchify(torch.zeros(1, count, length), 2, (4, 4)),
            what=f"unpatchify({count} patches of {length} numbers, 2, (4, 4))",
        )


@unpatchify(
    "float64 in, float64 out",
    hint="Putting patches together moves numbers about. Where in your function could they turn into other numbers?",
)
def test_unpatchify_keeps_the_dtype(student, rng):
    for dtype in (torch.float64, torch.float32):
        patches = torch.rand(2, 4, 12, generator=rng, dtype=dtype)
        what = f"unpatchify of patches in {dtype}"
        images = expect_tensor(student.unpatchify(patches, 2, (4, 4)), what=what, dtype=dtype)
        assert_same_numbers(images, patches, what=what)


# --- random masking ---------------------------------------------------------------------------------------------------

# Sorted by this noise the tokens stand in the order 1, 3, 2, 0.
NOISE = torch.tensor([[0.9, 0.1, 0.5, 0.3]])


def numbered_tokens(batch: int, count: int, width: int = 1) -> torch.Tensor:
    """Tokens (B, N, D) that carry their own number, from 1, so that no zero looks like a token."""
    return torch.arange(1.0, count + 1).reshape(1, count, 1).expand(batch, count, width).contiguous()


MOST_NUMBERS = 1000


def kept_tokens(visible, batch: int, kept: int | None, what: str) -> list[list[int]]:
    """Which tokens of `numbered_tokens`, counted from 0, an answer keeps in each image, in its order.

    kept: how many there should be; None where that is another test's business.
    """
    visible = expect_tensor(visible, what=f"visible from {what}", dtype="floating")
    assert visible.dim() == 3 and len(visible) == batch and kept in (None, visible.shape[1]), (
        f"visible from {what}: expected {kept} tokens for each of {batch} images, got shape {tuple(visible.shape)}"
    )
    assert 0 < visible.numel() <= MOST_NUMBERS, f"visible from {what} has shape {tuple(visible.shape)}"
    numbers = visible[..., 0]
    whole = bool((numbers == numbers.round()).all()) and float(numbers.min()) >= 1
    assert whole and bool((visible == visible[..., :1]).all()), (
        f"visible from {what} holds other numbers than the tokens"
    )
    tokens = [[int(number) - 1 for number in row] for row in numbers.tolist()]
    assert all(len(set(row)) == len(row) for row in tokens), f"visible from {what} holds a token several times"
    return tokens


def kept_sets(result, batch: int, count: int) -> list[list[float]]:
    """The numbers of each image's visible tokens, sorted; how many there are is another test's business."""
    visible = expect_tensor(expect_tuple(result, 3, what="random_masking")[0], what="visible", dtype="floating")
    assert visible.dim() == 3 and len(visible) == batch and visible[0].numel() <= count, (
        f"visible from {batch} images of {count} tokens has shape {tuple(visible.shape)}"
    )
    whole = bool((visible == visible.round()).all()) and 0 <= float(visible.min()) <= float(visible.max()) <= count
    assert whole and bool(visible.any()), "visible holds other numbers than the tokens"
    return visible.flatten(1).sort(dim=1).values.tolist()


@random_masking(
    "a ratio of 0.75 keeps a quarter",
    hint="mask_ratio is the share that goes away. How many tokens does your encoder get to see?",
)
def test_masking_keeps_what_the_ratio_leaves(student):
    for count, ratio, kept in [(24, 0.75, 6), (8, 0.25, 6), (4, 0.0, 4)]:
        what = f"random_masking({count} tokens, {ratio})"
        visible, _, _ = expect_tuple(student.random_masking(numbered_tokens(2, count, 3), ratio), 3, what=what)
        kept_tokens(visible, 2, kept, what)


@random_masking(
    "K is rounded down",
    hint="At ratio .75, 1.5 of 6 tokens should stay. Which whole number does the docstring's formula make of it? "
    "Do you round, or count those that go?",
)
def test_masking_rounds_down_what_it_keeps(student):
    for count, ratio, kept in [(6, 0.75, 1), (12, 0.625, 4), (10, 0.25, 7)]:
        what = f"random_masking({count} tokens, {ratio})"
        visible, _, _ = expect_tuple(student.random_masking(numbered_tokens(2, count), ratio), 3, what=what)
        kept_tokens(visible, 2, kept, what)


@random_masking(
    "keeps the tokens with the smallest noise",
    hint="With noise .9 .1 .5 .3 and ratio .5, tokens 1 and 3 stay. In which direction do you sort, and along what?",
)
def test_masking_keeps_the_smallest_noise(student):
    what = "random_masking(4 tokens, 0.5) with the noise .9 .1 .5 .3"
    visible, _, _ = expect_tuple(student.random_masking(numbered_tokens(1, 4), 0.5, NOISE), 3, what=what)
    kept = sorted(kept_tokens(visible, 1, 2, what)[0])
    assert kept == [1, 3], f"{what}: keeps tokens {kept}"


@random_masking(
    "the kept tokens stand in the order of their noise",
    hint="The tokens that stay are sorted by something. By their noise, or by where they lie in the image?",
)
def test_masking_keeps_the_order_of_the_noise(student, rng):
    noise = torch.rand(1, 16, generator=rng)
    what = "random_masking(16 tokens, 0.5, noise)"
    visible, _, _ = expect_tuple(student.random_masking(numbered_tokens(1, 16), 0.5, noise), 3, what=what)
    by_place = [noise[0, token % 16].item() for token in kept_tokens(visible, 1, None, what)[0]]
    # Which end of the noise is kept is another test's business.
    in_order = by_place in (sorted(set(by_place)), sorted(set(by_place), reverse=True))
    assert in_order, f"{what}: the tokens stand with the noise {', '.join(f'{value:.2f}' for value in by_place)}"


@random_masking(
    "the mask says 1 where a token was removed",
    hint="A mask hides things: 1 means gone. What does yours say about a token that stayed?",
)
def test_masking_marks_removed_tokens_with_one(student):
    what = "mask of random_masking(8 tokens, 0.75)"
    _, mask, _ = expect_tuple(student.random_masking(numbered_tokens(2, 8), 0.75), 3, what="random_masking")
    mask = expect_tensor(mask, what=what, shape=(2, 8)).double()
    expected = torch.tensor([0.0, 0, 1, 1, 1, 1, 1, 1]).expand(2, 8)
    assert_same(mask.sort(dim=1).values, expected.double(), what=f"{what}, its numbers sorted")


@random_masking(
    "the mask stands in the tokens' own order",
    hint="mask[n] is about token n. Does your mask stand in the order of the image, or of the sorted noise?",
)
def test_masking_keeps_the_mask_in_the_tokens_own_order(student):
    result = expect_tuple(student.random_masking(numbered_tokens(3, 12), 0.5), 3, what="random_masking")
    mask = expect_tensor(result[1], what="mask", shape=(3, 12)).double()
    for row, kept in zip(mask, kept_tokens(result[0], 3, None, "random_masking(12 tokens, 0.5)"), strict=True):
        gone = [n for n in range(12) if n not in kept]
        # Which of the two is called 1 is another test's business.
        told_apart = {row[n].item() for n in kept} != {row[n].item() for n in gone}
        assert told_apart and row.unique().numel() == 2 and len({row[n].item() for n in kept}) == 1, (
            f"tokens {sorted(kept)} of 12 are visible, but the mask is {row.int().tolist()}"
        )


@random_masking(
    "ids_restore says where each token went",
    hint="One permutation answers 'who stands at place i?', the decoder asks 'where did token n go?'. Which is yours?",
    weight=2,
)
def test_masking_restore_says_where_each_token_went(student):
    # Token 0 has the largest noise, so it stands last; token 1 stands first, token 2 third, token 3 second.
    result = student.random_masking(numbered_tokens(1, 4), 0.5, NOISE)
    ids_restore = expect_tensor(expect_tuple(result, 3, what="random_masking")[2], what="ids_restore", shape=(1, 4))
    assert_same(ids_restore.long(), torch.tensor([[3, 0, 2, 1]]), what="ids_restore for the noise .9 .1 .5 .3")


@random_masking(
    "the mask holds floating numbers, ids_restore whole ones",
    hint="Only the dtype is wrong here, not what it says. A mean is taken with the mask, places are looked up with "
    "ids_restore: what kind of number serves each?",
)
def test_masking_returns_a_floating_mask_and_whole_places(student):
    result = expect_tuple(student.random_masking(numbered_tokens(2, 8), 0.5), 3, what="random_masking")
    mask = expect_tensor(result[1], what="mask", shape=(2, 8), dtype="floating")
    ids_restore = expect_tensor(result[2], what="ids_restore", shape=(2, 8), dtype=torch.int64)
    assert_same_numbers(mask, torch.tensor([0.0] * 8 + [1.0] * 8), what="mask at ratio .5")
    assert int(ids_restore.min()) == 0 and int(ids_restore.max()) == 7, "ids_restore does not count from 0 to 7"


@random_masking(
    "every image of a batch gets its own mask",
    hint="Do two images of your batch share their random numbers? How many numbers do you draw, and whose do you sort?",
)
def test_masking_draws_another_mask_for_each_image(student):
    result = student.random_masking(numbered_tokens(8, 16), 0.5)
    different = len({tuple(row) for row in kept_sets(result, 8, 16)})
    assert different >= 4, f"8 images of 16 tokens keep only {different} different sets of them"


@random_masking("every call draws anew", hint="What decides your mask if nobody hands you any noise?")
def test_masking_draws_anew_at_every_call(student):
    one, other = (kept_sets(student.random_masking(numbered_tokens(4, 16), 0.5), 4, 16) for _ in range(2))
    assert one != other, "two calls without noise keep the same tokens"


# --- encoder ----------------------------------------------------------------------------------------------------------

KEPT = 4  # of the 16 patches of an 8x8 image, at ratio .75


def small_encoder(student, rng, depth: int, image_size: tuple[int, int] = (8, 8)):
    """An encoder with patches of 2 (N = 16 for 8x8) and random weights; pos_embed and class token are large."""
    encoder = student.build("MAEEncoder", image_size=image_size, patch_size=2, channels=3, dim=8, depth=depth, heads=2)
    count = image_size[0] * image_size[1] // 4
    return encoder, helpers.load_random_weights(encoder, rng, (1 + count, 8))


def noise_that_keeps(first: list[int]) -> torch.Tensor:
    """Noise (1, 16) that sorts these tokens to the front, in this order, and the others behind them."""
    order = first + [token for token in range(16) if token not in first]
    noise = torch.empty(1, 16)
    noise[0, order] = torch.linspace(0.1, 0.9, 16)
    return noise


def some_noise(rng) -> tuple[torch.Tensor, list[int]]:
    """Noise (1, 16), and the tokens sorted by it: the first four are kept at ratio .75."""
    order = torch.randperm(16, generator=rng).tolist()
    return noise_that_keeps(order), order


def patch_of(image: torch.Tensor, patch: int) -> torch.Tensor:
    """The pixels of a 2x2 patch in an 8x8 image, to read or to change."""
    row, column = 2 * (patch // 4), 2 * (patch % 4)
    return image[:, :, row : row + 2, column : column + 2]


def latent_of(result, what: str = "encoder") -> torch.Tensor:
    """The first of an encoder's three results for one image, if it tells tokens apart: the class token and some more.

    How many more there should be, and what comes with the latent, is other tests' business.
    """
    latent = result[0] if isinstance(result, (tuple, list)) and result else result
    latent = expect_tensor(latent, what=f"latent of {what}", dtype="floating")
    assert latent.dim() == 3 and latent.shape[::2] == (1, 8) and KEPT <= latent.shape[1] <= 1 + 16, (
        f"latent of {what}: expected (1, 1 + K, 8), got {tuple(latent.shape)}"
    )
    assert float((latent - latent.mean(dim=1, keepdim=True)).abs().max()) > 1e-4, f"latent of {what}: all tokens agree"
    return latent.float()


def features_of(encoder, images: torch.Tensor) -> torch.Tensor:
    """The features (B, 8) of images, in float32."""
    what = f"features of {len(images)} images"
    return expect_tensor(encoder.call("features", images), what=what, shape=(len(images), 8), dtype="floating").float()


@encoding(
    "hands the mask ratio on to random_masking",
    hint="The ratio is the caller's to choose. Which ratio does random_masking hear of?",
)
def test_encoder_passes_on_the_ratio(student, rng):
    encoder, _ = small_encoder(student, rng, depth=0)
    images = torch.rand(2, 3, 8, 8, generator=rng)
    three = "Three results are asked for. What else does random_masking hand you, and where does it go?"
    mask = expect_tuple(encoder(images, mask_ratio=0.25), 3, what="encoder(images, 0.25)", hint=three)[1]
    mask = expect_tensor(mask, what="the encoder's mask", shape=(2, 16)).float()
    assert_same(mask.sum(dim=1), torch.full((2,), 4.0), what="removed patches of 16 at ratio .25")


@encoding(
    "returns the class token and the visible patches",
    hint="Which of N, K and 1 + K counts the tokens that leave your encoder?",
)
def test_encoder_returns_latent_mask_and_restore(student, rng):
    encoder, weights = small_encoder(student, rng, depth=1)
    images = torch.rand(2, 3, 8, 8, generator=rng)
    result = expect_tuple(encoder(images, mask_ratio=0.75), 3, what="encoder(images, 0.75)")
    latent = expect_tensor(result[0], what="latent", shape=(2, 1 + KEPT, 8), dtype="floating")
    assert float(latent.std(dim=1).max()) > 1e-4, "all tokens of the latent are the same"
    # Which patches are kept, and where they lie, is other tests' business.
    helpers.without_positions(encoder, weights)
    plain = helpers.plain_images((2, 3, 8, 8), rng)
    helpers.assert_depends(
        lambda images: expect_tuple(encoder(images, 0.75), 3, what="encoder(images, 0.75)")[0],
        plain,
        1 - plain,
        what="latent of plain images",
    )


@encoding(
    "hands the noise on to random_masking",
    hint="Whoever gives you noise wants to know which patches stay. What happens to the noise on the way?",
)
def test_encoder_passes_on_the_noise(student, rng):
    encoder, _ = small_encoder(student, rng, depth=0)
    images = torch.rand(2, 3, 8, 8, generator=rng)
    (first, order), (second, other) = some_noise(rng), some_noise(rng)
    noise = torch.cat([first, second])
    result = expect_tuple(encoder(images, mask_ratio=0.75, noise=noise), 3, what="encoder(images, 0.75, noise)")
    removed, places = torch.ones(2, 16), torch.empty(2, 16, dtype=torch.int64)
    for row, place, tokens in zip(removed, places, (order, other), strict=True):
        row[tokens[:KEPT]] = 0
        place[tokens] = torch.arange(16)
    mask = expect_tensor(result[1], what="the encoder's mask", shape=(2, 16))
    assert_same(mask.float(), removed, what="the encoder's mask")
    ids_restore = expect_tensor(result[2], what="the encoder's ids_restore", shape=(2, 16))
    assert_same(ids_restore.long(), places, what="the encoder's ids_restore")


@encoding(
    "hidden pixels change nothing, visible ones do",
    hint="The encoder must not know what it hides. What does it do with the removed patches before the blocks run?",
    weight=2,
)
def test_encoder_does_not_see_removed_patches(student, rng):
    encoder, _ = small_encoder(student, rng, depth=2)
    image, (noise, order) = torch.rand(1, 3, 8, 8, generator=rng), some_noise(rng)
    before = latent_of(encoder(image, mask_ratio=0.75, noise=noise))
    for place in (0, 3, 4, 15):
        changed = image.clone()
        patch_of(changed, order[place]).add_(torch.randn(1, 3, 2, 2, generator=rng))
        after = latent_of(encoder(changed, mask_ratio=0.75, noise=noise))
        if place < KEPT:
            assert float((after - before).abs().max()) > 1e-4, "changing a visible patch leaves the latent as it was"
        else:
            assert_same(after, before, what="latent after the pixels of a removed patch were changed")


@encoding(
    "knows where a patch lies",
    hint="Swap the contents of two visible patches. Without positions the class token cannot tell the difference.",
)
def test_encoder_knows_where_a_patch_lies(student, rng):
    encoder, _ = small_encoder(student, rng, depth=2)
    image, (noise, order) = torch.rand(1, 3, 8, 8, generator=rng), some_noise(rng)
    swapped = image.clone()
    patch_of(swapped, order[0]).copy_(patch_of(image, order[1]))
    patch_of(swapped, order[1]).copy_(patch_of(image, order[0]))
    before = latent_of(encoder(image, mask_ratio=0.75, noise=noise))
    after = latent_of(encoder(swapped, mask_ratio=0.75, noise=noise))
    moved = float((after[:, 0] - before[:, 0]).abs().max())
    assert moved > 1e-4, "two visible patches changed places and the class token's latent stayed the same"


@encoding(
    "the class token comes first and has a position too",
    hint="pos_embed has 1 + N rows, and an encoder without blocks only adds and normalises. Whose is the first row?",
)
def test_encoder_puts_the_class_token_with_its_position_first(student, rng):
    encoder, weights = small_encoder(student, rng, depth=0)
    encoder.load(weights | {"norm.weight": torch.ones(8), "norm.bias": torch.zeros(8)})
    latent = latent_of(encoder(torch.rand(1, 3, 8, 8, generator=rng)), "an encoder without blocks")
    total = (weights["cls_token"] + weights["pos_embed"][:, :1]).reshape(8)
    # Whether the norm follows is another test's business: normalising twice changes nothing here.
    actual, expected = ((x - x.mean()) / (x.var(unbiased=False) + 1e-6).sqrt() for x in (latent[0, 0], total))
    assert_same(actual, expected, what="first token of an encoder without blocks", atol=1e-4)


@encoding(
    "a token keeps its position when the tokens are reordered",
    hint="Token 5 must carry position 5 wherever it stands in the shortened sequence.",
)
def test_encoder_gives_a_token_its_own_position(student, rng):
    encoder, _ = small_encoder(student, rng, depth=1)
    image = torch.rand(1, 3, 8, 8, generator=rng)
    noises = [noise_that_keeps([5, 0, 3, 14]), noise_that_keeps([0, 3, 14, 5])]
    first, second = (latent_of(encoder(image, mask_ratio=0.75, noise=noise))[0, -KEPT:] for noise in noises)
    what = "latents of tokens 0, 3, 14, 5 against those of tokens 5, 0, 3, 14, put in order"
    assert_same(second, first[[1, 2, 3, 0]], what=what)


@encoding(
    "row 1 + n of pos_embed belongs to patch n",
    hint="There are 1 + N positions and N patches. Which rows do you add to the patches?",
)
def test_encoder_gives_patch_n_the_row_after_n(student, rng):
    encoder, weights = small_encoder(student, rng, depth=0)
    image, noise = torch.rand(1, 3, 8, 8, generator=rng), noise_that_keeps([5, 0, 3, 14])
    before = latent_of(encoder(image, mask_ratio=0.75, noise=noise))[0, -KEPT:]
    positions = weights["pos_embed"].clone()
    positions[:, [1 + 0, 1 + 14]] += torch.randn(1, 2, 8, generator=rng)
    encoder.load(weights | {"pos_embed": positions})
    after = latent_of(encoder(image, mask_ratio=0.75, noise=noise))[0, -KEPT:]
    moved = int(((after - before).abs().amax(dim=1) > 1e-4).sum())
    # Where in the latent they stand is another test's business.
    assert moved == 2, f"rows 1 and 15 of pos_embed were changed: {moved} of the latents of patches 0, 3, 5, 14 moved"


@encoding(
    "ends with the norm",
    hint="The last layer of the constructor has weights as well. Does everything that leaves pass through it?",
)
def test_encoder_ends_with_the_norm(student, rng):
    encoder, weights = small_encoder(student, rng, depth=1)
    bias = torch.randn(8, generator=rng)
    encoder.load(weights | {"norm.weight": torch.zeros(8), "norm.bias": bias})
    images = torch.rand(2, 3, 8, 8, generator=rng)
    result = encoder(images)
    latent = result[0] if isinstance(result, (tuple, list)) and result else result
    latent = expect_tensor(latent, what="latent where the norm's weight is 0", dtype="floating")
    assert latent.dim() == 3 and latent.shape[0] == 2 and latent.shape[2] == 8, (
        f"latent has shape {tuple(latent.shape)}"
    )
    assert_same(latent.float(), bias.expand(latent.shape), what="latent where the norm's weight is 0", atol=1e-6)
    features = features_of(encoder, images)
    assert_same(features, bias.expand(2, 8), what="features where the norm's weight is 0", atol=1e-6)


@encoding(
    "features see every patch, the same way each time",
    hint="Nothing is masked here. Which patches do your features look at, and who chooses them?",
)
def test_encoder_features_see_every_patch(student, rng):
    encoder, _ = small_encoder(student, rng, depth=1)
    image = torch.rand(1, 3, 8, 8, generator=rng)
    before = features_of(encoder, image)
    assert_same(features_of(encoder, image), before, what="features of the same image, asked twice")
    for patch in (0, 7, 12):
        changed = image.clone()
        patch_of(changed, patch).copy_(torch.rand(1, 3, 2, 2, generator=rng))
        moved = float((features_of(encoder, changed) - before).abs().max())
        assert moved > 1e-5, f"the features do not see patch {patch} of 16"


@encoding(
    "features: the mean over the patches, without the class token",
    hint="The class token takes part in the blocks. Does it take part in your mean?",
)
def test_encoder_features_leave_the_class_token_out_of_the_mean(student, rng):
    # Which patches are seen, and where they lie, is other tests' business.
    images = helpers.plain_images((2, 3, 8, 8), rng)
    for depth in (0, 2):
        encoder, weights = small_encoder(student, rng, depth)
        before = features_of(helpers.without_positions(encoder, weights), images)
        helpers.without_positions(encoder, weights | {"cls_token": torch.randn(1, 1, 8, generator=rng)})
        after = features_of(encoder, images)
        if depth == 0:
            assert_same(after, before, what="features without blocks, after the class token was changed")
        else:
            assert float((after - before).abs().max()) > 1e-4, "the class token is missing from the sequence"
        helpers.assert_features_depend(encoder, weights, rng)


@encoding(
    "the image need not be square",
    hint="Rows and columns of patches differ here. Which of your lines takes them to be equal?",
)
def test_encoder_reads_an_image_that_is_not_square(student, rng):
    # Four equal patches: without blocks and positions, each is its embedding, normalised.
    encoder, weights = small_encoder(student, rng, depth=0, image_size=(2, 8))
    helpers.without_positions(encoder, weights)
    for _ in range(2):
        patch = torch.rand(1, 3, 2, 2, generator=rng)
        pixels = patch[0].permute(1, 2, 0).flatten()
        embedded = weights["patch_embed.weight"] @ pixels + weights["patch_embed.bias"]
        expected = nn.functional.layer_norm(embedded, (8,), weights["norm.weight"], weights["norm.bias"], 1e-6)
        features = features_of(encoder, patch.repeat(1, 1, 1, 4))
        assert_same(features[0], expected, what="features of a 2x8 image of four equal patches", atol=1e-4)


@encoding(
    "refuses images of another size",
    hint="A narrow image can have as many pixels and as many patches as a square one. Would your encoder notice?",
)
def test_encoder_refuses_images_of_another_size(student, rng):
    encoder, weights = small_encoder(student, rng, depth=1)
    latent_of(encoder(torch.rand(1, 3, 8, 8, generator=rng)), "encoder on an 8x8 image")
    helpers.assert_features_depend(encoder, weights, rng)
    for shape in [(1, 3, 4, 16), (1, 3, 8, 12)]:
        for name, call in [("encoder", encoder), ("features", lambda image: encoder.call("features", image))]:
            assert_raises(
                ValueError,
                lambda call=call, shape=shape: call(torch.zeros(shape)),
                what=f"{name} of an 8x8 encoder on an image of {shape[2]}x{shape[3]}",
            )


# --- decoder ----------------------------------------------------------------------------------------------------------


def small_decoder(student, rng, depth: int, **replaced: torch.Tensor):
    """A decoder of 4x6 images with patches of 2 (N = 6), random weights; `replaced` names weights to use instead."""
    sizes = {"image_size": (4, 6), "patch_size": 2, "channels": 1, "encoder_dim": 5, "dim": 8, "heads": 2}
    decoder = student.build("MAEDecoder", **sizes, depth=depth)
    weights = helpers.load_random_weights(decoder, rng, (7, 8)) | replaced
    if replaced:
        decoder.load(weights)
    return decoder, weights


def predictions_of(decoder, latent: torch.Tensor, ids_restore: torch.Tensor) -> torch.Tensor:
    """What the decoder says about the patches, in float32."""
    return helpers.patch_rows(decoder(latent, ids_restore), (len(latent), ids_restore.shape[1], 4)).float()


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
    predictions = decoder(latent, RESTORE.expand(2, 6))
    expect_tensor(predictions, what="predictions", shape=(2, 6, 4), dtype="floating")
    helpers.assert_depends(
        lambda latent: helpers.patch_rows(decoder(latent, RESTORE.expand(2, 6)), (2, 6, 4)),
        latent,
        latent.flip(2),
        what="predictions",
    )


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
        # What hidden patches get is another test's business.
        rows = [row for row in moved.nonzero().flatten().tolist() if row in ORDER[:3]]
        assert rows == [patch], f"the latent of patch {patch} was changed; of the rows of visible patches {rows} moved"


@decoding(
    "the mask token stands where a patch is missing",
    hint="Nobody knows anything about a hidden patch yet. What do you put there, and does anything else leak in?",
)
def test_decoder_puts_mask_tokens_where_patches_are_missing(student, rng):
    decoder, weights = small_decoder(student, rng, depth=0, pos_embed=torch.zeros(1, 7, 8))
    latent = torch.randn(1, 4, 5, generator=rng)
    before = predictions_of(decoder, latent, RESTORE)[0]
    # Where they stand is another test's business.
    alike = (before.unsqueeze(0) - before.unsqueeze(1)).abs().amax(dim=2) < 1e-5
    hidden = alike[alike.sum(dim=1).argmax()]
    assert int(hidden.sum()) >= 3, "without blocks and positions, the three hidden patches get different predictions"
    decoder.load(weights | {"mask_token": torch.randn(1, 1, 8, generator=rng)})
    after = predictions_of(decoder, latent, RESTORE)[0]
    assert float((after - before)[hidden].abs().amin()) > 1e-6, "another mask token leaves the predictions as they were"


@decoding(
    "hidden patches get different predictions",
    hint="All mask tokens are equal. What tells the blocks that one stands top left and another bottom right?",
)
def test_decoder_tells_hidden_patches_apart(student, rng):
    decoder, _ = small_decoder(student, rng, depth=1)
    latent = torch.randn(1, 4, 5, generator=rng)
    helpers.assert_depends(
        lambda latent: predictions_of(decoder, latent, RESTORE), latent, latent.flip(2), what="predictions"
    )
    hidden = predictions_of(decoder, latent, RESTORE)[0, ORDER[3:]]
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
    helpers.assert_depends(
        lambda latent: predictions_of(decoder, latent, RESTORE), latent, latent.flip(2), what="predictions"
    )
    assert_same(
        predictions_of(decoder, other, restore),
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
    for depth in (2, 0):
        decoder, _ = small_decoder(student, rng, depth)
        before = predictions_of(decoder, latent, RESTORE)
        after = predictions_of(decoder, changed, RESTORE)
        moved = (after - before).abs().amax(dim=-1)[0] > 1e-4
        if depth:
            assert bool(moved.any()), "another class token leaves the predictions as they were"
        else:
            # One row may be the class token's own: that it is dropped is another test's business.
            assert int(moved.sum()) <= 1, "without blocks, another class token changes predictions of patches"


@decoding(
    "row 0 of pos_embed belongs to the class token",
    hint="There are 1 + N positions and N patches. Whose is row 0, and whose is row 1?",
)
def test_decoder_gives_the_class_token_row_0(student, rng):
    decoder, weights = small_decoder(student, rng, depth=0)
    latent = torch.randn(1, 4, 5, generator=rng)
    before = predictions_of(decoder, latent, RESTORE)
    for row in (0, 1, 3, 6):
        positions = weights["pos_embed"].clone()
        positions[:, row] += torch.randn(8, generator=rng)
        decoder.load(weights | {"pos_embed": positions})
        moved = (predictions_of(decoder, latent, RESTORE) - before).abs().amax(dim=-1)[0] > 1e-4
        rows = moved.nonzero().flatten().tolist()
        wanted = [row - 1] if row else []
        assert rows == wanted, f"row {row} of pos_embed was changed in a decoder without blocks: rows {rows} moved"
    with_blocks, weights = small_decoder(student, rng, depth=2)
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

# Four equal patches 0 2 4 6 in a 4x4 image, of which the first is removed: every mean over patches is the same.
EQUAL_PATCHES = torch.tensor([[0.0, 2.0], [4.0, 6.0]]).repeat(2, 2).reshape(1, 1, 4, 4)
FIRST_REMOVED = torch.tensor([[1.0, 0.0, 0.0, 0.0]])
# Of four patches one is removed in one image, and two in the other.
ONE_AND_TWO = torch.tensor([[1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0]])


def assert_loss(loss, expected: float, *, what: str, atol: float = 1e-4) -> None:
    """Fail unless the loss is this number."""
    __tracebackhide__ = True
    assert_same(helpers.loss_value(loss), torch.tensor(expected, dtype=torch.float64), what=what, atol=atol)


def gradient_in_predictions(student, rng) -> tuple[torch.Tensor, torch.Tensor]:
    """How large the loss's gradient is on each patch (2, 4) of two images, and which were removed."""
    images, predictions = torch.rand(2, 1, 4, 4, generator=rng), torch.randn(2, 4, 4, generator=rng)
    gradient = helpers.loss_gradient(student, [images, predictions, ONE_AND_TWO, 2])
    if gradient is None:
        raise CheckFailed(
            "no gradient of the loss reaches the predictions",
            hint="Nothing can be learned from this loss. What in it forgets where its numbers came from?",
        )
    gradient = expect_tensor(gradient, what="gradient of the loss in the predictions", shape=(2, 4, 4))
    helpers.assert_gradients_fit(
        lambda predictions: helpers.loss_value(student.mae_loss(images, predictions, ONE_AND_TWO, 2)).float(),
        predictions,
        torch.tensor(1.0),
        gradient,
        rng,
        what="the loss",
    )
    helpers.assert_loss_depends(student, images, predictions, ONE_AND_TWO, 2)
    return gradient.abs().amax(dim=-1), ONE_AND_TWO == 1


@masked_loss("is a scalar", hint="One number for the whole batch. Over which axes is your last mean or sum?")
def test_loss_is_a_scalar(student, rng):
    images, predictions = torch.rand(2, 3, 4, 4, generator=rng), torch.randn(2, 4, 12, generator=rng)
    loss = student.mae_loss(images, predictions, ONE_AND_TWO, 2)
    expect_tensor(loss, what="loss of a batch of two", shape=(), dtype="floating")
    helpers.assert_loss_depends(student, images, predictions, ONE_AND_TWO, 2)


@masked_loss(
    "removed patches count",
    hint="The mask is 1 where a patch is gone. Which patches does your loss look at, those with 1 or those with 0?",
)
def test_loss_counts_removed_patches(student, rng):
    size, removed = gradient_in_predictions(student, rng)
    assert float(size[removed].min()) > 1e-6, "the loss has no gradient on some removed patch (mask 1)"


@masked_loss(
    "visible patches do not count",
    hint="How large is the gradient on a patch that the encoder saw? It is easy to copy what one sees.",
)
def test_loss_has_no_gradient_on_visible_patches(student, rng):
    size, removed = gradient_in_predictions(student, rng)
    assert float(size.max()) > 1e-6, "the loss has no gradient on any patch"
    assert_same(size[~removed], torch.zeros(5), what="gradient on the visible patches (mask 0)", any_float=True)


@masked_loss(
    "normalize_targets decides what a patch is compared with",
    hint="With True the targets are normalised patches, with False the pixels. What does each way lead to in yours?",
)
def test_loss_compares_with_pixels_or_with_normalised_patches(student):
    pixels = torch.tensor([0.0, 2.0, 4.0, 6.0])
    normalised = (pixels - 3) / (20 / 3) ** 0.5
    for normalize, target in [(False, pixels), (True, normalised)]:
        what = f"loss of predicting its target, normalize_targets={normalize}"
        loss = student.mae_loss(EQUAL_PATCHES, target.expand(1, 4, 4).contiguous(), FIRST_REMOVED, 2, normalize)
        # Which variance, and over how many patches, is another test's business.
        assert_loss(loss, 0.0, what=what, atol=0.2)
    wrong = helpers.loss_value(student.mae_loss(EQUAL_PATCHES, torch.full((1, 4, 4), 20.0), FIRST_REMOVED, 2, False))
    assert float(wrong) > 1, "predicting 20 for the pixels 0 2 4 6 costs next to nothing"


@masked_loss(
    "mean squared error of one removed patch",
    hint="Predicting 0 for the patch 0 2 4 6 costs (0 + 4 + 16 + 36) / 4 = 14. How do you get from pixels to a number?",
)
def test_loss_of_one_removed_patch(student):
    loss = student.mae_loss(EQUAL_PATCHES[..., :2, :2].contiguous(), torch.zeros(1, 1, 4), torch.ones(1, 1), 2, False)
    assert_loss(loss, 14.0, what="loss of predicting 0 for the patch 0 2 4 6, plain targets")


@masked_loss(
    "every removed patch of the batch has the same weight",
    hint="One image lost one patch, another two. Is it a sum or a mean, and of patches or of images?",
)
def test_loss_gives_every_removed_patch_the_same_weight(student, rng):
    # The images are black, and white is predicted for the first patch of both: an error of 1 on each of its pixels.
    images, predictions = torch.zeros(2, 1, 4, 4), torch.zeros(2, 4, 4)
    predictions[:, 0] = 1
    first_alone = torch.tensor([[1.0, 0.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]])
    alone = helpers.loss_value(student.mae_loss(images, predictions, first_alone, 2, False))
    assert float(alone) > 1e-3, "predicting white for a black patch that was removed costs nothing"
    loss = helpers.loss_value(student.mae_loss(images, predictions, ONE_AND_TWO, 2, False))
    # How a patch's error is measured is another test's business.
    what = "loss of three removed patches, two of them wrong, against that of the wrong ones alone"
    assert_loss(loss / alone, 2 / 3, what=what)
    some = torch.rand(2, 1, 4, 4, generator=rng), torch.randn(2, 4, 4, generator=rng)
    helpers.assert_loss_depends(student, *some, ONE_AND_TWO, 2, False)


@masked_loss(
    "each patch is normalised by its own mean and deviation",
    hint="Make one patch brighter, and only its own statistics should change. Over which numbers do you take yours?",
)
def test_loss_normalises_each_patch_by_itself(student, rng):
    images, predictions = 10 * torch.rand(2, 1, 4, 4, generator=rng), torch.randn(2, 4, 4, generator=rng)
    helpers.assert_loss_depends(student, images, predictions, ONE_AND_TWO, 2)
    before = helpers.loss_value(student.mae_loss(images, predictions, ONE_AND_TWO, 2))
    brighter = images.clone()
    brighter[0, :, :2, :2] = 3 * images[0, :, :2, :2] + 20
    after = helpers.loss_value(student.mae_loss(brighter, predictions, ONE_AND_TWO, 2))
    assert_loss(after, float(before), what="loss after one patch was brightened", atol=1e-2)


@masked_loss(
    "who knows only each patch's mean gets 3/4 at four numbers a patch",
    hint="With n numbers in a patch this is (n - 1) / n. A value of 1 tells you something about your variance.",
)
def test_loss_of_knowing_only_the_mean(student):
    loss = student.mae_loss(EQUAL_PATCHES[..., :2, :2].contiguous(), torch.zeros(1, 1, 4), torch.ones(1, 1), 2)
    assert_loss(loss, 0.75, what="loss of predicting 0 for normalised targets", atol=2e-3)


@masked_loss(
    "the predictions are compared as they are",
    hint="Targets are normalised, predictions are not. What happens to a prediction of yours that is far too bright?",
)
def test_loss_takes_predictions_as_they_are(student, rng):
    dark, bright = (
        helpers.loss_value(student.mae_loss(EQUAL_PATCHES, torch.full((1, 4, 4), value), FIRST_REMOVED, 2))
        for value in (0.0, 9.0)
    )
    assert float(bright) > 1.5 * float(dark), f"predicting 0 costs {float(dark):.3g}, and 9 costs {float(bright):.3g}"
    some = torch.rand(2, 1, 4, 4, generator=rng), torch.randn(2, 4, 4, generator=rng)
    helpers.assert_loss_depends(student, *some, ONE_AND_TWO, 2)


@masked_loss(
    "the target stands in the order of patchify",
    hint="Inside a patch the channel varies fastest. In which order do your targets stand?",
)
def test_loss_of_a_perfect_prediction_is_zero(student):
    images = THREE_CHANNELS.repeat(1, 2, 2).unsqueeze(0)
    target = PIXELS.reshape(1, 1, 12).expand(1, 4, 12).contiguous()
    perfect = student.mae_loss(images, target, FIRST_REMOVED, 2, False)
    assert_loss(perfect, 0.0, what="loss of predicting the pixels of three channels, plain targets")
    wrong = helpers.loss_value(student.mae_loss(images, target + 1, FIRST_REMOVED, 2, False))
    assert float(wrong) > 0.1, "predicting 1 more for every pixel costs nothing"


@masked_loss(
    "the image need not be square",
    hint="Rows and columns of patches differ here. Which of your lines takes them to be equal?",
)
def test_loss_of_an_image_that_is_not_square(student):
    image = torch.tensor([[[[0.0, 2.0, 1.0, 1.0], [4.0, 6.0, 3.0, 3.0]]]])
    target = torch.tensor([[[0.0, 2.0, 4.0, 6.0], [1.0, 1.0, 3.0, 3.0]]])
    perfect = student.mae_loss(image, target, torch.tensor([[0.0, 1.0]]), 2, False)
    assert_loss(perfect, 0.0, what="loss of predicting the pixels of a 2x4 image, plain targets")
    wrong = helpers.loss_value(student.mae_loss(image, target.flip(1), torch.tensor([[0.0, 1.0]]), 2, False))
    assert float(wrong) > 0.1, "predicting each patch of a 2x4 image for the other costs nothing"


@masked_loss("a patch of one colour is no accident", hint="Sky and snow have a variance of 0. What do you divide by?")
def test_loss_of_a_patch_of_one_colour(student, rng):
    images = torch.full((1, 1, 4, 4), 0.5)
    loss = student.mae_loss(images, torch.zeros(1, 4, 4), FIRST_REMOVED, 2)
    assert_loss(loss, 0.0, what="loss of predicting 0 for normalised patches of one colour")
    wrong = helpers.loss_value(student.mae_loss(images, torch.full((1, 4, 4), 2.0), FIRST_REMOVED, 2))
    assert float(wrong) > 0.1, "predicting 2 for normalised patches of one colour costs nothing"
    some = torch.rand(2, 1, 4, 4, generator=rng), torch.randn(2, 4, 4, generator=rng)
    helpers.assert_loss_depends(student, *some, ONE_AND_TWO, 2)
