# %% [markdown]
# # Where does the second patch belong?
#
# Below are pairs of patches, 9 pixels wide. The first is the middle of a photo; the second touches it nearly: above it,
# below, left, right or across a corner. Which of the eight? A network that can tell has learned what things look like,
# without a single label ([Doersch, Gupta & Efros 2015](https://arxiv.org/abs/1505.05192)).
#
# - **At the end:** a network that beats chance three times over, and a number for what it learned on the way.
# - **Your time:** about 1½ hours (an estimate); ●○○ is a short step, ●●● the hardest. **Computing:** about 2 minutes.
# - **What needs what:** the run needs [[context-cut-pairs]], [[context-drop-colors]] and [[context-network]];
#   [[context-nearest]] needs nothing.

# %% tags=["given"]
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kit import check, ready, written
from ps3 import data, guesses, plots, probes, training
from ps3.context_prediction import figures, parts

# %% tags=["show"]
torch.manual_seed(0)
preset, device = training.preset(), training.best_device()
pictures = data.load()
photos = data.to_float(pictures.test.images)  # (5000, 3, 32, 32), 0 to 1
print(training.preset_line(preset, device))
print(f"{len(pictures.unlabelled):,} images to learn from, {len(photos):,} to test")

# %% tags=["show"]
puzzle = figures.puzzle(pictures)
figures.show_puzzle(puzzle)

# %% [markdown]
# Write down a place for each pair: 0 upper left, 1 above, 2 upper right, 3 left, 4 right, 5 lower left, 6 below, 7
# lower right. Then say how many of them you expect to be right (3 minutes). A guess is never graded.

# %% tags=["guess"]
guess_places = [None, None, None, None, None, None, None, None]  # 0 to 7 each
guess_score = None  # how many of your 8 are right

# %% tags=["show"]
figures.reveal(puzzle, guess_places, guess_score)

# %% [markdown]
# Where you were right: did you know the *thing* (a roof, a leg, sky above), or did you continue a line? Keep the
# difference in mind. It decides what a network learns.

# %% [markdown]
# ## The idea: a word and its neighbours (about 5 min, ●○○)
#
# Cover a word of this sentence. Its neighbours tell you much about it. In 2013
# [word2vec](https://arxiv.org/abs/1301.3781) (Mikolov et al.) turned that into a task: from a word, predict the words
# around it (*skip-gram*). Nobody needs the answers, as any text contains them. What remains are vectors in which words
# of a kind lie close together.
#
# Two years later Doersch et al. asked the same of images: from a patch, predict its neighbourhood. A patch has too many
# possible neighbours to predict one pixel by pixel, so they turned the question round: here is the neighbour,
# *where* is it?

# %% [markdown]
# **Figure.** Both patches pass the same trunk; you keep what leaves it, 128 features for each patch. The head, which
# compares them (dashed), is thrown away.
#
# <details><summary>Why does the head see both, and the trunk only one?</summary>
#
# If the first layer saw both patches, it could compare their borders pixel by pixel, and the features would be about
# pairs. We want features of *one* patch, which say what it shows, so that they are of use for other things later. So
# each patch passes the trunk alone, and only at the end two short descriptions meet. Whatever the head needs to know
# has to be in these: "a wheel, cut at its lower edge" is worth more than pixels. The paper calls this late fusion, and
# shares the weights of both sides as we do (§3).
#
# </details>

# %% tags=["show"]
figures.architecture()

# %% [markdown]
# ## Cutting pairs (about 25 min, ●●●)
#
# Three patches of 9 pixels and two gaps of 2 fill 31 of an image's 32 pixels. With the gap no line continues from one
# patch to the next without a break; *jitter* shifts the neighbour by a pixel, so that nobody can count on where a line
# should go on.

# %% [markdown]
# **By hand first.** An image of 7 × 9 pixels, P = 2, gap 0. The centre begins at row (7 − 2) // 2 = 2, column 3.
# Direction 4 is right: row 2, column 5. With a gap of 1 it is column 6. With jitter (1, −1): row 3, column 5.
#
# Direction 5 with gap 1: one step down, one back, so row 5, column 0. With jitter (1, 0) its last row would be 7, which
# is none: an error. (Rows are 0 to 6.)


# %% tags=["exercise:context-cut-pairs"]
def cut_pairs(images: Tensor, directions: Tensor, patch_size: int, gap: int, jitter: Tensor) -> tuple[Tensor, Tensor]:
    """Cut two patches out of each image (B, C, H, W): the tuple (centres, neighbours), both (B, C, P, P).

    The centre's upper left corner is row (H - P) // 2, column (W - P) // 2.
    directions (B,): where each image's neighbour lies, 0 to 7 in reading order, the centre left out:
    0 upper left, 1 above, 2 upper right, 3 left, 4 right, 5 lower left, 6 below, 7 lower right.
    The neighbour's corner: the centre's, plus (P + gap) for each step down and to the right, plus its image's
    jitter (B, 2), in rows and columns; jitter may be negative.
    Raises ValueError, saying why, where a neighbour that is asked for would leave its image.
    """
    ### BEGIN SOLUTION
    # The corner of every patch.
    batch, _, height, width = images.shape
    room = images.new_tensor([height - patch_size, width - patch_size], dtype=torch.long)
    centre = room // 2
    place = directions + (directions >= 4)  # in the grid of nine, which the centre is part of
    steps = torch.stack([place // 3 - 1, place % 3 - 1], dim=1)  # (B, 2), down and right
    corners = centre + (patch_size + gap) * steps + jitter
    if ((corners < 0) | (corners > room)).any():
        raise ValueError(f"a neighbour of {patch_size} x {patch_size} pixels leaves its {height} x {width} image")
    # The pixels under it.
    one_by_one = torch.arange(patch_size, device=images.device)
    rows, columns = corners[:, :1] + one_by_one, corners[:, 1:] + one_by_one  # (B, P) each
    each = torch.arange(batch, device=images.device)[:, None, None]
    neighbours = images[each, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)  # (B, C, P, P)
    top, left = (height - patch_size) // 2, (width - patch_size) // 2
    return images[:, :, top : top + patch_size, left : left + patch_size], neighbours
    ### END SOLUTION


# %% tags=["check:context-cut-pairs"]
check("context-cut-pairs")

# %% [markdown]
# <details><summary>Hint 1: where to look</summary>Write a table of eight lines: direction, steps down, steps to the
# right. Which number of the whole grid of nine belongs to each direction?</details>
# <details><summary>Hint 2: in words</summary>First find all corners, (B, 2), and ask of them whether they fit. Then
# either go through the images one by one, or pick all pixels at once by their rows and columns.</details>
#
# **Figure.** A card with the number of each direction where it lies. If each neighbour shows the number above it, in a
# whole frame, your corners are right. In the last row jitter is (−1, −2) for 0 to 3 and (3, 1) for 4 to 7. If frames
# move the other way (the first four down and to the right), it is right, too: what moves is the window.
#
# <details><summary>It looks otherwise?</summary>
#
# - If 1 and 3 are exchanged, rows and columns are.
# - If the right half is off by one and a C appears, the centre was counted.
# - If frames are cut off in the second row, the gap was left out, or counted once too often.
# - If the C is cut off, jitter moves the centre, or the middle is elsewhere.
# - Whether you refuse what does not fit, this picture cannot show; the check does.
#
# </details>

# %% tags=["show"]
if written("context-cut-pairs"):
    figures.cut_card(cut_pairs)

# %% [markdown]
# **Figure.** The same with photos: the centre, then its eight neighbours. If you see pieces of one thing in each row,
# in reading order, all is well.

# %% tags=["show"]
if written("context-cut-pairs"):
    three, directions = photos[[82, 13, 36]], torch.arange(8)
    rows = []
    for photo in three:
        around = photo.repeat(8, 1, 1, 1)
        centres, neighbours = cut_pairs(around, directions, parts.PATCH, parts.GAP, torch.zeros(8, 2).long())
        rows.append(torch.cat([centres[:1], neighbours]))
    plots.images(rows, columns=["centre", *parts.PLACES], message="three photos, a centre and eight neighbours each")

# %% [markdown]
# ## Dropping colours (about 20 min, ●●○) {#dropping}
#
# A lens bends red, green and blue a little differently, the more so the farther from the middle of the photo:
# *chromatic aberration*. The paper's first network used it. It saw from the shift of colours where in the photo a patch
# was taken, and needed no content (§3.1). Their remedy: keep one colour, fill the others with faint noise.

# %% [markdown]
# **By hand first.** P = 2, the kept channel is 1, 2, 3, 6: mean 3, squares 4 + 1 + 0 + 9 = 14, deviation
# √(14 / 3) = 2.16. Where the noise of another channel is 0.5, this channel becomes 0.01 × 2.16 × 0.5 = 0.0108,
# whatever it was before.


# %% tags=["exercise:context-drop-colors"]
def drop_colors(patches: Tensor, keep: Tensor, noise: Tensor | None = None) -> Tensor:
    """Leave each patch (B, 3, P, P) one channel, and fill the other two with faint noise: (B, 3, P, P).

    keep (B,): the channel, 0 to 2, that stays as it is in each patch.
    The other two become 0.01 x deviation x their own channel of noise (B, 3, P, P), where deviation is that of the
    kept channel over the pixels of this patch (unbiased: divided by P * P - 1).
    noise comes from torch.randn, a fresh draw for every number, if it is not given.
    """
    ### BEGIN SOLUTION
    noise = torch.randn_like(patches) if noise is None else noise
    keep = keep.view(-1, 1, 1, 1)
    kept = patches.gather(1, keep.expand(-1, 1, *patches.shape[2:]))  # (B, 1, P, P)
    deviation = kept.std(dim=(2, 3), keepdim=True)
    stays = torch.arange(3, device=patches.device).view(1, 3, 1, 1) == keep
    return torch.where(stays, patches, 0.01 * deviation * noise)
    ### END SOLUTION


# %% tags=["check:context-drop-colors"]
check("context-drop-colors")

# %% [markdown]
# <details><summary>Hint 1: where to look</summary>Two patches, keep = (2, 0): write down for each of the six channels
# what it becomes. How many different deviations do you need?</details>
# <details><summary>Hint 2: which operation</summary>Torch can pick a different channel from each patch: look at
# `gather`, or at indexing with two tensors of the same length.</details>
#
# **Figure.** Patches of a photo, what you leave of them, and the noise, raised a hundredfold and divided by the kept
# channel's deviation. If the second row is red, green, blue in turn, and the third shows equally strong noise
# everywhere, all is well.
#
# <details><summary>It looks otherwise?</summary>
#
# - If all patches have one colour, one channel was kept for all.
# - If the second row is grey, the kept channel was copied.
# - If the third row is flat, there are zeros instead of noise.
# - If its patches differ in strength, the wrong deviation scales it; the numbers below should come in equal pairs.
# - What is drawn where no noise is given, this picture cannot show; the check does.
#
# </details>

# %% tags=["show"]
if written("context-drop-colors"):
    some = parts.nine(photos[[13, 82]]).flatten(0, 1)[[1, 4, 7, 10, 13, 16]]
    figures.dropped(some, drop_colors)

# %% [markdown]
# ## The network (about 15 min, ●●○)
#
# **By hand first.** Say the trunk answers with two numbers, (1, 2) for the centre and (3, 4) for the neighbour. The
# head then reads (1, 2, 3, 4). It has to know which is which: *left of* and *right of* differ in nothing else.


# %% tags=["given"]
class ContextNetworkBase(nn.Module):
    """trunk: a patch (B, C, P, P) to its features (B, dim); head: the features of two, (B, 2 * dim), to (B, 8)."""

    def __init__(self, channels=3, patch_size=9, dim=128):
        super().__init__()
        self.channels, self.patch_size, self.dim = channels, patch_size, dim
        side = (patch_size + 3) // 4  # of the map that two strides leave
        self.trunk = nn.Sequential(
            *(nn.Conv2d(channels, 16, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU()),
            *(nn.Conv2d(32, 64, 3, stride=2, padding=1), nn.ReLU()),
            *(nn.Flatten(), nn.Linear(64 * side**2, dim), nn.ReLU()),
        )
        self.head = nn.Sequential(nn.Linear(2 * dim, 2 * dim), nn.ReLU(), nn.Linear(2 * dim, 8))
        parts.start(self)


# %% tags=["exercise:context-network"]
class ContextNetwork(ContextNetworkBase):
    """Where does the second patch lie, seen from the first?"""

    def features(self, patches: Tensor) -> Tensor:
        """What the trunk makes of patches (B, C, P, P): (B, dim). Gradients flow."""
        ### BEGIN SOLUTION
        return self.trunk(patches)
        ### END SOLUTION

    def forward(self, centres: Tensor, neighbours: Tensor) -> Tensor:
        """A score for each of the eight directions (B, 8), from centres and neighbours (B, C, P, P).

        The head reads the features of both side by side, the centre's first. Gradients flow to both.
        """
        ### BEGIN SOLUTION
        both = torch.cat([self.features(centres), self.features(neighbours)], dim=1)  # (B, 2 * dim)
        return self.head(both)
        ### END SOLUTION


# %% tags=["check:context-network"]
check("context-network")

# %% [markdown]
# <details><summary>Hint: what to look at</summary>How many numbers does the head read, and how many does the trunk give
# for one patch? Everything else stands in the docstrings.</details>
#
# **Figure.** Your network with a trunk that answers with mean colours. The centre is red, the neighbour half blue. If
# you read 1 0 0 0 0 0.5, and a gradient arrives at both, all is well.
#
# <details><summary>It looks otherwise?</summary>
#
# - If you read 0 0 0.5 1 0 0, the neighbour comes first.
# - If you see a negative number, a difference stands there.
# - If one half repeats the other, one patch was used twice.
# - If no gradient arrives at one of them, the trunk learns from the other only.
#
# </details>

# %% tags=["show"]
if written("context-network"):
    figures.what_the_head_reads(ContextNetwork())

# %% [markdown]
# ## Rehearsal (about 2 min, ●○○) {#rehearsal}
#
# `pairs` uses your functions: it draws directions and jitter, cuts, and drops the colours of half of the pairs.
#
# **Figure.** 60 steps. Chance is log 8 = 2.08: eight equal scores. Ours stood at 2.02 at the end (one run), so a small
# fall is a good sign. If yours stays on the dashed line, do not start the run.

# %% tags=["show"]
EXERCISES = ("context-cut-pairs", "context-drop-colors", "context-network")
pairs = parts.Pairs(cut_pairs, drop_colors)
recipe = {"batch_size": 256, "lr": 4e-3, "schedule": training.cosine}
quiet = {"precision": "float32", "watch": lambda progress: None}


# %% tags=["show"]
def context_step(network, pairs):
    def step(batch):  # uint8 (B, C, H, W) -> loss
        centres, neighbours, directions = pairs(pictures.normalize(batch))
        return F.cross_entropy(network(centres, neighbours).float(), directions)

    return step


def new_network():
    torch.manual_seed(0)
    return ContextNetwork().to(device)


# %% tags=["show"]
if ready(*EXERCISES):
    steps, network = preset.steps("context_prediction", "rehearsal"), new_network()
    step = context_step(network, pairs)
    losses = training.train(network, step, pictures.unlabelled, steps=steps, **recipe, **quiet).losses
    plots.curve(range(1, steps + 1), losses, reference={"chance": 2.079}, title="A rehearsal")

# %% [markdown]
# ## The run (about 1 min of computing) {#run}
#
# Which share of test pairs will it put in the right place?
#
# <details><summary>What does the recipe say?</summary>
#
# Batches of 256 pairs, one from each photo, drawn anew each time: another direction, another jitter, other colours. The
# optimiser is AdamW, as in [[masked_autoencoder]]; the learning rate rises to 0.004 in the first twentieth of the steps
# and falls to 0 along half a cosine. There is no BatchNorm in this network: it would compare a patch with the others of
# its batch, and that comparison can carry hints that one patch alone does not have. The weights are kept; a run that
# you stop goes on where it was.
#
# </details>

# %% tags=["guess"]
guess_accuracy = None  # share of pairs in the right place, 0 to 1

# %% [markdown]
# **While it runs.** If the loss stays on the dashed line, nothing is learned. Three seeds ended at 1.24 to 1.45, with
# .46 to .54 of the pairs in place. Dots are the accuracy on 1,000 test pairs, with bars of two standard errors.

# %% tags=["show"]
tested = pictures.normalize(pictures.test.images)


def places_right(network, pairs, count=1_000):
    truth, said = parts.answers(network, pairs, tested[:count])
    return (truth == said).float().mean().item()


# %% tags=["show"]
again = False  # True: train once more; the weights of the earlier run stay until the new one is finished
network, twin = new_network(), new_network()  # the twin stays as it is
run = training.Run("context", preset, pictures, network=network)
trained = run.load(again)
if not trained and ready(*EXERCISES):
    dots = {"measure": lambda: places_right(network, pairs), "measure_name": "pairs in place", "measured_on": 1_000}
    live = plots.Live({"chance": 2.079}, chance=0.125, name="context prediction", **dots)
    size = {"steps": preset.steps("context_prediction"), "watch": live}
    trained = run.train(context_step(network, pairs), pictures.unlabelled, **recipe | size)

# %% [markdown]
# ## What came out (about 20 min, ●○○) {#results}
#
# **Figure.** Nine small grids, each at the place that it is about. In "above", each cell says how many percent of the
# neighbours from above the network put there; the right cell is outlined. If dark cells are the outlined ones, it is
# right more often than not. If the cell on the *opposite* side is pale, it knows up from down. Where do the rest go?

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

if have("trained"):
    truth, said = parts.answers(network, pairs, tested, rounds=2)
    figures.confusions(truth, said)

# %% [markdown]
# Are mistakes spread evenly? Compare the cells beside the outlined one with those opposite.
#
# **Figure.** You and the network, on the same eight pairs and on many. Bars are two standard errors: eight
# pairs say little about either of you.

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

if have("trained") and have("truth", "said"):
    with torch.no_grad():
        first, second = (pictures.normalize(part).to(device) for part in (puzzle.first, puzzle.second))
        on_eight = network(first, second).argmax(dim=1).tolist()
    accuracy = (truth == said).float().mean().item()
    figures.against_you(guess_places, puzzle, on_eight, accuracy, len(truth), guess_accuracy)

# %% [markdown]
# **Figure: are the features good for anything else?** The task was an excuse; the head is thrown away. The features of
# a photo are the mean over its nine patches, 128 numbers. What does ridge regression read from them, with 10,000
# labels? The random trunk is yours before training. Three seeds gave .363 to .381, their twins .311 to .321: .05 to .06
# more. Guess first.
#
# <details><summary>What is ridge regression?</summary>
#
# A linear classifier gives every class a score: a weighted sum of the features. *Ridge regression* asks for the weights
# whose scores come nearest, in squares, to 1 for the right class and 0 for the others, and keeps weights small with a
# penalty on their squares. That has an answer in one formula (`probes.ridge_accuracy`), so nothing is trained and
# nothing is chosen. [[linear_probe]] does it with cross-entropy.
#
# </details>

# %% tags=["guess"]
guess_features = None  # accuracy on ten classes, 0 to 1

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel


def worth(network):
    look, known = parts.OverNinePatches(network), pictures.with_labels(preset.label_counts[-1])
    train, test = (probes.features_of(look, pictures, part.images) for part in (known.train, known.test))
    return probes.ridge_accuracy(train, known.train.labels, test, known.test.labels)


if have("trained"):
    reached = {"random trunk": worth(twin), "context prediction": worth(network)}
    errors = [2 * probes.standard_error(value, len(photos)) for value in reached.values()]
    guessed = {"context prediction": guesses.number(guess_features, 0, 1, called="guess_features")}
    look = {"chance": 0.1, "guesses": guessed, "title": "What ridge regression reads from the features"}
    plots.dots(list(reached), list(reached.values()), errors, **look)

# %% [markdown]
# ## Nearest patches (about 20 min, ●●○) {#nearest}
#
# The lecture's other test needs no labels: take a patch, look up the patches whose features are most similar. Do they
# show the same thing?
#
# **By hand first.** A query (1, 0), a gallery (5, 5), (0.1, 0), (3, 1), k = 2. Cosines: 0.71, 1.00, 0.95. So the answer
# is rows 1, 2, though row 0 has the largest product. With row 1 excluded: 2, 0.


# %% tags=["exercise:context-nearest"]
def nearest_neighbours(queries: Tensor, gallery: Tensor, k: int, exclude: Tensor | None = None) -> Tensor:
    """The k rows of the gallery (N, D) that are most similar to each query (M, D): indices (M, k), int64.

    Similar means the cosine; the most similar comes first.
    exclude (M,): for each query the one row of the gallery that it may not get, such as itself.
    """
    ### BEGIN SOLUTION
    similarity = F.normalize(queries, dim=1) @ F.normalize(gallery, dim=1).T  # (M, N)
    if exclude is not None:
        similarity = similarity.scatter(1, exclude[:, None], -torch.inf)
    return similarity.topk(k, dim=1).indices
    ### END SOLUTION


# %% tags=["check:context-nearest"]
check("context-nearest")

# %% [markdown]
# <details><summary>Hint 1: where to look</summary>What is left of a cosine when all vectors have length 1?</details>
# <details><summary>Hint 2: in words</summary>An excluded row needs a similarity that nothing can fall below. Each query
# has its own row to exclude, so this is one place in each line of an (M, N) table.</details>
#
# **Figure.** The thick arrow is the query, and it is excluded. If the four nearest are numbered 1 to 4 by their *angle*
# to it (10°, 25°, 30°, 55°), your function is right.
#
# <details><summary>It looks otherwise?</summary>
#
# - If long arrows are numbered and short ones left out, lengths have a say.
# - If the query has a number, it was not excluded.
# - If arrows on the far side are numbered, the least similar come first.
#
# </details>

# %% tags=["show"]
if written("context-nearest"):
    figures.compass(nearest_neighbours)

# %% [markdown]
# **Figure.** Six patches (framed in their photos) and their nearest among 9,000 patches of 1,000 test photos, by
# pixels, by the random trunk and by yours. If neighbours share a colour only, the row goes by colour. If they show like
# *parts*, it goes by more.

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

if have("trained") and written("context-nearest"):
    gallery, rows = figures.patch_gallery(pictures), figures.query_rows()
    with torch.no_grad():
        spaces = {"pixels": gallery.flatten(1)}
        for name, each in (("random trunk", twin), ("context prediction", network)):
            spaces[name] = each.features(gallery.to(device)).float().cpu()
    found = {name: nearest_neighbours(space[rows], space, figures.NEAR, rows) for name, space in spaces.items()}
    figures.patch_neighbours(pictures, found)

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

if have("trained") and have("spaces"):
    many = torch.arange(0, 9_000, 9) + torch.arange(1_000) % 9  # one patch of each photo
    for name, space in spaces.items():
        near = nearest_neighbours(space[many], space, 5, many)
        kind, place = figures.shares_of_neighbours(pictures, many, near)
        print(f"{name}: {kind:.3f} of the same class (chance .100), {place:.3f} from the same place (chance .111)")

# %% [markdown]
# A patch from the same place is not a mistake of the network's: to say where a neighbour lies it helps to know where
# things stand in photos, sky above and ground below. The class is what we hoped for; the place is what we asked for.

# %% [markdown]
# ## The shortcut (about 15 min, ●●○) {#shortcut}
#
# What if the two patches touch, without gap and jitter? What if colours are kept? Guess, for each: is the task solved
# better or worse, and are the features better or worse?

# %% tags=["guess"]
guess_no_gap = (None, None)  # "better" or "worse": places, features
guess_colour_kept = (None, None)

# %% [markdown]
# **Figure.** The course trained each way with three seeds (circles: one seed each; they are stored). Dashed: chance on
# the left, the random trunk on the right; one accuracy on the right is ± .014 for other test images. If a way lies
# further right on the left than on the right, its task became easier and its features did not follow: that is a
# shortcut.

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

own = {}
if have("trained") and have("accuracy", "reached"):
    own = {"as it is": (accuracy, reached["context prediction"])}
figures.shortcuts(own, guess_no_gap, guess_colour_kept)

# %% [markdown]
# Without a gap .19 to .27 more pairs are in place, and the features are *worse*, by .03 to .04: a shortcut. With colour
# kept two of three seeds put more in place, and no seed's features are worse: here colour is no shortcut. Chromatic
# aberration needs real optics, and a photo scaled down to 32 pixels has lost it. What is left, the same colours on both
# sides, says something about things, too.

# %% [markdown]
# **Your turn.** A short training of a way of your own: set `gap`, `jitter` and `drop`, and compare with "as it is".

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

gap, jitter, drop = 0, 0, 0.5  # yours: 0 to 2, 0 or 1, 0 to 1
if have("trained") and ready(*EXERCISES):
    mine = parts.own_pairs(pairs, gap, jitter, drop)
    steps = preset.steps("context_prediction", "own")
    for name, way in (("as it is", pairs), ("yours", mine)):
        other = new_network()
        training.train(other, context_step(other, way), pictures.unlabelled, steps=steps, **recipe, **quiet)
        right = places_right(other, way, 5_000)
        print(f"{name}: {right:.3f} ± {2 * probes.standard_error(right, 5_000):.3f} in place after {steps} steps")

# %% [markdown]
# ## Questions
#
# 3 to 6 sentences and about 10 minutes each; point at a figure or number of yours.
#
# **(a)** Without a gap the task is solved better. What does the network look at then, and why are its features no
# better for it? Use both sides of the figure in [[#shortcut]], and say what of it is within the error.

# %% [markdown] tags=["answer:context-shortcut"]
# *Your answer here.*

# %% [markdown]
# **(b)** Look at the nine grids of [[#results]]. Which places are found best, where do the mistakes go, and what does
# that say about what the network knows of photos?

# %% [markdown] tags=["answer:context-confusions"]
# *Your answer here.*

# %% [markdown]
# **(c)** Skip-gram predicts a word's neighbours; here only their *place* is asked. What would go wrong with
# predicting the neighbour's pixels, and what is lost by asking for the place? Use the figures of [[#nearest]].

# %% [markdown] tags=["answer:context-words"]
# *Your answer here.*

# %% [markdown]
# ## What you can do now {-}
#
# Make a task out of images alone; look for its shortcuts before the network does; tell a solved task from good
# features.
#
# **Beside the paper.** Doersch et al. cut patches of 96 pixels, with gaps of 48 and jitter of up to 7, out of
# ImageNet's photos. A later reproduction with a ResNet-50
# ([mmselfsup](https://github.com/open-mmlab/mmselfsup/blob/main/configs/selfsup/relative_loc/README.md)) lets a linear
# classifier name 51.2 % of ImageNet's 1,000 classes from its fourth stage, and 39.7 % from its last, averaged: the end
# of the network knows more about the task than about things. Yours is some hundred times smaller and its patches are a
# tenth as wide.

# %% [markdown]
# **To try:** three neighbours instead of one, each with a head of its own. A photo enlarged twice, so that patches show
# less. Move the red channel outwards from the middle by a pixel, as a lens would, and see what becomes of "colour
# kept".
#
# Next: [[contrastive_learning]] asks which two pieces belong together, not where.
#
# <details><summary>Further reading</summary>
#
# - [word2vec](https://arxiv.org/abs/1301.3781) (Mikolov et al. 2013): words from their neighbours.
# - [Jigsaw puzzles](https://arxiv.org/abs/1603.09246) (Noroozi & Favaro 2016): all nine patches at once.
# - [Rotation](https://arxiv.org/abs/1803.07728) (Gidaris et al. 2018): an even plainer question, which way is up?
# - [Revisiting self-supervised learning](https://arxiv.org/abs/1901.09005) (Kolesnikov et al. 2019): the same tasks
#   with other networks, and how much these matter.
#
# </details>
