# %% [markdown]
# # Which two belong together?
#
# Below are twelve pieces of six photos, shuffled. Which two come from the same one? A network that can tell has learned
# to see without a single label ([SimCLR](https://arxiv.org/abs/2002.05709), Chen et al. 2020).
#
# - **At the end:** a network that finds pictures of a kind, and a number for what it learned.
# - **Your time:** about 2½ hours (an estimate); ●○○ is a short step, ●●● the hardest. **Computing:** about 4 minutes.
# - **What needs what:** both losses and [[nce-two-views]] need nothing else. The run needs all but [[nce-info-nce]].

# %% tags=["given"]
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kit import check, ready, written
from ps3 import augment, data, guesses, plots, probes, training
from ps3.contrastive_learning import figures, parts

# %% tags=["show"]
torch.manual_seed(0)
preset, device = training.preset(), training.best_device()
pictures = data.load()
photos = data.to_float(pictures.test.images)  # (5000, 3, 32, 32), 0 to 1
print(training.preset_line(preset, device))
print(f"{len(pictures.unlabelled):,} images to learn from, {len(photos):,} to test")

# %% tags=["show"]
puzzle = figures.pairs_puzzle(pictures)
figures.show_puzzle(puzzle)

# %% [markdown]
# Write down six pairs, such as `(0, 7)`, then reveal (3 minutes). A guess is never graded.

# %% tags=["guess"]
guess_pairs = [(None, None), (None, None), (None, None), (None, None), (None, None), (None, None)]

# %% tags=["show"]
figures.reveal_pairs(puzzle, guess_pairs)

# %% [markdown]
# You used no labels. Neither will the network. *How* did you find pairs: by shapes, or by colours? See [[#colour]].

# %% [markdown]
# **Figure.** All of SimCLR. You keep what stands *before* the projection head (dashed): the 128 features.
#
# <details><summary>Why a projection head?</summary>
#
# The loss wants two views of a photo to become equal. Whatever reaches it had better forget in what views differ: which
# part is shown, which way it faces, its colours. A classifier may need just that. The *head*, two small layers, stands
# between the two: it can do the forgetting, so that the features before it need not. After training it is thrown away.
# [Chen et al. 2020](https://arxiv.org/abs/2002.05709) measured it: a linear classifier reads the class more than 10
# points better before the head than after it (§4.2), and how an image was turned in 68 % of cases before it, in 26 %
# after it, where chance is 25 % (Table 3).
#
# </details>

# %% tags=["show"]
figures.architecture()

# %% [markdown]
# ## Ten ways to change a picture (about 5 min, ●○○)
#
# The lecture's slide. A network that calls two of these the same has learned to ignore what differs between them.
#
# Guess: which of these, alone, makes finding the partner easiest? Which would be unwise for telling a 6 from a 9?

# %% tags=["guess"]
guess_easiest_task = None  # a name from the slide, such as "Gaussian blur"
guess_unwise_for_digits = None  # one of "crop and resize", "colour drop", "rotation", "Gaussian noise"

# %% tags=["show"]
ten = augment.ten_transformations()
one, draws = photos[[12]], torch.Generator().manual_seed(2)
shown = torch.cat([transform(one, draws) for transform in ten.values()])
names = list(ten)
plots.images((shown[:5], shown[5:]), labels=(names[:5], names[5:]), message=f"{len(ten)} ways to change a picture")
easiest = guesses.one_of(guess_easiest_task, names, called="guess_easiest_task")
unwise = guesses.one_of(guess_unwise_for_digits, names, called="guess_unwise_for_digits")
print(f"easiest: original, since unchanged pixels can be compared one by one; {plots.guess_text(easiest)}")
print(f"unwise: rotation, since half a turn makes a 6 into a 9; {plots.guess_text(unwise)}")

# %% [markdown]
# ## Crop and resize (about 25 min, ●●○)
#
# A box is given in fractions of the image, so it may begin inside a pixel. Each output pixel mixes the pixels nearest
# to one place.

# %% [markdown]
# **By hand first.** A row of four pixels: 10, 20, 30, 40; the box is its middle half, the size 2. Output 0 looks at the
# middle of the box's first half: ⅜ of the image. Pixel centres lie at ⅛, ⅜, ⅝, ⅞: output 0 is 20, output 1 is 30.
#
# With the box from ⅛ to ⅝: 15 and 25, halfway between centres. At the border, 0, it is 10: the edge repeats.


# %% tags=["exercise:nce-crop-and-resize"]
def crop_and_resize(images: Tensor, boxes: Tensor, size: int) -> Tensor:
    """Cut one box out of each image (B, C, H, W) and resample it to (B, C, size, size).

    boxes (B, 4): top, left, height, width, as fractions of the image's height and width; a box lies within its image.
    Output row i looks at (i + 0.5) / size of the box's height, column j at (j + 0.5) / size of its width.
    The centre of an image's pixel row r lies at (r + 0.5) / H, of its column c at (c + 0.5) / W.
    Between pixel centres: bilinear. Beyond the outermost centres the edge repeats. No antialiasing.
    """
    ### BEGIN SOLUTION
    top, left, height, width = boxes.unsqueeze(-1).unbind(dim=1)  # each (B, 1)
    steps = (torch.arange(size, device=boxes.device, dtype=boxes.dtype) + 0.5) / size
    y = (top + height * steps).unsqueeze(2).expand(-1, -1, size)  # (B, size, size), as fractions
    x = (left + width * steps).unsqueeze(1).expand(-1, size, -1)
    grid = torch.stack([x, y], dim=-1).to(images.dtype) * 2 - 1  # from 0..1 to -1..1
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
    ### END SOLUTION


# %% tags=["check:nce-crop-and-resize"]
check("nce-crop-and-resize")

# %% [markdown]
# <details><summary>Hint 1: where to look</summary>Take the mini-case above and compute, on paper, at which fraction
# of the image each output pixel looks: first for size 2, then for size 4.</details>
# <details><summary>Hint 2: which operation</summary>torch has a function that samples an image at places that you
# name. Read in its documentation in which order it takes the two coordinates, which number stands for which border,
# and what its options for corners and for places outside do.</details>

# %% [markdown]
# **Figure: where did it look?** Your function gets an image whose two channels *are* the places of its pixels, row and
# column. If you see a regular 4 × 4 grid of dots, half a step inside the box, it looks in the right places. (The first:
# row 1.88, column 4.26.)
#
# <details><summary>It looks otherwise?</summary>
#
# - If dots lie on the box's border, pixels look at the ends of their steps, not at the middles.
# - If the dots lie beside the box, rows and columns are exchanged.
# - If they begin at the right corner but end too early, height and width are taken for bottom and right.
# - If they are evenly spread, but too close together, the centres of the image's pixels are taken to lie elsewhere.
# - If they are not evenly spread, the nearest pixel is read, or the box is rounded to whole pixels.
#
# </details>

# %% tags=["show"]
if written("nce-crop-and-resize"):
    box = (0.16, 0.3, 0.6, 0.44)
    looked = crop_and_resize(figures.coordinates(8, 12), torch.tensor([box]), 4)[0]  # (2, 4, 4)
    plots.where_it_looked(
        looked.permute(1, 2, 0), box, (8, 12), title="An image of 8 × 12 pixels, and where it is read"
    )

# %% [markdown]
# **Figure: what lies between the pixels?** Bars are a row of pixels, dots what your function reads. If the dots join
# the middles of the bars in straight lines, and run level beyond the outermost middles, it mixes rightly.
#
# <details><summary>It looks otherwise?</summary>
#
# - If the dots form steps, the nearest pixel is read and nothing is mixed.
# - If they sink at the borders, whatever lies outside counts as black.
# - If they rise above 40 or fall below 10, the curve is cubic.
# - If the lines join at other places than the middles, pixel centres are half a pixel off.
#
# </details>

# %% tags=["show"]
if written("nce-crop-and-resize"):
    row = torch.tensor([10.0, 40.0, 40.0, 20.0])
    read = crop_and_resize(row.view(1, 1, 1, 4), torch.tensor([[0.0, 0.0, 1.0, 1.0]]), 32)
    figures.profile(row, read[0, 0, 0])

# %% [markdown]
# **Figure.** Seven random crops of a photo. If each is another piece, the right way up, every image has its own box. If
# all are equal, one box served all.

# %% tags=["show"]
if written("nce-crop-and-resize"):
    seven = photos[[12]].repeat(7, 1, 1, 1)
    boxes = augment.random_boxes(seven, (0.1, 0.5), torch.Generator().manual_seed(1))
    plots.images(torch.cat([seven[:1], crop_and_resize(seven, boxes, 32)]), columns=["photo"] + ["crop"] * 7)

# %% [markdown]
# ## Two views (about 5 min, ●○○)
#
# SimCLR shows the network every image twice, each time augmented anew.

# %% [markdown]
# **By hand first.** An augmentation adds a random number; the generator deals out 0.3, then 0.9. Of a black image,
# view1 holds 0.3 and view2 0.9.


# %% tags=["exercise:nce-two-views"]
def two_views(images: Tensor, augment, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    """Two augmented versions of the same images (B, C, H, W): the tuple (view1, view2).

    Calls augment(images, generator) twice, with both arguments by position; what the first call returns is view1.
    generator is passed on as it is, also when it is None. Views are returned as augment made them.
    """
    ### BEGIN SOLUTION
    view1 = augment(images, generator)
    view2 = augment(images, generator)
    return view1, view2
    ### END SOLUTION


# %% tags=["check:nce-two-views"]
check("nce-two-views")

# %% [markdown]
# <details><summary>Hint: what to look at</summary>How often is the augmentation called, with which two things, and in
# which order do the results come back?</details>
#
# **Figure.** Six photos, and what the generator's first draw makes of them: your crop, flips, changed colours. If view
# 1 repeats it, and view 2 shows other pieces in other colours, both are right.
#
# <details><summary>It looks otherwise?</summary>
#
# - If the views are equal, one draw is used twice.
# - If view 2 repeats the first draw, the views come back in the wrong order.
# - If neither repeats it, the generator is not passed on. (What becomes of `None` only the check shows.)
#
# </details>

# %% tags=["show"]
if written("nce-crop-and-resize", "nce-two-views"):
    views = augment.SimCLRViews(crop_and_resize)  # crop, flip, colour jitter, sometimes grey
    six = photos[:6].clone()
    first = views(six, torch.Generator().manual_seed(7))
    view1, view2 = two_views(six, views, torch.Generator().manual_seed(7))
    equal = int((view1 == view2).flatten(1).all(dim=1).sum())
    rows = {"photo": six, "first draw": first, "view 1": view1, "view 2": view2}
    plots.images(list(rows.values()), list(rows), message=f"views 1 and 2 are equal for {equal} of 6 photos")

# %% [markdown]
# ## The idea: a softmax with each image as a category
#
# Put view 1 of four photos on the rows, view 2 on the columns, and write down how alike every two are. In each row one
# cell is right: the same photo. That is classification with four categories, and labels cost nothing.
#
# **Figure.** Here "alike" is the cosine of bare pixels, less their mean. If the outlined cell is the largest of its
# row, pixels find the partner. If not, what misled them?

# %% tags=["show"]
if written("nce-crop-and-resize", "nce-two-views"):
    view1, view2 = two_views(photos[6:10], views, torch.Generator().manual_seed(2))
    a, b = (F.normalize((view - view.mean(dim=(1, 2, 3), keepdim=True)).flatten(1), dim=1) for view in (view1, view2))
    best = int(((a @ b.T).argmax(dim=1) == torch.arange(4)).sum())
    title, message = "How alike are the pixels of two views?", f"{best} of 4 rows are right"
    outline = [(i, i) for i in range(4)]
    plots.matrix(a @ b.T, view1, view2, outline=outline, signed=True, title=title, message=message)

# %% [markdown]
# Query $q_i$ is what the network makes of view 1 of image $i$, key $k_j$ of view 2 of image $j$. Divide their cosines
# by $T$, the `temperature`, take the softmax over the keys of each row, and ask for the right key:
#
# $$\ell = \frac{1}{B} \sum_{i=1}^{B} -\log \frac{\exp(\cos(q_i, k_i) / T)}{\sum_{j=1}^{B} \exp(\cos(q_i, k_j) / T)}$$
#
# This is InfoNCE ([van den Oord, Li & Vinyals 2018](https://arxiv.org/abs/1807.03748), Eq. 4, with the cosine over $T$
# as the score). Vectors twice as long change nothing.

# %% [markdown]
# ## InfoNCE (about 20 min, ●●○)
#
# **By hand first.** T = 1, cosines 0.9 and 0.1 in row 0, 0.2 and 0.6 in row 1. Row 0 picks its key with probability
# exp(0.9) / (exp(0.9) + exp(0.1)) = 0.690, which costs −log 0.690 = 0.371. Row 1: 0.599, 0.513. The loss is their
# mean, 0.442.
#
# Guess: what is the loss of a network that has learned nothing, with B = 128 pairs?

# %% tags=["guess"]
guess_untrained_loss = None  # a number


# %% tags=["exercise:nce-info-nce"]
def info_nce(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    """How hard is it for query i to pick key i among all the keys? queries (B, D), keys (B, D) -> scalar.

    Logits: cosine similarities of every query with every key, over the temperature.
    The answer is the cross-entropy of picking key i, averaged over the rows i. One direction: queries pick keys.
    Lengths from 1e-3 to 1e3 and temperatures down to 0.005 give a finite answer; gradients flow to both inputs.
    """
    ### BEGIN SOLUTION
    logits = F.normalize(queries, dim=1) @ F.normalize(keys, dim=1).T / temperature  # (B, B)
    return F.cross_entropy(logits, torch.arange(len(queries), device=queries.device))
    ### END SOLUTION


# %% tags=["check:nce-info-nce"]
check("nce-info-nce")

# %% [markdown]
# <details><summary>Hint 1: what to look at</summary>Write the table for B = 2 with T = 0.5 on paper. Which numbers
# does one row need? What does a vector ten times as long change?</details>
# <details><summary>Hint 2: which operation</summary>Picking one of B categories by scores is what every classifier is
# trained for. torch computes that loss from the scores themselves, without forming their exponentials.</details>

# %% [markdown]
# **Figures: where do your values lie?** Four batches of four pairs, as dots, for T = 0.5 and T = 0.005. If "right keys"
# and "other lengths" stand over 0.341, "one key for all" over log 4 and "keys moved on" over 2.341, your loss is right.
# At T = 0.005 the places are 0, 0, log 4 and 1 / T.
#
# <details><summary>It looks otherwise?</summary>
#
# - If "right keys" stands over "no T" or "times T", the temperature is left out, or multiplies.
# - If "other lengths" stands elsewhere than "right keys", the vectors' lengths count.
# - If "one key for all" stands over "keys choose", the softmax runs down the columns.
# - If the title says that a value is not on the line, an exponential became larger than any number.
#
# </details>

# %% tags=["show"]
if written("nce-info-nce"):
    e = torch.eye(4)
    batches = {"right keys": (e, e), "other lengths": (3 * e, 0.002 * e)}
    batches |= {"one key for all": (e, e[:1].repeat(4, 1)), "keys moved on": (e, e.roll(1, 0))}
    landmarks = {"right keys": 0.341, "no T": 0.744, "times T": 1.036, "log 4": 1.386, "keys choose": 1.841}
    for T, places in ((0.5, landmarks | {"moved on": 2.341}), (0.005, {"log 4": 1.386, "1 / T": 200})):
        values = {name: float(info_nce(*pair, T)) for name, pair in batches.items()}
        plots.number_line(values, places, xlabel=f"InfoNCE of four pairs at T = {T}")

# %% [markdown]
# **Figure: which way do they move?** Four queries and keys in the plane; arrows show a step of gradient descent.
# Stretching a vector gains nothing. If all arrows stand at right angles to their dashed radius, and the title says
# 100 %, the gradient is right.
#
# <details><summary>It looks otherwise?</summary>
#
# - If an angle is written beside a name, the length of that vector counts.
# - If pair 0, which is found already, has no arrows, right keys pull but nobody pushes.
# - If the title says less than 100 %, or one side has no arrows, part of the gradient is cut off.
#
# </details>

# %% tags=["show"]
queries = torch.tensor([[0.0, 0.8], [1.1, 0.9], [0.9, -1.2], [-1.1, -1.0]])
keys = torch.tensor([[0.0, 1.5], [1.5, -0.4], [-0.2, -1.5], [-1.6, 0.2]])
if written("nce-info-nce"):
    figures.forces(info_nce, queries, keys, 0.5, ("query", "key"))

# %% [markdown]
# **Figure.** The untrained network, given 128 photos. Were all keys equally good, its loss would be log 128 = 4.85:
# *chance*. If yours is 4.4, that is right: views of one photo share colours, even through random weights.

# %% tags=["show"]
if written("nce-crop-and-resize", "nce-two-views", "nce-info-nce"):
    untrained = nn.Sequential(*parts.new_networks())
    with torch.no_grad():
        both = torch.cat(two_views(photos[:128], views, torch.Generator().manual_seed(0)))
        loss = float(info_nce(*untrained(pictures.normalize(both)).chunk(2), 0.2))
    dots = {"untrained": loss, "your guess": guess_untrained_loss}
    plots.number_line(dots, {"log 128": 4.852, "all found": 0.0}, xlabel="InfoNCE, B = 128")

# %% [markdown]
# ## Temperature (about 5 min, ●○○) {#temperature}
#
# One query, its right key and three wrong ones at 35, 75 and 150 degrees. Guess: at T = 0.05, what share of the push
# goes to key 1, the nearest?

# %% tags=["guess"]
guess_share_of_key_1 = None  # percent, 0 to 100

# %% [markdown]
# **Your turn.** Longer arrows push harder. If T is low, key 1 gets nearly all of the push; if it is high, far keys get
# a share. From which T on is it a tenth for all three?

# %% tags=["show"]
temperatures = (0.05, 0.2, 1.0)  # yours: three numbers above 0
if written("nce-info-nce"):
    figures.pushes(info_nce, temperatures, guess_share_of_key_1)

# %% [markdown]
# The hardest negative may be a *false* one, a second cat: of 127 others, about 13 share your class. We use 0.2.
#
# <details><summary>Which temperature did the authors find best?</summary>
#
# [Chen et al. 2020](https://arxiv.org/abs/2002.05709), Table 5, train with four temperatures and judge each network by
# a linear classifier on ImageNet: 59.7 % at T = 0.05, 64.4 % at 0.1, 60.7 % at 0.5 and 58.0 % at 1. The same table says
# how often the partner is found: 90.5 % at 0.05, 59.1 % at 1. So the network that is best at its task is not the one
# with the best features; you meet that again in [[#rehearsal]]. The best T depends on the size of the batch (their
# appendix B.7); theirs were larger, so 0.1 need not be best here.
#
# </details>

# %% [markdown]
# ## NT-Xent, SimCLR's loss (about 20 min, ●●●)
#
# InfoNCE compares across the two views only. SimCLR throws both into one crowd of 2B embeddings: each must find its
# partner among all the others.

# %% [markdown]
# **By hand first.** B = 2: photos a and b, so the crowd is a1, b1, a2, b2. On its turn a1 may pick b1, a2 or b2; right
# is a2.
#
# Guess: how many terms stand in the denominator for B = 4?

# %% tags=["guess"]
guess_terms = None  # a whole number

# %% [markdown]
# With $z_1 \ldots z_{2B}$ for the crowd and $p(i)$ for the partner of $i$
# ([Chen et al. 2020](https://arxiv.org/abs/2002.05709), Eq. 1):
#
# $$\ell = \frac{1}{2B} \sum_{i=1}^{2B} -\log
# \frac{\exp(\cos(z_i, z_{p(i)}) / T)}{\sum_{j \neq i} \exp(\cos(z_i, z_j) / T)}$$
#
# The paper counts $2(B - 1)$ negatives, the sum has $2B - 1$ terms: the partner stands there, too. Only oneself
# is left out.


# %% tags=["exercise:nce-nt-xent"]
def nt_xent(view1: Tensor, view2: Tensor, temperature: float) -> Tensor:
    """SimCLR's loss for two views (B, D) of the same B images -> scalar.

    All 2B embeddings take their turn. Each must pick its partner, the other view of its image, among the 2B - 1
    embeddings that are not itself: cross-entropy over cosine similarities, divided by the temperature.
    The answer is the mean over the 2B turns.
    Lengths from 1e-3 to 1e3 and temperatures down to 0.005 give a finite answer; gradients flow to both inputs.
    """
    ### BEGIN SOLUTION
    # Put the views below each other and compare everyone with everyone.
    z = F.normalize(torch.cat([view1, view2]), dim=1)  # (2B, D)
    logits = z @ z.T / temperature  # (2B, 2B)
    # Nobody may pick itself.
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    logits = logits.masked_fill(itself, float("-inf"))
    # The partner of i stands B places further on, around the end.
    partner = torch.arange(len(z), device=z.device).roll(len(view1))
    return F.cross_entropy(logits, partner)
    ### END SOLUTION


# %% tags=["check:nce-nt-xent"]
check("nce-nt-xent")

# %% [markdown]
# <details><summary>Hint 1: what to look at</summary>Draw the table for B = 2 with rows and columns a1, b1, a2, b2.
# Cross out what nobody may pick, and circle the right cell of each row. Where do the circles lie?</details>
# <details><summary>Hint 2: which operation</summary>It is the classification of [[nce-info-nce]] again, with 2B rows. A
# category that nobody may choose needs a score that no softmax ever picks.</details>

# %% [markdown]
# **Figure: who is in your sum?** Of eight equal embeddings the loss is the log of the number of candidates. If your dot
# stands over log 7, everybody competes but oneself.
#
# <details><summary>It looks otherwise?</summary>
#
# - If it stands over log 8, you compete with yourself.
# - If it stands over log 6, your partner is missing from the sum.
# - If it stands over log 4, you pick among the other view only.
#
# </details>

# %% tags=["show"]
if written("nce-nt-xent"):
    value = float(nt_xent(torch.ones(4, 3), torch.ones(4, 3), 0.5))
    crowds = {f"log {n}": math.log(n) for n in (4, 6, 7, 8)}
    plots.number_line({"yours": value}, crowds, xlabel="NT-Xent", title="Eight equal embeddings")
    terms = guesses.number(guess_terms, 1, called="guess_terms")
    print(f"exp(yours) = {math.exp(value):.2f} candidates for each; {plots.guess_text(terms)}")

# %% [markdown]
# **Figures: who is the partner?** Three photos at right angles. If "equal views" and "other lengths" stand over 0.433,
# "second the same" over 1.993 and "moved on" over 2.433, partners are found. At T = 0.005 the places are 0, 0, 67.9 and
# 200. Read the forces as in [[nce-info-nce]].
#
# <details><summary>It looks otherwise?</summary>
#
# - If "equal views" stands over the landmark "moved on", somebody else counts as the partner.
# - If it stands over "no T" or "times T", the temperature is left out, or multiplies.
# - If "second the same" stands elsewhere, only one of the two views takes its turn.
#
# </details>

# %% tags=["show"]
if written("nce-nt-xent"):
    e = torch.eye(3)
    batches = {"equal views": (e, e), "other lengths": (3 * e, 0.002 * e)}
    batches |= {"second the same": (e, e[:1].repeat(3, 1)), "moved on": (e, e.roll(1, 0))}
    landmarks = {"equal views": 0.433, "no T": 0.905, "times T": 1.231, "second the same": 1.993, "moved on": 2.433}
    for T, places in ((0.5, landmarks), (0.005, {"equal views": 0, "second the same": 67.936, "moved on": 200})):
        values = {name: float(nt_xent(*pair, T)) for name, pair in batches.items()}
        plots.number_line(values, places, xlabel=f"NT-Xent of three pairs at T = {T}")
    figures.forces(nt_xent, queries, keys, 0.5, ("first", "second"))

# %% [markdown]
# ## Rehearsal: with and without augmentation (about 5 min, ●○○) {#rehearsal}
#
# `knn` judges features: does a test image share its class with its nearest training images?
#
# <details><summary>What is k-NN?</summary>
#
# *k nearest neighbours* is the oldest classifier of all. Nothing is trained: a test image looks up the 20 training
# images whose features are most similar to its own (largest cosine), and takes the class that most of them have. So it
# asks one thing of features: do pictures of a kind lie close together? Labels are needed to judge; the network never
# sees them. There is nothing to tune, and it takes a second, which is why it can be drawn while a network trains. A
# linear classifier asks something else: can a flat border part the classes? [[linear_probe]] builds one with care.
#
# </details>

# %% tags=["show"]
EXERCISES = ("nce-crop-and-resize", "nce-two-views", "nce-nt-xent")
views = augment.SimCLRViews(crop_and_resize)  # with your crop as it is now


def simclr_step(encoder, head, augmentation, temperature=0.2):
    def step(batch):  # uint8 (B, C, H, W) -> loss
        both = torch.cat(two_views(data.to_float(batch), augmentation))
        view1, view2 = head(encoder(pictures.normalize(both))).float().chunk(2)
        with training.full_precision(device):
            return nt_xent(view1, view2, temperature)

    return step


# %% tags=["show"]
def knn(encoder, train=2_000, test=1_000):
    near = probes.features_of(encoder, pictures, pictures.train.images[:train])
    far = probes.features_of(encoder, pictures, pictures.test.images[:test])
    return probes.knn(near, pictures.train.labels[:train], far, pictures.test.labels[:test])


def same(images, generator=None):
    return images


recipe = {"weight_decay": 1e-4, "schedule": training.cosine}

# %% [markdown]
# 100 steps, twice: with random views, and with `same`, so that the partner is an exact copy. Guess: which loss ends
# lower, which features are better?

# %% tags=["guess"]
guess_lower_loss = None  # "with" or "without"
guess_better_features = None  # "with" or "without"

# %% [markdown]
# **Figures.** First both losses. In four runs of ours the mean of the last 20 was 0.71 to 0.72 without augmentation,
# 3.1 to 3.3 with it. If yours with it is still near *chance*, log 127 = 4.84 for 64 photos, do not start the run. Then
# k-NN accuracy: ours gave .32 to .33 without, .37 to .40 with, .27 to .29 before training. Bars, two standard errors,
# say what other test images would change.

# %% tags=["show"]
if ready(*EXERCISES):
    losses, reached, steps = {}, {}, preset.steps("contrastive_learning", "rehearsal")
    for name, augmentation in (("without augmentation", same), ("SimCLR", views)):
        small, top = parts.new_networks(device)
        losses[name] = parts.rehearse([small, top], simclr_step(small, top, augmentation), pictures, steps, **recipe)
        reached[name] = knn(small, 4_000, 2_000)
        print(f"{name}: trained for {steps} steps, k-NN {reached[name]:.3f}")
    reached["random ResNet"] = knn(parts.new_networks(device)[0], 4_000, 2_000)
    plots.curve(range(1, steps + 1), losses, reference={"chance": 4.84}, title="Which loss ends lower?")
    errors = [2 * probes.standard_error(accuracy, 2_000) for accuracy in reached.values()]
    title, xlabel = "Which features are better?", "k-NN accuracy, 2,000 test images"
    plots.dots(list(reached), list(reached.values()), errors, chance=0.1, xlabel=xlabel, title=title)
    choices = "with", "without"
    lower = guesses.one_of(guess_lower_loss, choices, called="guess_lower_loss")
    better = guesses.one_of(guess_better_features, choices, called="guess_better_features")
    print(f"lower loss, {plots.guess_text(lower)}; better features, {plots.guess_text(better)}")

# %% [markdown]
# A lower loss is not a better representation: without augmentation, all that tells images apart solves the task.

# %% [markdown]
# ## The run (about 2 min of computing) {#run}
#
# Dashed is *chance*, log 255 = 5.54; dotted *found, others at right angles*,
# log(1 + 254 · exp(−5)) = 1.00, since 1 / T = 5. Guess the last dot (untrained: about .28).
#
# <details><summary>Why so many photos in a batch, and why a cosine?</summary>
#
# All negatives of a photo come from its own batch: 128 photos give 254. More of them make the task harder, and
# [Chen et al. 2020](https://arxiv.org/abs/2002.05709) go up to 8,192 photos a batch. Where memory does not allow that,
# [MoCo](https://arxiv.org/abs/1911.05722) (He et al. 2019) keeps keys of earlier batches in a queue. The optimiser is
# AdamW with warm-up, as in [[masked_autoencoder]]. The learning rate then falls along half a cosine: slowly at first,
# fast in the middle, slowly to 0 at the end. Nothing has to be chosen for that but the length of the run.
#
# </details>

# %% tags=["guess"]
guess_last_dot = None  # accuracy, 0 to 1

# %% [markdown]
# **While it runs.** If the loss stays on the dashed line, nothing is learned. Ours fell below 4 within 100 steps; three
# seeds ended at 2.64 to 2.66. Dots: k-NN on 1,000 test images. If one lies within another's bar, it is not better: ours
# stayed at .42 to .44 (one run).

# %% tags=["show"]
others = 2 * preset.batch_size - 1
lines = {"chance": math.log(others), "found, others at right angles": math.log(1 + (others - 1) * math.exp(-5))}
size = {"steps": preset.steps("contrastive_learning"), "batch_size": preset.batch_size}
twin, twin_head = parts.new_networks(device)  # the same network, and it stays untrained

# %% tags=["show"]
again = False  # True: train once more; the weights of the earlier run stay until the new one is finished
encoder, head = parts.new_networks(device)
run = training.Run("simclr", preset, pictures, encoder=encoder, head=head)
trained = run.load(again)
if not trained and ready(*EXERCISES):
    live = plots.Live(lines, measure=lambda: knn(encoder), measured_on=1_000, chance=0.1, name="SimCLR")
    step = simclr_step(encoder, head, views)
    trained = run.train(step, pictures.unlabelled, watch=live, **size, **recipe)
    if trained:
        last = guesses.number(guess_last_dot, 0, 1, called="guess_last_dot")
        print(f"last dot {live.measured[-1][1]:.2f}; {plots.guess_text(last)}")

# %% [markdown]
# ## What came out (about 25 min, ●○○) {#results}
#
# **Figure.** The cosine between views of the same photo, and of different ones, for 256 test photos. If the outlines
# lie apart, the network tells partners from strangers. Before training all cosines are near 1 (enlarged), and the
# partner is the most similar of 256 for 7 %; after it for 69 %, in a run of ours.

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

if have("trained") and written("nce-crop-and-resize", "nce-two-views"):
    both = torch.cat(two_views(photos[:256], views, torch.Generator().manual_seed(0))).to(device)
    tables = {}
    for name, network in (("before training", (twin, twin_head)), ("after training", (encoder, head))):
        with torch.no_grad():
            embedded = nn.Sequential(*network).eval()(pictures.normalize(both))
        one, two = F.normalize(embedded, dim=1).cpu().chunk(2)
        tables[name] = one @ two.T
    figures.similarities(tables)

# %% [markdown]
# **Figure.** Two framed test photos a row, and their most similar of 10,000 training images, ticked if of the same
# class. If neighbours share colours only, the row goes by colour. (Of all test photos' neighbours 27 %, 24 % and 38 %
# are of the class.)

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

if have("trained"):
    chosen = data.labelled_subset(pictures.train.labels, preset.label_counts[-1])
    near, far = pictures.train.images[chosen], pictures.test.images
    features = {"pixels": (probes.pixels(near), probes.pixels(far))}
    for name, network in (("random ResNet", twin), ("SimCLR", encoder)):
        features[name] = tuple(probes.features_of(network, pictures, part) for part in (near, far))
    asked = list(figures.QUERIES)
    found = {name: chosen[probes.nearest(test[asked], train, 5)] for name, (train, test) in features.items()}
    figures.neighbours(pictures, found)

# %% [markdown]
# **Your turn.** Any of 1,000 test images, among the others. What does each row go by? Try ten before you judge.

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

query = 17  # yours: 0 to 999
if have("trained") and have("features"):
    shown = pictures.test.images[:1000], pictures.test.labels[:1000]
    spaces = {name: test[:1000] for name, (_, test) in features.items()}
    plots.neighbours(query, spaces, *shown, pictures.classes)

# %% [markdown]
# **Figure.** A map of their features: the two directions, of 128, in which they vary most. If classes lie apart on the
# right only, training did it. If they overlap, do *not* conclude that features cannot tell them.
#
# <details><summary>How to read such a map</summary>
#
# Principal components keep the two directions with the largest variance and drop 126. Classes may be told apart in one
# of those. So overlap on the map says little; the printed line gives what is lost: the share of the variance that is
# shown, and how often the nearest image has the same class, on the map and in all directions. Axes have no meaning of
# their own, and panels have their own scales: do not compare distances between them. And it is easy to see groups
# because they are marked as groups. Would you have said the same of the left panel? That is what the twin is for.
#
# </details>

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

if have("trained") and have("spaces"):
    maps = {name: spaces[name] for name in ("random ResNet", "SimCLR")}
    plots.feature_map(maps, shown[1], pictures.classes, title="The same 1,000 test images, twice")

# %% [markdown]
# **Figure: one number against its controls.** k-NN accuracy on 5,000 test images. What the random ResNet reaches (yours
# before training) is the architecture's doing. Three seeds gave .489 to .498, their twins .289 to .312, pixels .313. If
# yours lies less than .14 above its twin, something went wrong. Guess yours first.

# %% tags=["guess"]
guess_knn = None  # accuracy, 0 to 1

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

if have("trained") and have("features"):
    labels, truth = pictures.train.labels[chosen], pictures.test.labels
    accuracy = {name: probes.knn(train, labels, test, truth) for name, (train, test) in features.items()}
    errors = [2 * probes.standard_error(value, len(truth)) for value in accuracy.values()]
    guessed = {"SimCLR": guesses.number(guess_knn, 0, 1, called="guess_knn")}
    look = {"xlabel": "k-NN accuracy", "title": "Do neighbours share a class?"}
    plots.dots(list(accuracy), list(accuracy.values()), errors, chance=0.1, guesses=guessed, **look)

# %% [markdown]
# **Figure.** The same by a linear classifier. Three seeds gave .510 to .519, their twins .361 to .380. If yours is
# below .47, or less than .10 above its twin, something went wrong.
#
# <details><summary>What is ridge regression?</summary>
#
# A linear classifier gives every class a score: a weighted sum of the features. *Ridge regression* asks for the weights
# whose scores come nearest, in squares, to 1 for the right class and 0 for the others, and keeps weights small with a
# penalty on their squares. That has an answer in one formula (`probes.ridge_accuracy`), so there is no training and no
# step size. Squares are a poor measure of a classification, and still the class with the largest score is right nearly
# as often as with better ones. [[linear_probe]] does it properly, with cross-entropy.
#
# </details>

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

if have("trained") and have("features", "labels"):
    two = ("random ResNet", "SimCLR")
    ridge = [probes.ridge_accuracy(features[name][0], labels, features[name][1], truth) for name in two]
    errors = [2 * probes.standard_error(value, len(truth)) for value in ridge]
    plots.dots(two, ridge, errors, chance=0.1, title="What ridge regression reads from the features")

# %% [markdown]
# ## Colour (about 15 min, ●●○) {#colour}
#
# **Figure.** Back to the puzzle, looking at nothing but colours: the overlap of two histograms of 64 colours. If the
# outlines lie apart, colours alone find the partner. With crops only they do for about 80 % of 128 photos, with colour
# changes for about 15 %.

# %% tags=["show"]
if written("nce-crop-and-resize", "nce-two-views"):
    crops = augment.SimCLRViews(crop_and_resize, jitter=0, grey=0)
    tables = {}
    for name, how in (("crops only", crops), ("crops and colour changes", views)):
        tables[name] = figures.colour_similarity(*two_views(photos[:128], how, torch.Generator().manual_seed(0)))
    figures.similarities(tables, xlabel="overlap of colour histograms", limits=(0, 1))

# %% [markdown]
# **Figure.** What does a network learn from crops only? The course trained one; its neighbours are stored. If its rows
# hold one colour where yours do not, it took the shortcut. Compare loss and k-NN.

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

if have("trained") and have("found"):
    figures.neighbours(pictures, {"crops only": figures.CROPS_ONLY_NEIGHBOURS, "yours": found["SimCLR"]})
    print(figures.CROPS_ONLY_RESULT)

# %% [markdown]
# **Your turn.** Above each view stands its cosine with the photo. Which changes does your network see through? (The
# twin says 1.00 of *any* two.)

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

photo, jitter, grey = 12, 0.5, 0.2  # yours: 0 to 4999; how strong colour changes are, how often grey is: 0 to 1
if have("trained") and written("nce-crop-and-resize"):
    networks = {"random ResNet": (twin, twin_head), "SimCLR": (encoder, head)}
    figures.own_views(photo, jitter, grey, crop_and_resize, networks, pictures)

# %% [markdown]
# ## Questions
#
# 3 to 6 sentences and about 10 minutes each; point at a figure or number of yours.
#
# **(a)** One slide of the lecture leaves out the exp over the negatives:
#
# $$-\log \frac{\exp(z \cdot z)}{\sum_i z \cdot x_i}$$
#
# What goes wrong with this loss? A small numerical example says more than a paragraph.

# %% [markdown] tags=["answer:nce-missing-exp"]
# *Your answer here.*

# %% [markdown]
# **(b)** What does the network learn without augmentation, and why is its loss lower all the same? Use your numbers of
# [[#rehearsal]].

# %% [markdown] tags=["answer:nce-no-augmentation"]
# *Your answer here.*

# %% [markdown]
# **(c)** Why do crops need colour changes beside them? Use the figures of [[#colour]]. For which labels would a network
# that ignores colour be the worse one?

# %% [markdown] tags=["answer:nce-why-colour"]
# *Your answer here.*

# %% [markdown]
# ## What you can do now {-}
#
# Build views; write a contrastive loss that survives any temperature; tell a low loss from good features.
#
# **Beside the paper.** Your number is the last of [[#results]]. On ImageNet's 1,000 classes a linear classifier reaches
# 76.5 % in [Chen et al. 2020](https://arxiv.org/abs/2002.05709), with a network a thousand times larger and hundreds of
# rounds through a million photos. The [UvA
# tutorial](https://uvadlc-notebooks.readthedocs.io/en/latest/tutorial_notebooks/tutorial17/SimCLR.html) reports 81 % on
# STL-10 with 500 labels a class, and 73.31 % for the same network trained on labels alone.

# %% [markdown]
# **To try:** leave the false negatives out of the sum (the labels tell). Batch 32 against 128. The projection head's
# output as features. Rotation as the only task.
#
# Next: [[linear_probe]] measures features properly.
#
# <details><summary>Further reading</summary>
#
# - [MoCo](https://arxiv.org/abs/1911.05722) (He et al. 2019) keeps a queue of keys, so that batches can be small.
# - [Alignment and uniformity](https://arxiv.org/abs/2005.10242) (Wang & Isola 2020) takes the loss apart into pull and
#   push.
# - [Supervised contrastive learning](https://arxiv.org/abs/2004.11362) (Khosla et al. 2020) lets labels name partners.
# - [Debiased contrastive learning](https://arxiv.org/abs/2007.00224) (Chuang et al. 2020) corrects for false negatives.
# - [BYOL](https://arxiv.org/abs/2006.07733) (Grill et al. 2020) does without negatives, and asks why nothing collapses.
# - [What makes for good views?](https://arxiv.org/abs/2005.10243) (Tian et al. 2020) asks how much views should share.
#
# </details>
