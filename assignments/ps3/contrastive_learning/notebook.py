# %% [markdown]
# # 2. Which two belong together?
#
# Below are twelve pieces of six photos, shuffled. Which two come from the same one? You can tell without knowing what
# anything is called. A network that can tell, too, has learned to see, and nobody had to label a picture.
#
# - **At the end** you have a network that finds pictures of its own kind, and you know what its loss rewards.
# - **Your time:** about 2½ hours (an estimate). **Computing:** about 2 minutes.
# - **Order:** `nce-two-views` and both losses need nothing else. The run needs `nce-crop-and-resize`, `nce-two-views`
#   and `nce-nt-xent`.

# %% tags=["given"]
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kit import check, ready, written
from ps3 import augment, contrast, data, plots, probes, training

# %% tags=["show"]
torch.manual_seed(0)
preset, device = training.preset(), training.best_device()
pictures = data.load()
photos = data.to_float(pictures.test.images)  # (5000, 3, 32, 32), 0 to 1
print(f"preset {preset.name}, {device}, {len(pictures.unlabelled):,} images to learn from, {len(photos):,} to test")

# %% tags=["show"]
puzzle = contrast.pairs_puzzle(pictures)
contrast.show_puzzle(puzzle)

# %% [markdown]
# Write down six pairs of numbers, such as `(0, 7)`, then run the cell below it. About 3 minutes.

# %% tags=["guess"]
guess_pairs = [(None, None), (None, None), (None, None), (None, None), (None, None), (None, None)]

# %% tags=["show"]
contrast.reveal_pairs(puzzle, guess_pairs)

# %% [markdown]
# You used no labels. Neither will the network. Keep in mind *how* you found the pairs: by shapes, or by colours?
# Section 2.11 comes back to it.
#
# ## 2.1 Ten ways to change a picture
#
# The lecture's slide, rebuilt on one test photo. A network that calls two of these the same thing has learned to
# ignore what differs between them. Choosing transformations is choosing what to ignore.
#
# Guess before you run the cell (about 3 minutes): if a network had to find the partner after *one* of these alone,
# which would leave it the easiest task? And which would be unwise for telling a 6 from a 9?

# %% tags=["guess"]
guess_easiest_task = None  # a name from the slide, such as "blur"
guess_unwise_for_digits = None  # one of "crop", "colour drop", "rotation", "noise"

# %% tags=["show"]
ten = augment.ten_transformations()
one, draws = photos[[12]], torch.Generator().manual_seed(2)
shown = torch.cat([transform(one, draws) for transform in ten.values()])
plots.images((shown[:5], shown[5:]), message=" · ".join(ten))
print(f"easiest: {contrast.told(guess_easiest_task)}. Unchanged pixels can be compared one by one.")
print(f"unwise for 6 and 9: {contrast.told(guess_unwise_for_digits)}. Half a turn makes one into the other.")

# %% [markdown]
# ## 2.2 Crop and resize (about 25 min)
#
# The strongest of the ten. A box is given in fractions of the image, so it may begin and end inside a pixel. Each
# output pixel looks at one place; what it finds there is mixed from the nearest pixels.

# %% [markdown]
# **By hand first.** A row of four pixels: 10, 20, 30, 40. The box is the middle half, the output has size 2. The box
# reaches from ¼ to ¾; output pixel 0 looks at the middle of its first half, which is ⅜ of the image. Pixel centres
# lie at ⅛, ⅜, ⅝, ⅞. So output 0 is 20, and output 1 is 30.
#
# With the box from ⅛ to ⅝, both would look halfway between two centres: 15 and 25. Asked about the very border, at 0,
# the answer is 10: beyond the outermost centre the edge repeats.


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
# **Where did it look?** Here your function gets an image whose two channels *are* the places of its pixels, row and
# column. Whatever it returns is the place where it looked. Expect a regular 4 × 4 grid of dots inside the orange box,
# half a step from its sides; the first dot is row 1.88, column 4.26. In the second picture the box touches the
# corner: there the last dots lie half a pixel inside the image, not nearer, since the edge repeats.

# %% tags=["show"]
if written("nce-crop-and-resize"):
    for box in ((0.16, 0.3, 0.6, 0.44), (0.7, 0.75, 0.3, 0.25)):
        looked = crop_and_resize(contrast.coordinates(8, 12), torch.tensor([box]), 4)[0]  # (2, 4, 4)
        plots.where_it_looked(looked.permute(1, 2, 0), box, (8, 12))

# %% [markdown]
# Now photographs: one photo and seven random crops of it, each enlarged to 32 × 32. Every crop should be another
# piece of the first picture, the right way up. Seven equal pieces mean that one box served all. What neither picture
# shows: bicubic in place of bilinear. The check does.

# %% tags=["show"]
if written("nce-crop-and-resize"):
    seven = photos[[12]].repeat(7, 1, 1, 1)
    boxes = augment.random_boxes(seven, (0.1, 0.5), torch.Generator().manual_seed(1))
    plots.images(torch.cat([seven[:1], crop_and_resize(seven, boxes, 32)]), columns=["photo"] + ["crop"] * 7)

# %% [markdown]
# ## 2.3 Two views (about 5 min)
#
# SimCLR shows the network every image twice, each time augmented anew. The augmentation is handed in as a function.

# %% [markdown]
# **By hand first.** An augmentation adds a random number; the generator deals out 0.3, then 0.9. For an image of
# zeros, view1 holds 0.3 and view2 holds 0.9.


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
# Six photos and two views of each, through your crop, mirrored at random, with changed colours. Look at each column:
# the same photo, three different pictures? Two equal rows mean that one draw was used twice. Which draw came first
# the picture cannot show; the check does.

# %% tags=["show"]
if written("nce-crop-and-resize", "nce-two-views"):
    views = augment.SimCLRViews(crop_and_resize)  # crop, flip, colour jitter, sometimes grey
    view1, view2 = two_views(photos[:6], views, torch.Generator().manual_seed(0))
    equal = int((view1 == view2).flatten(1).all(dim=1).sum())
    plots.images((photos[:6], view1, view2), ["photo", "view 1", "view 2"], message=f"{equal} of 6 columns equal")

# %% [markdown]
# ## 2.4 The idea: a softmax with each image as a category
#
# Put view 1 of four photos on the rows, view 2 on the columns, and write down how alike every two are. In each row
# one cell is right: the same photo. Now it is classification: four categories, one for each image in the batch, and
# the labels cost nothing.
#
# Below, "alike" is the cosine similarity of bare pixels. Is the outlined cell the largest of its row? The network's
# job is to make it so.

# %% tags=["show"]
if written("nce-crop-and-resize", "nce-two-views"):
    view1, view2 = two_views(photos[6:10], views, torch.Generator().manual_seed(2))
    a, b = (F.normalize((view - view.mean(dim=(1, 2, 3), keepdim=True)).flatten(1), dim=1) for view in (view1, view2))
    best = int(((a @ b.T).argmax(dim=1) == torch.arange(4)).sum())
    plots.matrix(
        a @ b.T, view1, view2, outline=[(i, i) for i in range(4)], signed=True, message=f"{best} of 4 rows are right"
    )

# %% [markdown]
# Let $q_i$ be query $i$ (view 1 of image $i$, seen by the network) and $k_j$ key $j$. Divide the similarities by a
# temperature $T$, take the softmax over the keys of each row, and ask for the right key:
#
# $$\ell = \frac{1}{B} \sum_{i=1}^{B} -\log \frac{\exp(\cos(q_i, k_i) / T)}{\sum_{j=1}^{B} \exp(\cos(q_i, k_j) / T)}$$
#
# This is InfoNCE (van den Oord, Li & Vinyals 2018, Eq. 4, with cosine similarity over $T$ as the score). The cosine
# knows directions only: vectors twice as long change nothing.

# %% [markdown]
# ## 2.5 InfoNCE (about 20 min)

# %% [markdown]
# **By hand first.** Two queries, two keys, T = 1, cosines 0.9 and 0.1 in the first row, 0.2 and 0.6 in the second.
# Row 0 picks its key with probability exp(0.9) / (exp(0.9) + exp(0.1)) = 0.690, which costs −log 0.690 = 0.371. Row
# 1: 0.599, 0.513. The loss is their mean, 0.442.

# %% [markdown]
# Guess: what is the loss of a network that has learned nothing, with B = 128 pairs? A number.

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
# **Where do your values lie?** Four batches of four pairs at T = 0.5, as blue dots. Below the line stand landmarks:
# what the right formula gives for right keys (0.341) and where all keys are the same (log 4), and what three usual
# mistakes give. "Right keys" and "3 times as long" belong on 0.341, "one key for all" on log 4, "keys moved on" at
# 2.341.

# %% tags=["show"]
if written("nce-info-nce"):
    e = torch.eye(4)
    batches = {"right keys": (e, e), "3 times as long": (3 * e, 3 * e)}
    batches |= {"one key for all": (e, e[:1].repeat(4, 1)), "keys moved on": (e, e.roll(1, 0))}
    values = {name: info_nce(*pair, 0.5).item() for name, pair in batches.items()}
    landmarks = {"right keys": 0.341, "no T": 0.744, "times T": 1.036, "log 4": 1.386, "keys choose": 1.841}
    plots.number_line(values, landmarks, xlabel="InfoNCE of four pairs at T = 0.5")

# %% [markdown]
# **Which way do they move?** Four queries and four keys in the plane. Arrows show where a step of gradient descent
# moves each one. A loss that knows directions only cannot gain by stretching a vector, so each arrow stands at a
# right angle to its dashed radius. A slip with the lengths tilts the arrows by little, so read the printed angles: 90
# everywhere. Every query and every key should have an arrow.

# %% tags=["show"]
queries = torch.tensor([[2.0, 0.3], [0.2, 1.1], [-1.2, 0.5], [-0.3, -1.6]])
keys = torch.tensor([[1.0, 0.9], [-0.7, 1.6], [-1.5, -0.6], [0.9, -0.9]])
if written("nce-info-nce"):
    contrast.forces(info_nce, queries, keys, 0.5, ("query", "key"))

# %% [markdown]
# And the untrained network? Here a new ResNet and a projection head embed 128 photos twice, and your loss judges
# them. It has learned nothing, so you may expect that every key looks equally good: log 128 = 4.85 is *chance*. It
# starts somewhat below, since views of one photo share colours, even through random weights.

# %% tags=["show"]
if written("nce-crop-and-resize", "nce-two-views", "nce-info-nce"):
    untrained = nn.Sequential(*contrast.new_networks())
    with torch.no_grad():
        both = torch.cat(two_views(photos[:128], views, torch.Generator().manual_seed(0)))
        loss = info_nce(*untrained(pictures.normalize(both)).chunk(2), 0.2).item()
    guessed = {} if guess_untrained_loss is None else {"your guess": guess_untrained_loss}
    plots.number_line({"untrained": loss} | guessed, {"log 128": 4.852, "all found": 0.0}, xlabel="InfoNCE, B = 128")
    print(contrast.told(guess_untrained_loss))

# %% [markdown]
# ## 2.6 Temperature (about 5 min)
#
# One query, its right key and three wrong ones at 35, 75 and 150 degrees. Guess first: at T = 0.05, what share of the
# whole push goes to key 1, the nearest wrong one? In percent.

# %% tags=["guess"]
guess_share_of_key_1 = None  # percent, 0 to 100

# %% tags=["show"]
if written("nce-info-nce"):
    contrast.pushes(info_nce, (0.05, 0.2, 1.0), guess_share_of_key_1)

# %% [markdown]
# A low temperature listens to the hardest negative alone; a high one pushes everybody. Too low, and a *false*
# negative (a second photo of a cat, say) is pushed hardest of all: with ten classes and 128 images, about 12 of the
# other 127 share your class. So the best temperature is a compromise: Chen et al. 2020 compare four of them in Table
# 5. We use T = 0.2.

# %% [markdown]
# ## 2.7 NT-Xent, SimCLR's loss (about 20 min)
#
# InfoNCE compares across the two views only. SimCLR throws both views into one crowd of 2B embeddings. Each takes its
# turn: find your partner among all the others.

# %% [markdown]
# **By hand first.** B = 2: photos a and b, so the crowd is a1, b1, a2, b2. On its turn a1 may pick b1, a2 or b2;
# right is a2. On b2's turn the candidates are a1, b1, a2; right is b1. Four turns, three candidates each.

# %% [markdown]
# Guess: how many terms stand in the denominator for B = 4?

# %% tags=["guess"]
guess_terms = None  # a whole number

# %% [markdown]
# With $z_1 \ldots z_{2B}$ for the crowd and $p(i)$ for the partner of $i$ (Chen et al. 2020, Eq. 1):
#
# $$\ell = \frac{1}{2B} \sum_{i=1}^{2B} -\log
# \frac{\exp(\cos(z_i, z_{p(i)}) / T)}{\sum_{j \neq i} \exp(\cos(z_i, z_j) / T)}$$
#
# The paper speaks of $2(B - 1)$ negatives, and the sum has $2B - 1$ terms. Both are right: the strangers, and the
# partner, who stands in the denominator as well. Only oneself is left out.


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
# <details><summary>Hint 2: which operation</summary>It is the classification of 2.5 again, with 2B rows. A category
# that nobody may choose needs a score that no softmax ever picks.</details>

# %% [markdown]
# **Who is in your sum?** With eight equal embeddings each candidate is equally good, so the loss is the log of their
# number. The dot should sit on log 7: four images make eight embeddings, less oneself. On log 8 you compete with
# yourself, on log 6 your partner is missing, on log 4 only the other view may be picked.

# %% tags=["show"]
if written("nce-nt-xent"):
    value = nt_xent(torch.ones(4, 3), torch.ones(4, 3), 0.5).item()
    plots.number_line(
        {"yours": value}, {f"log {n}": math.log(n) for n in (4, 6, 7, 8)}, xlabel="eight equal embeddings"
    )
    print(f"exp(yours) = {math.exp(value):.2f} candidates for each; {contrast.told(guess_terms)}")

# %% [markdown]
# **And who is the partner?** Three photos at right angles, T = 0.5: with two equal views each, with longer vectors,
# and with the second views moved on by one. The first two belong on 0.433, the third on 2.433. Beside it the forces
# again: 90 degrees, and an arrow for everyone.

# %% tags=["show"]
if written("nce-nt-xent"):
    e = torch.eye(3)
    batches = {"partners equal": (e, e), "3 times as long": (3 * e, 3 * e), "moved on": (e, e.roll(1, 0))}
    values = {name: nt_xent(*pair, 0.5).item() for name, pair in batches.items()}
    landmarks = {"partners equal": 0.433, "no T": 0.905, "times T": 1.231, "moved on": 2.433}
    plots.number_line(values, landmarks, xlabel="NT-Xent of three pairs at T = 0.5")
    contrast.forces(nt_xent, queries, keys, 0.5, ("first", "second"))

# %% [markdown]
# ## 2.8 Rehearsal: with and without augmentation (about 5 min)
#
# The next cell is all there is to SimCLR: embed both views, compare. `ProjectionHead` stands between the features and
# the loss and is thrown away after training. `knn` judges features: does a test image share its class with its
# nearest training images? No training is needed for that, only similarity.

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
# A rehearsal of 100 steps, twice: once with two random views, once with `same`, which augments nothing, so that the
# partner is an exact copy. Guess: which run ends with the lower loss, and which network has the better features?

# %% tags=["guess"]
guess_lower_loss = None  # "with" or "without"
guess_better_features = None  # "with" or "without"

# %% [markdown]
# Left to right in the first figure: both losses, from chance (log 127 = 4.84, for B = 64). In the second: k-NN
# accuracy of an untrained network and of both trained ones, on 2,000 test images, with two standard errors.

# %% tags=["show"]
if ready(*EXERCISES):
    losses, found, steps = {}, {}, min(100, preset.simclr)
    for name, augmentation in (("without augmentation", same), ("SimCLR", views)):
        small, top = contrast.new_networks(device)
        losses[name] = contrast.rehearse([small, top], simclr_step(small, top, augmentation), pictures, steps, **recipe)
        found[name] = knn(small, 4_000, 2_000)
    found["random ResNet"] = knn(contrast.new_networks(device)[0], 4_000, 2_000)
    plots.curve(range(1, steps + 1), losses, reference={"chance": 4.84})
    errors = [2 * probes.standard_error(accuracy, 2_000) for accuracy in found.values()]
    plots.dots(list(found), list(found.values()), errors, chance=0.1, xlabel="k-NN accuracy, 2,000 test images")
    print(f"lower loss, {contrast.told(guess_lower_loss)}; features, {contrast.told(guess_better_features)}")

# %% [markdown]
# A lower loss is not a better representation. Without augmentation the task is solved by any network that tells two
# images apart, and a random one nearly does. In three runs of ours the mean of the last 20 losses was 0.71 to 0.72
# without and 3.1 to 3.3 with augmentation; k-NN gave .32 to .33 without, .37 to .39 with, and .27 to .29 before
# training.
#
# Is your loss with augmentation still near 4.84 after 100 steps? Then something is wrong: do not start the run.

# %% [markdown]
# ## 2.9 The run (about 2 min of computing)
#
# 1,000 steps of 128 photos, each seen twice. Two lines help to read the loss. *Chance*: log 255 = 5.54. *Partner
# found, all others at right angles*: log(1 + 254 · exp(−5)) = 1.00, since 1 / T = 5.
#
# Watch both panels. The loss flattens early; do the dots stop, too? Guess the last dot (k-NN with 2,000 training
# images; the untrained one in the rehearsal had about .28).

# %% tags=["guess"]
guess_last_dot = None  # accuracy, 0 to 1

# %% tags=["show"]
others = 2 * preset.batch_size - 1
lines = {"chance": math.log(others), "found, others at right angles": math.log(1 + (others - 1) * math.exp(-5))}
size = {"steps": preset.simclr, "batch_size": preset.batch_size}

# %% tags=["show"]
again = False  # True: train once more, even if there are weights from an earlier run
weights = f"weights/simclr-{preset.name}.npz"
encoder, head = contrast.new_networks(device)
trained = not again and training.load(weights, encoder=encoder, head=head)
if trained:
    print(f"the weights in {weights} were loaded; again = True trains anew")
elif ready(*EXERCISES):
    live = plots.Live(lines, measure=lambda: knn(encoder), chance=0.1, name="SimCLR")
    step = simclr_step(encoder, head, views)
    training.train([encoder, head], step, pictures.unlabelled, watch=live, **size, **recipe)
    training.save(weights, encoder=encoder, head=head)
    trained = True
    print(f"last dot {live.measured[-1][1]:.2f}; {contrast.told(guess_last_dot)}")

# %% [markdown]
# ## 2.10 What came out (about 20 min)
#
# **Similarities.** 256 test photos, two views each. Outlines show the cosine between views of the same photo, and of
# different photos, before and after training. How far do the two outlines overlap? Before training nearly everything
# is alike.

# %% tags=["show"]
if contrast.after_training(trained) and written("nce-crop-and-resize", "nce-two-views"):
    twin, twin_head = contrast.new_networks(device)  # the same network, before training
    both = torch.cat(two_views(photos[:256], views, torch.Generator().manual_seed(0))).to(device)
    tables = {}
    for name, network in (("before training", (twin, twin_head)), ("after training", (encoder, head))):
        with torch.no_grad():
            embedded = nn.Sequential(*network).eval()(pictures.normalize(both))
        one, two = F.normalize(embedded, dim=1).cpu().chunk(2)
        tables[name] = one @ two.T
    contrast.similarities(tables)

# %% [markdown]
# **Neighbours.** Six test photos, and for each the five most similar of 10,000 training images: by bare pixels, by
# the untrained network, by yours. The query is the first picture of each row. Outlined and ticked: same class. The
# six are typical, not the best: over all 5,000 test photos, 27 % of such neighbours share the class by pixels, 24 %
# by the untrained network, and 38 % by a network of ours. What do pixels take for similar, and what does your
# network?

# %% tags=["show"]
if contrast.after_training(trained):
    chosen = data.labelled_subset(pictures.train.labels, 10_000)
    near, far = pictures.train.images[chosen], pictures.test.images
    features = {"pixels": (probes.pixels(near), probes.pixels(far))}
    for name, network in (("random ResNet", twin), ("SimCLR", encoder)):
        features[name] = tuple(probes.features_of(network, pictures, part) for part in (near, far))
    queries = list(contrast.QUERIES)
    found = {name: chosen[probes.nearest(test[queries], train, 5)] for name, (train, test) in features.items()}
    contrast.neighbours(pictures, found)

# %% [markdown]
# **One number against its controls.** k-NN accuracy on 5,000 test images, from 10,000 training images. The random
# ResNet is the same network before training: whatever it reaches is the architecture's doing, not learning's. Guess
# yours first.

# %% tags=["guess"]
guess_knn = None  # accuracy, 0 to 1

# %% tags=["show"]
if contrast.after_training(trained):
    labels, truth = pictures.train.labels[chosen], pictures.test.labels
    accuracy = {name: probes.knn(train, labels, test, truth) for name, (train, test) in features.items()}
    errors = [2 * probes.standard_error(value, len(truth)) for value in accuracy.values()]
    guesses = {"SimCLR": guess_knn}
    plots.dots(list(accuracy), list(accuracy.values()), errors, chance=0.1, guesses=guesses, xlabel="k-NN accuracy")

# %% [markdown]
# And with a linear classifier on frozen features, the probe that you will write in notebook 3:

# %% tags=["show"]
if contrast.after_training(trained):
    two = ("random ResNet", "SimCLR")
    probed = [probes.probe(features[name][0], labels, features[name][1], truth) for name in two]
    plots.dots(two, probed, [2 * probes.standard_error(value, len(truth)) for value in probed], chance=0.1)

# %% [markdown]
# You should see at least .45, and at least .08 above the random ResNet.

# %% [markdown]
# ## 2.11 Colour (about 10 min)
#
# Back to the puzzle. How did you find the pairs? Here nobody looks at anything but colours: a histogram of 64 colours
# for each view, and the overlap of two histograms. The first figure has crops only, the second SimCLR's colour
# changes as well. How well do colours alone tell partners from strangers?

# %% tags=["show"]
if written("nce-crop-and-resize", "nce-two-views"):
    crops = augment.SimCLRViews(crop_and_resize, jitter=0, grey=0)
    tables = {}
    for name, how in (("crops only", crops), ("crops and colour changes", views)):
        tables[name] = contrast.colour_similarity(*two_views(photos[:128], how, torch.Generator().manual_seed(0)))
    contrast.similarities(tables, xlabel="overlap of colour histograms", limits=(0, 1))

# %% [markdown]
# What does a network learn that was trained on crops only? The course trained one, with your recipe otherwise. Its
# neighbours (stored, not computed here) beside yours. Look at the colours along each row, and compare its final loss
# and its k-NN accuracy with yours: once more, the lower loss is not the better representation.

# %% tags=["show"]
if contrast.after_training(trained):
    contrast.neighbours(pictures, {"crops only": contrast.CROPS_ONLY_NEIGHBOURS, "yours": found["SimCLR"]})
    print(contrast.CROPS_ONLY_RESULT)

# %% [markdown]
# ## 2.12 Questions
#
# Each answer takes 3 to 6 sentences; point at a figure or number of yours.
#
# **(a)** One slide of the lecture leaves out the exp over the negatives:
#
# $$-\log \frac{\exp(z \cdot z)}{\sum_i z \cdot x_i}$$
#
# What goes wrong with this loss? A small numerical example says more than a paragraph. (About 10 min.)

# %% [markdown] tags=["answer:nce-missing-exp"]
# *Your answer here.*

# %% [markdown]
# **(b)** What does the network learn without augmentation, and why is its loss lower all the same? Use the numbers of
# your rehearsal in 2.8. (About 10 min.)

# %% [markdown] tags=["answer:nce-no-augmentation"]
# *Your answer here.*

# %% [markdown]
# **(c)** Why do crops need colour changes beside them? Use the figures of 2.11. For which labels would the network
# that ignores colour be the worse one? (About 10 min.)

# %% [markdown] tags=["answer:nce-why-colour"]
# *Your answer here.*

# %% [markdown]
# ## What you can do now
#
# Build views; write a contrastive loss that survives any temperature; tell a low loss from good features.
#
# **Beside the paper.** A linear classifier on the features of the largest network in Chen et al. 2020 reaches 76.5 %
# on ImageNet's 1,000 classes, with batches of up to 8,192 images where yours had 128, a network a thousand times
# larger and hundreds of rounds through a million photos. Nearer to home, the UvA deep learning tutorial reports 81 %
# on STL-10 from SimCLR features with 500 labels a class, above 60 % with 10, and 73.31 % for the same network trained
# on labels alone.
#
# **To try:** count the false negatives in your batches with the labels, and leave them out of the sum. Compare batch
# 32 with 128. Use the projection head's output in place of its input as features: better or worse?
#
# Next: notebook 3 measures features properly.
