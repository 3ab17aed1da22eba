# %% [markdown]
# # What is behind the grey squares?
#
# Below are eight small photographs. Of the 64 squares of each, 48 are grey. What do the eight show?
#
# You will build a network that paints in what is missing: a **masked autoencoder**
# ([He et al. 2021](https://arxiv.org/abs/2111.06377)).
#
# - **At the end:** a trained network, its paintings, and a number for what its features are worth.
# - **Your time:** 3 to 4 hours (an estimate); ●○○ is a short step, ●●● the hardest. **Computing:** 5 to 7 minutes.
# - **What needs what:** the encoder ([[mae-encoder]]) needs [[mae-patchify]] and [[mae-random-masking]], the loss
#   ([[mae-loss]]) needs [[mae-patchify]], the training all.

# %% tags=["given"]
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kit import check, ready, written
from ps3 import augment, data, plots, probes, stored, training
from ps3.masked_autoencoder import figures, judging
from ps3.networks.transformer import Block, initialize, sincos_positions

# %% tags=["show"]
torch.manual_seed(0)
pictures, preset, device = data.load(), training.preset(), training.best_device()
known = pictures.with_labels(preset.label_counts[-1])  # so many training images with labels, for judging
photos = data.to_float(pictures.test.images[list(figures.PUZZLE)])  # (8, 3, 32, 32), 0 to 1
print(training.preset_line(preset, device))
print(f"{len(pictures.unlabelled):,} images to learn from")

originals, hidden, names = figures.puzzle(pictures)
plots.images(hidden, message="eight images, 48 of 64 patches of each are grey; classes: " + ", ".join(pictures.classes))

# %% [markdown]
# Name them, left to right. A guess is never graded; the next figure shows it.

# %% tags=["guess"]
guess_names = [None] * 8  # for example "frog"

# %% tags=["show"]
figures.reveal(originals, hidden, names, guess_names, pictures.classes)

# %% [markdown]
# You filled in wheels and necks because you know cars and horses. **Whoever can paint in what is missing must know
# something about what is there.** No labels are needed.

# %% [markdown]
# Who sees what is the whole design ([He et al. 2021](https://arxiv.org/abs/2111.06377), Figure 1). 48 of 64 patches
# leave before the encoder, which never meets a mask token. The decoder (dashed) only serves training.

# %% tags=["show"]
figures.architecture()

# %% [markdown]
# One alphabet, here and in the docstrings: $B$ images in a batch, $C$ channels, $H \times W$ pixels, patches of
# $P \times P$ pixels, $N = HW / P^2$ patches or *tokens* an image, $K$ of them kept, $D$ numbers a token in the
# network.

# %% [markdown]
# ## From an image to tokens (about 15 min, ●○○)
#
# A transformer reads a sequence, so we cut the image into squares and flatten each. With one channel, 4 × 6 pixels and
# $P = 2$:
#
# ```text
#   0   1 |  2   3 |  4   5
#   6   7 |  8   9 | 10  11
#  -------+--------+-------
#  12  13 | 14  15 | 16  17
#  18  19 | 20  21 | 22  23
# ```
#
# Token 0 is `0 1 6 7`. Which four numbers are token 1? And token 3?

# %% tags=["guess"]
guess_token_1 = None  # a list of four numbers
guess_token_3 = None


# %% tags=["exercise:mae-patchify"]
def patchify(images: Tensor, patch_size: int) -> Tensor:
    """Cut each image (B, C, H, W) into a sequence of flattened square patches (B, N, P*P*C).

    Patches are taken row by row: N = (H / P) * (W / P).
    Inside a patch the order is (row, column, channel): the channel varies fastest.
    Raises ValueError, saying why, where P does not divide both H and W. H and W may differ.
    """
    ### BEGIN SOLUTION
    batch, channels, height, width = images.shape
    if height % patch_size or width % patch_size:
        raise ValueError(f"patches of {patch_size} do not fit into images of {height}x{width}")
    rows, columns = height // patch_size, width // patch_size
    x = images.reshape(batch, channels, rows, patch_size, columns, patch_size)
    x = x.permute(0, 2, 4, 3, 5, 1)  # (B, rows, columns, P, P, C)
    return x.reshape(batch, rows * columns, patch_size * patch_size * channels)
    ### END SOLUTION


# %% tags=["check:mae-patchify"]
check("mae-patchify")

# %% [markdown]
# <details><summary>Hint 1: what to look at</summary>
#
# Which of row, column and channel varies fastest inside a patch? Write down the first four numbers of the first token
# of a 2 × 2 image with three channels.
#
# </details>
#
# <details><summary>Hint 2: in words</summary>
#
# Give each of the six things (image, channel, row of patches, row in the patch, column of patches, column in the
# patch) an axis of its own, bring the axes into the order of the answer, then merge those that belong together.
#
# </details>

# %% [markdown]
# **Figure.** Left, a test card. Right, your tokens of the card. If you read A to F in the card's colours, the order is
# right. Training never shows a mistake here: a network learns from any fixed order.
#
# <details><summary>It looks otherwise?</summary>
#
# - If letters are scrambled, the pixels of a patch are in another order, or come from several patches.
# - If letters are whole but in other places, the patches count down the columns.
# - If letters are whole but their colours are wrong, the channel does not vary fastest.
#
# </details>

# %% tags=["show"]
if written("mae-patchify"):
    numbers = torch.arange(24.0).reshape(1, 1, 4, 6)
    print(
        "tokens 1 and 3:", patchify(numbers, 2)[0, [1, 3]].int().tolist(), "· your guess:", guess_token_1, guess_token_3
    )
    card = figures.letter_card()  # (1, 3, 16, 24)
    plots.patches(card[0], patchify(torch.cat([card, 1 - card]), 8)[0], 8)

# %% [markdown]
# ## And back (about 10 min, ●○○)
#
# The decoder answers in tokens; to look at its answer we need the way back. Six patches are 2 × 3, 3 × 2 or 1 × 6, so
# the size is an argument.


# %% tags=["exercise:mae-unpatchify"]
def unpatchify(patches: Tensor, patch_size: int, image_size: tuple[int, int]) -> Tensor:
    """Put patches (B, N, P*P*C) together again: images (B, C, H, W), where image_size is (H, W).

    Patches and the numbers inside each stand in the order of `patchify`.
    Raises ValueError, saying why, where N patches do not fill the image or P*P does not divide the patch's length.
    """
    ### BEGIN SOLUTION
    batch, count, length = patches.shape
    rows, columns = image_size[0] // patch_size, image_size[1] // patch_size
    if (rows * patch_size, columns * patch_size) != tuple(image_size) or count != rows * columns:
        raise ValueError(f"{count} patches of {patch_size} do not fill an image of {image_size[0]}x{image_size[1]}")
    if length % patch_size**2:
        raise ValueError(f"a patch of {patch_size}x{patch_size} pixels cannot hold {length} numbers")
    x = patches.reshape(batch, rows, columns, patch_size, patch_size, length // patch_size**2)
    x = x.permute(0, 5, 1, 3, 2, 4)  # (B, C, rows, P, columns, P)
    return x.reshape(batch, -1, rows * patch_size, columns * patch_size)
    ### END SOLUTION


# %% tags=["check:mae-unpatchify"]
check("mae-unpatchify")

# %% [markdown]
# <details><summary>Hint 1: what to look at</summary>
#
# Rows and columns differ here. Where do you learn how many of each there are?
#
# </details>
#
# <details><summary>Hint 2: in words</summary>
#
# The same six axes as on the way there, now split from the tokens, and brought into the order of the image.
#
# </details>

# %% [markdown]
# **Figure.** Right, six tokens made by the course; left, your image of them. If you read 0 1 2 above 3 4 5, all is in
# its place. Below, grey photos (one channel) go there and back. If the last row is black, nothing was lost. That alone
# proves little: two wrong orders can undo each other.

# %% tags=["show"]
if written("mae-unpatchify"):
    plots.patches(unpatchify(figures.stairs(), 8, (16, 24))[0], figures.stairs()[0], 8)
if written("mae-patchify", "mae-unpatchify"):
    narrow = photos[..., 4:28].mean(dim=1, keepdim=True)  # (8, 1, 32, 24)
    back = unpatchify(patchify(narrow, 4), 4, (32, 24))
    gap = (back - narrow).abs()
    rows = ["photo", "there and back", "difference"]
    plots.images([narrow, back, gap], rows, message=f"largest difference {gap.max():.3g}")

# %% [markdown]
# ## Hiding (about 25 min, ●●○)
#
# Each token draws a number, its *noise*; the $K$ smallest stay. With the noise `.9 .1 .5 .3` and a ratio of .5,
# tokens 1 and 3 stay, in this order. All four, sorted, stand `1 3 2 0`.
#
# The decoder will need the way home: where did token $n$ go? Token 0 to place 3, token 1 to place 0. That list,
# `3 0 2 1`, is `ids_restore`.

# %% [markdown]
# Do two images of one batch share a mask? What would the network learn if every batch used the same one?

# %% tags=["guess"]
guess_same_mask = None  # True or False


# %% tags=["exercise:mae-random-masking"]
def random_masking(tokens: Tensor, mask_ratio: float, noise: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Keep K = int(N * (1 - mask_ratio)) tokens of each image, chosen by noise. 0 <= mask_ratio < 1.

    tokens: (B, N, D). noise: (B, N) without ties; if None, a fresh draw from torch.rand, another one for each image.
    Returns (visible, mask, ids_restore):
    visible (B, K, D): the tokens with the K smallest noise values, smallest noise first;
    mask (B, N), floating: 0 where the token was kept, 1 where it was removed, in the order of `tokens`;
    ids_restore (B, N), int64: sort the whole image's tokens by noise; token n then stands at place ids_restore[n].
    """
    ### BEGIN SOLUTION
    batch, count, width = tokens.shape
    if noise is None:
        noise = torch.rand(batch, count, device=tokens.device)
    keep = int(count * (1 - mask_ratio))
    ids_shuffle = noise.argsort(dim=1)  # who stands at place i
    ids_restore = ids_shuffle.argsort(dim=1)  # where token n went
    ids_keep = ids_shuffle[:, :keep]
    visible = tokens.gather(1, ids_keep.unsqueeze(-1).expand(-1, -1, width))  # (B, K, D)
    mask = (ids_restore >= keep).to(tokens.dtype)
    return visible, mask, ids_restore
    ### END SOLUTION


# %% tags=["check:mae-random-masking"]
check("mae-random-masking")

# %% [markdown]
# <details><summary>Hint 1: what to look at</summary>
#
# Your `ids_restore` answers one of two questions: *who stands at place i?* or *where did token n go?* The decoder
# asks the second.
#
# </details>
#
# <details><summary>Hint 2: in words</summary>
#
# Sorting gives the order; sorting the order gives its inverse. The mask is made most easily where its answer is
# plain, and then brought into the order of the image.
#
# </details>

# %% [markdown]
# **Figure.** Two batches of the same three photos, with your masks. If you see six different patterns, with 16 of 64
# patches left in each, the masks are right.
#
# <details><summary>It looks otherwise?</summary>
#
# - If most patches are visible, the ratio or the mask is turned round.
# - If three neighbours share a pattern, all images of a batch get one draw.
# - If the right three repeat the left three, every batch gets the same draw.
#
# </details>

# %% tags=["show"]
if written("mae-random-masking"):
    masks = [random_masking(torch.zeros(3, 64, 1), 0.75)[1] for _ in range(2)]
    plots.mask_over(photos[:3].repeat(2, 1, 1, 1), torch.cat(masks), 4)
    kept = random_masking(torch.zeros(1000, 64, 1), 0.75)[1] < 0.5
    print(f"in 1,000 masks, {kept[:, :32].sum() / kept.sum():.0%} of the kept patches lie in the upper half")
    print("your guess, that images share a mask:", guess_same_mask)

# %% [markdown]
# **Figure.** The test card, with noise that keeps E, B and F. Below are the three as you return them; above, each sent
# home by your `ids_restore`. If the lower row reads E B F, and above every letter stands under its own name, the
# decoder will find its way.
#
# <details><summary>It looks otherwise?</summary>
#
# - If the lower row has another order, it is not sorted by noise.
# - If a letter stands under another name, your list says who stands at a place, not where a token went.
#
# </details>

# %% tags=["show"]
if written("mae-patchify", "mae-random-masking"):
    noise = torch.tensor([[0.5, 0.2, 0.7, 0.9, 0.1, 0.3]])  # stay: E, B, F
    visible, mask, ids_restore = random_masking(patchify(figures.letter_card(), 8), 0.5, noise)
    kept = figures.tiles(visible[0], 8)
    home = figures.tiles(figures.at_home(visible[0], ids_restore[0]), 8)
    titles = ["sent home", "as returned"]
    plots.images([home, kept], titles, columns=list("ABCDEF"), message=f"mask {mask[0].int().tolist()}")

# %% [markdown]
# ## The encoder (about 30 min, ●●●)
#
# Six steps: embed the patches, add positions, hide, put the class token first, run the blocks, normalise. Once tokens
# are shuffled, only a position added before tells where one came from.

# %% [markdown]
# The constructor is given; you write two methods. The *class token* is a learned vector without a patch. Row 0 of the
# positions is its own. (It is zero here; figure and checks change it.)
#
# <details><summary>Why a class token?</summary>
#
# It comes from [BERT](https://arxiv.org/abs/1810.04805) and the
# [Vision Transformer](https://arxiv.org/abs/2010.11929), where a classifier needs one vector for the whole input. Every
# token stands for one patch, so an extra one is put in front that stands for none: it can collect, through attention,
# whatever concerns the image as a whole, and the classifier reads that one. A masked autoencoder has no classifier
# while it trains. The token is kept all the same, so that the encoder can be finetuned later like any Vision
# Transformer. We read the mean over patches instead, which the paper finds to work about as well.
#
# </details>


# %% tags=["given"]
class MAEEncoderBase(nn.Module):
    """Parts of the encoder. pos_embed (1, 1 + N, D): row 0 belongs to the class token, row 1 + n to patch n."""

    def __init__(self, image_size=(32, 32), patch_size=4, channels=3, dim=128, depth=4, heads=4):
        super().__init__()
        self.image_size, self.patch_size, self.channels = tuple(image_size), patch_size, channels
        self.dim, self.depth, self.heads = dim, depth, heads
        self.patch_embed = nn.Linear(patch_size**2 * channels, dim)
        self.cls_token = nn.Parameter(0.02 * torch.randn(1, 1, dim))
        positions = sincos_positions(dim, image_size[0] // patch_size, image_size[1] // patch_size)
        self.register_buffer("pos_embed", torch.cat([torch.zeros(1, dim), positions]).unsqueeze(0))
        self.blocks = nn.ModuleList(Block(dim, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        initialize(self)


# %% tags=["exercise:mae-encoder"]
class MAEEncoder(MAEEncoderBase):
    """The half that sees: a transformer on the patches that were not removed."""

    def forward(
        self, images: Tensor, mask_ratio: float = 0.75, noise: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Encode the visible patches of images (B, C, H, W): (latent (B, 1 + K, D), mask, ids_restore).

        latent holds the class token first, then the K visible patches in the order of `random_masking`.
        mask and ids_restore are those of `random_masking`, to which mask_ratio and noise are passed on.
        Raises ValueError, saying why, where images are not self.channels x self.image_size.
        """
        ### BEGIN SOLUTION
        if tuple(images.shape[1:]) != (self.channels, *self.image_size):
            raise ValueError(
                f"this encoder reads {self.channels} channels of {self.image_size}, not {tuple(images.shape[1:])}"
            )
        tokens = self.patch_embed(patchify(images, self.patch_size)) + self.pos_embed[:, 1:]  # (B, N, D)
        visible, mask, ids_restore = random_masking(tokens, mask_ratio, noise)
        cls_token = (self.cls_token + self.pos_embed[:, :1]).expand(len(images), -1, -1)
        x = torch.cat([cls_token, visible], dim=1)  # (B, 1 + K, D)
        for block in self.blocks:
            x = block(x)
        return self.norm(x), mask, ids_restore
        ### END SOLUTION

    def features(self, images: Tensor) -> Tensor:
        """One vector per image (B, D): the same sequence with nothing masked, class token included;
        then, after the norm, the mean over the N patch tokens without the class token. Gradients flow.

        Raises ValueError, saying why, where images are not self.channels x self.image_size.
        """
        ### BEGIN SOLUTION
        latent, _, _ = self(images, mask_ratio=0.0)  # in random order: a mean does not mind
        return latent[:, 1:].mean(dim=1)
        ### END SOLUTION


# %% tags=["check:mae-encoder"]
check("mae-encoder")

# %% [markdown]
# <details><summary>Hint 1: what to look at</summary>
#
# Token 17 must carry position 17 wherever it stands in the shortened sequence. What has happened to the sequence when
# you add yours?
#
# </details>
#
# <details><summary>Hint 2: in words</summary>
#
# `features` needs nothing new: think of it as the same walk with nothing hidden, and then ask which of the 1 + N
# results belong into the mean.
#
# </details>

# %% [markdown]
# **Figure.** We invert one patch at a time: how far do the latents move? 1 is the strongest; outlined are the 16
# patches that the encoder may see. If the other 48 are exactly 0, it sees nothing else. If a number stands in one,
# hidden pixels leak in.

# %% tags=["show"]
if written("mae-patchify", "mae-random-masking", "mae-encoder"):
    torch.manual_seed(0)
    untrained = MAEEncoder(depth=1).eval()
    image, noise = pictures.normalize(photos[:1]), torch.rand(1, 64)
    moved = figures.sensitivity(untrained, image, noise, 0.75)
    latent, mask, _ = untrained(image, 0.75, noise)
    hidden = mask[0].reshape(8, 8)
    leaks = int((moved[hidden == 1] > 0).sum())
    message = f"{int(hidden.sum())} hidden patches, {leaks} of them change the latent"
    title = "How far each patch moves the latent"
    plots.matrix(moved, outline=(hidden == 0).nonzero().tolist(), title=title, message=message)
    print(f"deviation of a latent: {latent.std(dim=-1).mean():.2f}, 1 after the norm")
    one, other = (untrained(image)[1] for _ in range(2))
    print("two calls without noise hide the same patches:", one.equal(other))

# %% [markdown]
# **Figure.** Five patches, A to E, of which E and B are kept. Each row changes one vector; each column is a latent that
# may move. If a kept position moves its own latent most, and those of A, C and D move nothing, positions were added
# before hiding.
#
# <details><summary>It looks otherwise?</summary>
#
# - If a position moves another patch's latent most, it was added after hiding, in the shuffled order.
# - If a position of A, C or D moves anything, the same mistake is behind it.
# - If the row of cls_token or of its position is zero, it was left out.
# - If a position moves its own latent alone, no block ran: the small numbers come from attention.
#
# </details>

# %% tags=["show"]
if written("mae-patchify", "mae-random-masking", "mae-encoder"):
    torch.manual_seed(0)
    figures.encoder_table(MAEEncoder(image_size=(4, 20), depth=1))

# %% [markdown]
# **Figure.** How far are your `features` from two means of your own latents? If the upper dot is at 0, you average the
# patches alone. If the lower one is, the class token is in your mean.

# %% tags=["show"]
if written("mae-patchify", "mae-random-masking", "mae-encoder"):
    with torch.no_grad():
        everything, features = untrained(image, 0.0)[0][0], untrained.features(image)[0]
    means = {"patches alone": everything[1:].mean(dim=0), "with the class token": everything.mean(dim=0)}
    gaps = [(features - mean).abs().max().item() for mean in means.values()]
    plots.dots(list(means), gaps, xlabel="largest difference", title="Your features against two means")

# %% [markdown]
# ## The decoder (about 30 min, ●●●)
#
# It receives $1 + K$ latents in shuffled order and must say something about all $N$ patches. Every hole starts from the
# same learned vector, the *mask token*; only its position tells it from other holes. So positions are added when every
# token is back at its place.
#
# <details><summary>Why so small a decoder, and why throw it away?</summary>
#
# Painting pixels needs details: which shade, how sharp an edge. Naming a thing needs few of them. If the encoder had to
# do both, its last layers would be busy with pixels, and its features would be worse for everything else. The decoder
# takes that work over. It also lets the encoder be cheap: the encoder reads 17 tokens, while only the small decoder
# reads all 65. [He et al. 2021](https://arxiv.org/abs/2111.06377) (Table 1) vary its depth: for a linear probe a deep
# decoder matters, for finetuning one block is nearly as good as eight. Nobody needs painted pixels later, so only the
# encoder is kept.
#
# </details>


# %% tags=["given"]
class MAEDecoderBase(nn.Module):
    """Parts of the decoder. pos_embed (1, 1 + N, D): row 0 belongs to the class token, row 1 + n to patch n."""

    def __init__(self, image_size=(32, 32), patch_size=4, channels=3, encoder_dim=128, dim=64, depth=1, heads=4):
        super().__init__()
        self.image_size, self.patch_size, self.channels = tuple(image_size), patch_size, channels
        self.encoder_dim, self.dim, self.depth, self.heads = encoder_dim, dim, depth, heads
        self.embed = nn.Linear(encoder_dim, dim)
        self.mask_token = nn.Parameter(0.02 * torch.randn(1, 1, dim))
        positions = sincos_positions(dim, image_size[0] // patch_size, image_size[1] // patch_size)
        self.register_buffer("pos_embed", torch.cat([torch.zeros(1, dim), positions]).unsqueeze(0))
        self.blocks = nn.ModuleList(Block(dim, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.predict = nn.Linear(dim, patch_size**2 * channels)
        initialize(self)


# %% tags=["exercise:mae-decoder"]
class MAEDecoder(MAEDecoderBase):
    """The half that guesses: from a few latents to a prediction for every patch."""

    def forward(self, latent: Tensor, ids_restore: Tensor) -> Tensor:
        """Predict every patch (B, N, P*P*C) from latent (B, 1 + K, encoder_dim) and ids_restore (B, N).

        latent: class token first, then the K visible patches in shuffled order, as the encoder returns them.
        Row n of the answer is about patch n, in the order that ids_restore brings back.
        The class token goes through the blocks with the patches, with row 0 of pos_embed; its output is dropped.
        """
        ### BEGIN SOLUTION
        x = self.embed(latent)  # (B, 1 + K, dim)
        batch, seen, dim = x.shape
        missing = ids_restore.shape[1] - (seen - 1)
        shuffled = torch.cat([x[:, 1:], self.mask_token.expand(batch, missing, -1)], dim=1)  # (B, N, dim)
        patches = shuffled.gather(1, ids_restore.unsqueeze(-1).expand(-1, -1, dim))
        x = torch.cat([x[:, :1], patches], dim=1) + self.pos_embed  # (B, 1 + N, dim)
        for block in self.blocks:
            x = block(x)
        return self.predict(self.norm(x))[:, 1:]
        ### END SOLUTION


# %% tags=["check:mae-decoder"]
check("mae-decoder")

# %% [markdown]
# <details><summary>Hint 1: what to look at</summary>
#
# Row n of your answer should be about patch n. Whose prediction stands there now? And who, besides patches, is in the
# sequence?
#
# </details>
#
# <details><summary>Hint 2: in words</summary>
#
# Lay the shuffled row out completely first, holes included. Then one step brings all patches home. The class token
# stays out of that step, and stays in until the end.
#
# </details>

# %% [markdown]
# **Figure.** The same table for the decoder, which gets latents of D and A. If each latent and each position moves its
# own patch most, and the mask token B, C and E, everything stands in its place.
#
# <details><summary>It looks otherwise?</summary>
#
# - If a latent moves another patch most, the tokens were not sent home, or by the wrong list.
# - If a position moves another patch most, it was added before they were.
# - If a row is zero, nothing reads that vector.
# - A forgotten last norm does not show here; the check finds it.
# - If the class token does not move all patches, it was dropped before the block.
#
# </details>

# %% tags=["show"]
if written("mae-decoder"):
    torch.manual_seed(0)
    figures.decoder_table(MAEDecoder(image_size=(4, 20)))

# %% [markdown]
# ## The loss (about 15 min, ●●○)
#
# How far is the painting from the truth, on the hidden patches? Each target patch $x$ is first normalised by its own
# mean $\mu$ and deviation. The paper does it because the features get better ([He et al.
# 2021](https://arxiv.org/abs/2111.06377), §3). Our reading: faint contrast then counts as much as strong.
#
# $$ t = \frac{x - \mu}{\sqrt{\sigma^2 + 10^{-6}}}, \qquad
# L = \frac{1}{\sum_n m_n} \sum_n m_n \cdot \frac{1}{P^2 C} \lVert y_n - t_n \rVert^2 $$
#
# where $y_n$ is the prediction for patch $n$, and the mask $m_n$ is 1 where it was hidden. Sums run over the batch.

# %% [markdown]
# Someone knows only the mean of every hidden patch, and so predicts 0 everywhere. What is their loss, for $P = 4$ and
# $C = 3$?

# %% tags=["guess"]
guess_mean_only = None  # a number


# %% tags=["exercise:mae-loss"]
def mae_loss(
    images: Tensor, predictions: Tensor, mask: Tensor, patch_size: int, normalize_targets: bool = True
) -> Tensor:
    """Mean squared error of predictions (B, N, P*P*C) on the removed patches of images (B, C, H, W): a scalar.

    The target of a patch is its pixels, in the order of `patchify`; with normalize_targets, each patch on its own:
    (x - mean) / sqrt(variance + 1e-6), the variance unbiased.
    The squared error is averaged inside each patch, then over all removed patches (mask 1) of the batch,
    each with the same weight. At least one patch is removed.
    """
    ### BEGIN SOLUTION
    targets = patchify(images, patch_size)
    if normalize_targets:
        mean = targets.mean(dim=-1, keepdim=True)
        variance = targets.var(dim=-1, keepdim=True)
        targets = (targets - mean) / (variance + 1e-6).sqrt()
    error = (predictions - targets).square().mean(dim=-1)  # (B, N)
    return (error * mask).sum() / mask.sum()
    ### END SOLUTION


# %% tags=["check:mae-loss"]
check("mae-loss")

# %% [markdown]
# <details><summary>Hint 1: what to look at</summary>
#
# How large is the gradient on a patch that the encoder saw? And which numbers share one mean and one deviation?
#
# </details>
#
# <details><summary>Hint 2: in words</summary>
#
# First one error per patch. Then a mean over some of the patches: how do you weigh them so that the hidden ones count
# equally, whichever image they come from?
#
# </details>

# %% [markdown]
# **Figure.** The size of the loss's gradient on each predicted patch of two images, side by side. If the hidden patches
# (outlined) show 1 and the others 0, only the hidden count, and all the same.
#
# Below, your loss of known predictions. Means alone cost 47/48 = .979, because the unbiased variance divides by 47.
# Predicting 1 everywhere costs 1 more. The other two cost 0.
#
# <details><summary>It looks otherwise?</summary>
#
# - If visible patches show more than 0, they count in your loss.
# - If one image's patches are darker than the other's, you averaged image by image.
# - If "means only" is 1, your variance divides by 48.
# - If "exact" is not 0, targets are normalised where `normalize_targets` is False.
# - If "one colour" is not a number, the 10⁻⁶ is missing.
#
# </details>

# %% tags=["show"]
if written("mae-patchify", "mae-loss"):
    images = pictures.normalize(photos[:2])[..., 8:24, 8:24]  # (2, 3, 16, 16): 16 patches each
    nothing = torch.zeros(2, 16, 48, requires_grad=True)
    mask = torch.tensor([[1.0, 1, 1, 0] * 4, [0.0, 0, 1, 0] * 4])
    loss = mae_loss(images, nothing, mask, 4)
    loss.backward()
    size = figures.side_by_side(nothing.grad.norm(dim=2), 4)
    outline = figures.side_by_side(mask, 4).nonzero().tolist()
    title, message = "Size of the gradient, two images side by side", f"{len(outline)} hidden patches"
    plots.matrix((size / size.max()).round(decimals=2), outline=outline, title=title, message=message)
    values = {
        "means only": loss,
        "1 everywhere": mae_loss(images, nothing + 1, mask, 4),
        "exact": mae_loss(images, patchify(images, 4), mask, 4, normalize_targets=False),
        "one colour": mae_loss(torch.zeros_like(images), nothing, mask, 4),
    }
    figures.loss_line(values, guess_mean_only)

# %% [markdown]
# ## Rehearsal (60 steps, a few seconds)
#
# Before a long run, a short one on eight images. If it ends in the shaded band, go on (ten seeds gave .68 to .78). If
# it ends below, visible patches count, or targets are not normalised. If far above, something is summed. Lost positions
# and leaks do *not* show.


# %% tags=["show"]
def step_for(encoder, decoder, mask_ratio=0.75):
    """One training step: a batch of uint8 images -> loss."""

    def step(batch):
        images = pictures.normalize(augment.flip(batch))
        latent, mask, ids_restore = encoder(images, mask_ratio)
        return mae_loss(images, decoder(latent, ids_restore), mask, 4)

    return step


EXERCISES = [f"mae-{name}" for name in "patchify unpatchify random-masking encoder decoder loss".split()]

# %% tags=["show"]
if ready(*EXERCISES):
    torch.manual_seed(0)
    pair = MAEEncoder(depth=2).to(device), MAEDecoder().to(device)
    few = pictures.unlabelled[:8]
    rehearsal = training.train(
        pair, step_for(*pair), few, steps=60, batch_size=8, lr=5e-3, betas=(0.9, 0.95),
        precision="float32", watch=lambda progress: None,
    )  # fmt: skip
    message = f"mean of the last ten steps: {rehearsal.smooth_loss(10):.3f}; expected .62 to .80"
    lines = {"knows only the means": 47 / 48}
    title = "Eight images, sixty steps"
    plots.curve(range(1, 61), rehearsal.losses, reference=lines, band=(0.62, 0.80), title=title, message=message)

# %% [markdown]
# ## The run (about 2 minutes) {#run}
#
# Now 25,000 images and 1,400 steps. Guess first: where will the loss end? And which of the eight photos (0 is the
# horse, 7 the deer) will come out best?
#
# <details><summary>What are AdamW and warm-up?</summary>
#
# [Adam](https://arxiv.org/abs/1412.6980) keeps running means of each weight's gradient and of its square, and moves
# every weight by about the same amount, however small its gradient. Transformers train badly without that.
# [AdamW](https://arxiv.org/abs/1711.05101) also shrinks the weights a little at every step, apart from the gradient, so
# that none grows without need; here it shrinks matrices only. In the first steps those means rest on a handful of
# batches and can be far off. *Warm-up* therefore lets the step size rise from 0 over the first 5 % of the run. It stays
# constant then, and falls to 0 over the last fifth, which settles the weights.
#
# </details>

# %% tags=["guess"]
guess_final_loss = None  # between 0 and .979
guess_best_photo = None  # 0 to 7

# %% [markdown]
# **While it runs.** If the loss lies on the dashed line, the network has learned to say 0 and no more. Below the line
# it uses what it sees. Three seeds ended at .55. Watch the paintings: which appears first, colour or edges?

# %% tags=["show"]
images = pictures.normalize(photos).to(device)
noise = torch.rand(8, 64, generator=torch.Generator().manual_seed(0)).to(device)


def paint(images, noise):
    """Rows of pictures (see [[#painted]]) and the mask."""
    with torch.no_grad():
        latent, mask, ids_restore = encoder(images, 0.75, noise)
        painted = unpatchify(decoder(latent, ids_restore), 4, (32, 32))
    return figures.repainted(images, painted, mask, 4), mask


def small_rows():
    """Originals and paintings of the eight photos, for the live figure."""
    rows, _ = paint(images, noise)
    return rows["original"], rows["the encoder sees"], rows["model + visible"]


# %% tags=["show"]
from kit import ready  # here, so that this cell also answers in a restarted kernel

again = False  # True: train once more; the weights of the earlier run stay until the new one is finished
torch.manual_seed(0)
encoder, decoder = MAEEncoder().to(device), MAEDecoder().to(device)
main_run = training.Run("mae", preset, pictures, encoder=encoder, decoder=decoder)
trained = main_run.load(again)
if not trained and ready(*EXERCISES):
    live = plots.Live(
        {"knows only the means": 47 / 48}, rows=small_rows, row_titles=["original", "seen", "painted"],
        pictures=pictures, name="MAE",
    )  # fmt: skip
    trained = main_run.train(
        step_for(encoder, decoder), pictures.unlabelled,
        steps=preset.steps("masked_autoencoder"), batch_size=preset.batch_size, betas=(0.9, 0.95), watch=live,
    )  # fmt: skip

# %% [markdown]
# ## What did it paint? (about 15 min) {#painted}
#
# Targets were normalised, so the network never says how bright a patch is, nor how strong its contrast. To make a
# picture we **borrow** both from the truth: each hidden patch's mean and deviation, over all channels at once.
# The model has to beat the third row, the borrowed means.

# %% [markdown]
# **Figure.** Row four is the model everywhere, row five the model in the holes only. If an edge runs on through a hole,
# the model continued it. If a hole is a blur, nothing told it more. The *visible* patches look worst in row four:
# nothing ever asked for those.

# %% tags=["show"]
from kit import have

if have("trained"):
    rows, mask = paint(images, noise)
    error = figures.errors(images, rows, mask, 4)
    message = "squared error on hidden pixels: " + ", ".join(f"{name} {value:.3f}" for name, value in error.items())
    plots.images(list(rows.values()), list(rows), pictures=pictures, message=message)

# %% [markdown]
# **Figure.** The loss on images that it never saw, beside your guess. Which photo is painted best?

# %% tags=["show"]
from kit import have

if have("trained"):
    unseen = pictures.normalize(pictures.test.images[:500]).to(device)
    with torch.no_grad():
        latent, mask, ids_restore = encoder(unseen)
        loss = mae_loss(unseen, decoder(latent, ids_restore), mask, 4).item()
        latent, mask, ids_restore = encoder(images, 0.75, noise)
        predictions = decoder(latent, ids_restore)
        each = [mae_loss(images[i : i + 1], predictions[i : i + 1], mask[i : i + 1], 4).item() for i in range(8)]
    guessed = {} if guess_final_loss is None else {"your guess": guess_final_loss}
    landmarks = {"knows only the means": 47 / 48, "perfect": 0.0}
    plots.number_line({"yours, on 500 unseen images": loss} | guessed, landmarks, title="Loss on unseen images")
    print("loss of photos 0 to 7:", [round(value, 2) for value in each], "· your guess for the best:", guess_best_photo)

# %% [markdown]
# ## Your turn: hide what you like (about 10 min) {-}
#
# Which photo, how much of it, and where? Compare a block with as many random patches: the losses differ. Why?

# %% tags=["show"]
from kit import have

photo, my_share, block = 7, 0.25, True  # yours: 0 to 7; 0.05 to 0.95; False: hidden at random
if have("trained"):
    photo, my_share, block = figures.settings(photo=photo, my_share=my_share, block=block)
    one = images[photo : photo + 1]
    with torch.no_grad():
        latent, mask, ids_restore = encoder(one, my_share, figures.noise_for(block).to(device))
        predictions = decoder(latent, ids_restore)
    painted = figures.repainted(one, unpatchify(predictions, 4, (32, 32)), mask, 4)
    names = ["original", "the encoder sees", "true means", "model + visible"]
    loss = mae_loss(one, predictions, mask, 4)
    message = f"loss {loss:.2f} on {int(mask.sum())} hidden patches"
    columns = ["original", "seen", "true means", "painted"]
    plots.images(torch.cat([painted[name] for name in names]), columns=columns, pictures=pictures, message=message)

# %% [markdown]
# **Where does it look?** The right picture shows how the attention of one hidden patch (orange) is shared out; thin
# frames mark visible patches. If dark squares lie near, it reads what adjoins. If far ones are dark too, it uses more.

# %% tags=["show"]
from kit import have

photo, patch = 0, 36  # yours: 0 to 7; 0 to 63, row by row
if have("trained"):
    rows, mask = paint(images, noise)
    photo = figures.settings(photo=photo)
    patch = figures.hidden_patch(patch, mask[photo])
    with torch.no_grad():
        latent, _, ids_restore = encoder(images, 0.75, noise)
    shares = figures.attention(decoder, latent, ids_restore, patch)
    seen, painted = (rows[name][photo] for name in ("the encoder sees", "model + visible"))
    figures.looks(seen, painted, shares[photo], mask[photo], patch, pictures)

# %% [markdown]
# ## Is it good for anything? (about 15 min, ●○○) {#worth}
#
# Has the encoder learned something about horses and ships? Freeze it, write down `features` of 10,000 images with
# labels, and let a linear rule read the class: *ridge regression* (`probes.ridge_accuracy`). An encoder with random
# weights is the control. In [[linear_probe]] you build a finer instrument.
#
# <details><summary>What is ridge regression?</summary>
#
# For each image write down ten numbers, one a class: 1 for its own, 0 for the others. A linear rule (weights times
# features, plus a constant) is fitted to them: the squared error is to be small, and so are the weights, which would
# otherwise grow large wherever several features say nearly the same. One system of linear equations gives the answer:
# no steps, no learning rate, the same result every time. A test image gets the class with the largest of its ten
# numbers. It is quick, not the best: a squared error also punishes a number that is larger than it need be.
#
# </details>

# %% tags=["guess"]
guess_accuracy = {"pixels": None, "random transformer": None, "MAE": None}  # accuracies; chance is 0.10

# %% [markdown]
# **Figure.** Accuracy on 5,000 test images; bars, two standard errors, say what other test images would change. Another
# seed adds about .01. The course's three seeds gave .504 to .515, pixels .400, random twins .389 to .399. If you see
# less than .46, or less than .07 above the twin, something went wrong above.

# %% tags=["show"]
from kit import have

if have("trained"):
    torch.manual_seed(1)
    levels = judging.by_level({"random transformer": MAEEncoder().to(device), "MAE": encoder}, known)
    judging.save(stored.path_of("mae-features", preset.name, pictures), levels, main_run.record)
    accuracy = {
        "pixels": judging.accuracy((probes.pixels(known.train.images), probes.pixels(known.test.images)), known)
    }
    accuracy |= {name: judging.accuracy((train[-1], test[-1]), known) for name, (train, test) in levels.items()}
    bars = [2 * probes.standard_error(value, len(pictures.test)) for value in accuracy.values()]
    title = "What ridge regression reads from the features"
    plots.dots(list(accuracy), list(accuracy.values()), bars, chance=0.1, guesses=guess_accuracy, title=title)

# %% [markdown]
# **Figure.** A map of the features of 1,000 test images: the two directions, of 128, in which they vary most. Large
# markers are the middles of classes. If classes lie apart on the right only, training did it. If they overlap, do *not*
# conclude that the features cannot tell them: the printed line says how much the map leaves out.

# %% tags=["show"]
from kit import have

if have("trained") and have("levels"):
    shown = pictures.test.images[:1000], pictures.test.labels[:1000]
    maps = {name: levels[name][1][-1][:1000] for name in ("random transformer", "MAE")}
    plots.feature_map(maps, shown[1], pictures.classes, title="The same 1,000 test images, twice")

# %% [markdown]
# **Your turn.** Pick an image; each row shows its seven nearest (ticked: its class). What does each row go by? One
# image proves little: try several.

# %% tags=["show"]
from kit import have

query = 17  # yours: 0 to 999
if have("trained") and have("maps"):
    spaces = {"pixels": probes.pixels(shown[0])} | maps
    plots.neighbours(query, spaces, *shown, pictures.classes)

# %% [markdown]
# ## How much should be hidden? (about 10 min, ●○○) {#ratio}
#
# Which of the ratios .25, .5, .75 and .9 ends with the lowest loss, which with the best features, after 500 steps each?

# %% tags=["guess"]
guess_best_ratio_for_loss = None  # one of 0.25, 0.5, 0.75, 0.9
guess_best_ratio_for_features = None

# %% [markdown]
# **Figure.** Left: does the better loss give the better features? Right, solid line: after equal *steps* 25 %, 50 % and
# 75 % are a tie (.475, .482, .472), so hiding 25 % does as well. Why do the authors hide 75 % all the same? The dashed
# line joins runs of about equal *work*: a step at 75 % costs two fifths of one at 25 %, since the encoder reads 17
# tokens, not 49. (Three seeds; bars from lowest to highest.)

# %% tags=["show"]
from kit import have, ready

my_ratio = 0.6  # yours: 0.05 to 0.95
my_ratio = figures.settings(my_ratio=my_ratio)
torch.manual_seed(0)
pair = MAEEncoder().to(device), MAEDecoder().to(device)
run = training.Run(f"mae-ratio-{my_ratio:g}", preset, pictures, encoder=pair[0], decoder=pair[1])
done = run.load()
if not done and ready(*EXERCISES):
    done = run.train(
        step_for(*pair, my_ratio), pictures.unlabelled,
        steps=preset.steps("masked_autoencoder", "ratio"), betas=(0.9, 0.95),
        watch=plots.Live({"knows only the means": 47 / 48}, name="MAE"),
    )  # fmt: skip
if done:
    parts = [probes.features_of(pair[0].features, pictures, part.images) for part in (known.train, known.test)]
    guessed = guess_best_ratio_for_loss, guess_best_ratio_for_features
    figures.ratios(my_ratio, run.loss, judging.accuracy(parts, known), accuracy["MAE"] if trained else None, guessed)

# %% [markdown]
# ## Questions
#
# Answer in your own words, with your own numbers.
#
# **(a)** We hide 75 % of an image. [BERT](https://arxiv.org/abs/1810.04805) (Devlin et al. 2018), which does the same
# with sentences, hides 15 % of the words. Why is so much more right for images, and why does it pay even where 25 %
# gives equal features after equal steps? Use the figure in [[#ratio]]. Four to six sentences.

# %% [markdown] tags=["answer:mae-why-75"]
# *Your answer here.*

# %% [markdown]
# **(b)** Suppose nothing is hidden: the encoder sees all 64 patches and the loss is taken over all of them. One token
# has 128 numbers for 48 of the image. What would the network learn? Predict its accuracy beside those of the
# figure in [[#worth]], with a reason. Three to five sentences.

# %% [markdown] tags=["answer:mae-sees-everything"]
# *Your answer here.*

# %% [markdown]
# **(c)** Look at rows three and five of the figure in [[#painted]]. What did your model add to what was borrowed, and
# what not? Name one image where it failed, and say how. Three to five sentences.

# %% [markdown] tags=["answer:mae-borrowed-means"]
# *Your answer here.*

# %% [markdown]
# ## What you can do now {-}
#
# Turn images into tokens and back; train a transformer without labels; tell with a control whether its features are
# worth anything.
#
# **Beside the paper.** Its ViT-L reaches 75.8 % by a linear probe on ImageNet's 1,000 classes, after 1,600 epochs on
# 1.3 million images. Yours: 25,000 small images, seven epochs, 0.8 million weights. Nearer in size, the [Keras
# example](https://keras.io/examples/vision/masked_image_modeling/) reports, on CIFAR-10 with 75 % hidden and 100
# epochs, [46.84 % to 49.33 %](https://github.com/ariG23498/mae-scalable-vision-learners) by depth.
#
# **To try:** train with blocks hidden: are the features better? Patches of 2 or 8? Next: [[contrastive_learning]],
# where nothing is painted.
#
# <details><summary>Further reading</summary>
#
# - [Context Encoders](https://arxiv.org/abs/1604.07379) (Pathak et al. 2016) painted a hidden block, with convolutions.
# - [BEiT](https://arxiv.org/abs/2106.08254) (Bao et al. 2021) predicts a hidden patch's word from a visual dictionary.
# - [SimMIM](https://arxiv.org/abs/2111.09886) (Xie et al. 2021) gives the encoder the mask tokens and needs no decoder.
# - [How Mask Matters](https://arxiv.org/abs/2210.08344) (Zhang et al. 2022) asks why hiding gives good features.
#
# </details>
