# %% [markdown]
# # What does this unit like?
#
# Below, the sixteen photos that excite two units most. One belongs to a trained network, the other to one with random
# weights. What does each like, and which is the trained one?
#
# - **At the end:** a look into every layer of three networks, and a number for how selective their units are.
# - **Your time:** about 1½ hours (an estimate); ●○○ is a short step, ●●● the hardest. **Computing:** about 3 minutes,
#   less where [[contrastive_learning]] and [[linear_probe]] left weights.
# - **What needs what:** the four exercises are independent; the results need all.

# %% tags=["given"]
import torch
from torch import Tensor, nn

from kit import check, ready, written
from ps3 import data, guesses, plots, training
from ps3.visualizing_units import figures, networks, parts

# %% tags=["show"]
torch.manual_seed(0)
preset, device = training.preset(), training.best_device()
pictures = data.load()
count = 2 * preset.label_counts[1]  # 2,000 test images to look with
photos, labels = pictures.test.images[:count], pictures.test.labels[:count]
inputs = pictures.normalize(photos)  # (count, 3, 32, 32)
print(training.preset_line(preset, device))
print(f"{len(pictures.train):,} images to train with, {len(photos):,} test images to look with")

# %% tags=["show"]
figures.puzzle(pictures)

# %% [markdown]
# Answer before you reveal. The *share* of B: how many of its sixteen are of its commonest class? A guess is never
# graded. (The choice of photos is stored, from a run of the course's.)

# %% tags=["guess"]
guess_trained = None  # "A" or "B"
guess_share_of_B = None  # 0 to 1

# %% tags=["show"]
figures.reveal(pictures, guess_trained, guess_share_of_B)

# %% [markdown]
# Unit A likes red, and nobody taught it to: random weights prefer *some* colour. So a row of similar pictures proves
# nothing. What would? By the end you have a number, and two controls for it.

# %% [markdown]
# ## The idea: an electrode
#
# Physiologists lower an electrode into an animal's brain, show pictures, and note which make one cell fire. In a
# network every cell is open. A **unit** is one channel of a layer: a detector that stands at every place of its map.
# [Zeiler and Fergus 2013](https://arxiv.org/abs/1311.2901) looked at the patches that excite units most; [Zhou et al.
# 2014](https://arxiv.org/abs/1412.6856) found units for objects in a network that was taught scenes.
#
# **Figure.** Our ResNet, with the names of its parts. Dashed is what is thrown away after the training.

# %% tags=["show"]
figures.architecture()

# %% [markdown]
# ## The electrode (about 25 min, ●●●)
#
# A **hook** is a function that a part calls with what it was given and what it puts out. `named_modules()` lists all
# parts, also parts of parts, such as `blocks.2.conv1`.
#
# **By hand first.** A network doubles each pixel (`first`), then adds 3 (`second`), then turns the sign (`third`). The
# image 1, 2, 5 gives 5, 7, 13 at `second`: neither 2, 4, 10, which goes in, nor 4, 5, 8, which `second` alone would
# make of the image.

# %% [markdown]
# <details><summary>Why must an electrode leave no trace?</summary>
#
# A hook that stays is called by every later run: a second look hears everything twice. A network left in eval mode
# trains on with frozen BatchNorm statistics, and no error tells you. After a failure half-way, the lines that tidy up
# are never reached. What stands under `finally` (after `try`) runs in any case, and then the error goes on its way.
#
# </details>


# %% tags=["exercise:units-activations"]
def activations(network: nn.Module, layer: str, images: Tensor, batch_size: int = 256) -> Tensor:
    """What the part of the network that is named `layer` puts out for images (N, C, H, W): maps (N, channels, h, w).

    Names are those of named_modules(). The whole network runs, batch_size images at a time (the last batch may be
    smaller), in eval mode and without gradients, on the device of its parameters if it has any. The maps are float32
    on the CPU, in the order of the images.
    Afterwards, also when the network raises an error (which passes on), all is as before: no hook of yours is left,
    and every part of the network is training again, or not. ValueError where there is no such part.
    """
    ### BEGIN SOLUTION
    parts_by_name = dict(network.named_modules())
    if layer not in parts_by_name:
        raise ValueError(f"there is no part {layer!r} in this network, only {', '.join(parts_by_name)}")
    # How was it, and where does it live?
    modes = {part: part.training for part in parts_by_name.values()}
    parameter = next(network.parameters(), None)
    device = images.device if parameter is None else parameter.device
    # Listen to the part while the network looks at everything, a batch at a time.
    heard = []
    hook = parts_by_name[layer].register_forward_hook(lambda part, given, output: heard.append(output.float().cpu()))
    try:
        network.eval()
        with torch.no_grad():
            for batch in images.split(batch_size):
                network(batch.to(device))
    finally:
        # Leave it as it was.
        hook.remove()
        for part, mode in modes.items():
            part.training = mode
    return torch.cat(heard)
    ### END SOLUTION


# %% tags=["check:units-activations"]
check("units-activations")

# %% [markdown]
# <details><summary>Hint 1: what to look at</summary>
#
# Print what your hook hears in each batch. What becomes of what it heard before? Then make the network raise an error
# on purpose, and print its parts' flags.
#
# </details>
#
# <details><summary>Hint 2: in words</summary>
#
# Look up the part by its name first, so that a wrong name changes nothing. Note every part's flag. What puts the hook
# on returns a handle that takes it off again.
#
# </details>

# %% [markdown]
# **Figures.** A small network finds left sides (channel 0) and tops (channel 1) of a moving square. Grey is 0, white
# above, black below. If each of seven maps shows one white line, at its square's left side or top, you hear the right
# part. Then flags and hooks: if nothing is outlined, you left no trace, not even after a failure.
#
# <details><summary>It looks otherwise?</summary>
#
# - If black lines stand beside the white ones, you keep what goes into the part.
# - If you see whole squares, the part was called alone, on the image.
# - If you see black outlines, it is what the whole network puts out.
# - If maps are missing, batches overwrite each other, or the last one is lost.
# - If lines have holes, or are twice as bright, Dropout was at work.
#
# </details>

# %% tags=["show"]
if written("units-activations"):
    torch.manual_seed(1)
    squares = parts.moving_squares()
    figures.contours(squares, activations(parts.Contours(), "bright", squares, batch_size=3))
    figures.before_and_after(activations)

# %% [markdown]
# ## What a unit can see (about 20 min, ●●○) {#field}
#
# A unit of the first layer sees 3 × 3 pixels. A unit of the next sees 3 × 3 of those, and so on: its **receptive
# field** grows with depth, faster after a stride.

# %% [markdown]
# **By hand first.** One layer with kernel 3, stride 2, padding 1. Unit 0 begins one pixel outside, at −1, and sees −1,
# 0, 1. Unit 4 begins at 4 · 2 − 1 = 7 and sees 7, 8, 9: as a slice 7 to 10.
#
# Guess: how many pixels across does a unit of `blocks.2` see? The image has 32.

# %% tags=["guess"]
guess_field = None  # pixels


# %% tags=["exercise:units-receptive-field"]
def receptive_field(layers: list[tuple[int, int, int]], row: int, column: int) -> tuple[int, int, int, int]:
    """The box of pixels that the unit at (row, column) of the last map sees: (top, left, bottom, right).

    layers: (kernel, stride, padding) of each layer, the same in both directions, from the image on; with no layer the
    unit is a pixel. Half-open, as slices are: rows top to bottom - 1, columns left to right - 1.
    The box may reach outside the image, whose size nobody tells you.
    """
    ### BEGIN SOLUTION
    top, left, bottom, right = row, column, row + 1, column + 1
    # Back towards the image, a layer at a time: which units of the map below does this box see?
    for kernel, stride, padding in reversed(layers):
        top, left = top * stride - padding, left * stride - padding
        bottom, right = (bottom - 1) * stride - padding + kernel, (right - 1) * stride - padding + kernel
    return top, left, bottom, right
    ### END SOLUTION


# %% tags=["check:units-receptive-field"]
check("units-receptive-field")

# %% [markdown]
# <details><summary>Hint 1: what to look at</summary>
#
# Draw a row of pixels, below it the units of one layer, then those of a second. Which pixels does the first unit of the
# second layer reach? In which order did you go?
#
# </details>
#
# <details><summary>Hint 2: in words</summary>
#
# Follow the first and the last row that are seen, each by itself: where, in the map below, does a unit begin to look,
# and where does it end?
#
# </details>

# %% [markdown]
# **Figure.** Three layers, an image of 16 × 24 pixels (grey), three units. Dots: pixels that move the unit. If your box
# holds all dots, and no row or column of it lies empty inside the image, it is right. The box of (0, 0) reaches
# outside, where only padding is.
#
# <details><summary>It looks otherwise?</summary>
#
# - If the box is too small, strides are left out, or added.
# - If it is too large, the layers were gone through from the image on, or a kernel or an end counts too much.
# - If it is shifted down and to the right, padding is left out, or counts too little in deep layers.
# - If one row or column of dots lies outside, the end is the last row, not one behind.
# - If it lies elsewhere and on its side, rows and columns are swapped.
# - If that of (0, 0) ends at the image's border, it was cut off.
# - A changed list only the check shows.
#
# </details>

# %% tags=["show"]
if written("units-receptive-field"):
    figures.fields(receptive_field)
    sizes = {}
    for name, layers in parts.LAYERS.items():
        top, left, bottom, right = receptive_field(list(layers), 1, 1)
        sizes[name] = int(bottom - top)
    guess = guesses.number(guess_field, 0, called="guess_field")
    print(f"pixels across: {sizes}; {plots.guess_text(guess)}")

# %% [markdown]
# ## The sixteen strongest (about 15 min, ●●○)
#
# An image counts by the place of its map that is excited most, and we want to know where that is.
#
# **By hand first.** Two maps of 2 × 3: `0 1 2 / 3 9 4` and `0 1 8 / 3 5 4`. The strongest image is 0, at row 1, column
# 1; then 1, at row 0, column 2. The mean of a map has no say.


# %% tags=["exercise:units-strongest"]
def strongest(maps: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    """The k images that excite a unit most, from its maps (N, h, w): (images (k,), rows (k,), columns (k,)), int64.

    An image counts by the highest value of its map. The highest comes first; rows and columns say where in its map
    that value stands. 1 <= k <= N, and no two values are equal.
    """
    ### BEGIN SOLUTION
    highest, places = maps.flatten(1).max(dim=1)  # (N,) each; a place counts along the rows
    images = highest.topk(k).indices
    width = maps.shape[2]
    return images, places[images] // width, places[images] % width
    ### END SOLUTION


# %% tags=["check:units-strongest"]
check("units-strongest")

# %% [markdown]
# <details><summary>Hint: what to look at</summary>
#
# Lay each map out in a line: at which place does row 1 begin? And whose places do you return, those of the first $k$
# images or of the chosen ones?
#
# </details>

# %% [markdown]
# **Figure.** Six made-up maps, and your four strongest. If they are maps 1, 3, 0, 4, with a ring round the brightest
# spot of each, ranking and places are right.
#
# <details><summary>It looks otherwise?</summary>
#
# - If map 2 is there, you rank by the mean.
# - If map 5 is there, you rank by size without sign, or from below.
# - If a map comes twice, its two bright spots count as two images.
# - If rings lie off the spots, rows and columns are swapped, height is taken for width, or places belong to other
#   images.
# - Maps below 0, and the types of what you return, only the check shows.
#
# </details>

# %% tags=["show"]
if written("units-strongest"):
    figures.ranking(strongest)

# %% [markdown]
# ## Rehearsal (about 2 min, ●○○) {#rehearsal}
#
# Before a network that nobody knows, one made by hand: its three units like red, green and blue.
#
# **Figure.** Your three functions together: listen, choose eight photos, cut what the unit sees. If every patch is full
# of its row's colour, go on. If some are not, a place or a box is wrong.


# %% tags=["show"]
def patches_of(maps, layers):  # of one unit: the eight patches that excite it most, cut to what it sees
    images, rows, columns = strongest(maps, 8)
    places = zip(rows.tolist(), columns.tolist(), strict=True)
    boxes = [receptive_field(list(layers), row, column) for row, column in places]
    return parts.patches(data.to_float(photos[images]), boxes)


if written("units-activations", "units-receptive-field", "units-strongest"):
    liked = activations(parts.ColourUnits(), "likes", data.to_float(photos[:300]))
    figures.colours([patches_of(liked[:, unit], parts.COLOUR_LAYERS) for unit in range(3)])

# %% [markdown]
# ## The networks (about 2½ min of computing)
#
# One learns the ten classes from labels. One sees no label: SimCLR, if [[contrastive_learning]] left it, else it learns
# by how many quarter turns a photo was turned ([Gidaris et al. 2018](https://arxiv.org/abs/1803.07728)). The third is
# the **random twin**: the same network before any training. Two more have large first filters; one learns classes, one
# turns.
#
# *While they run:* dashed is the loss of guessing, log 10 = 2.303 or log 4 = 1.386. Three seeds of ours ended at .62 to
# .63 (classes) and .81 to .83 (turns); with large filters, classes end higher.
#
# Guess: how alike will neighbouring pixels of a large filter be? 0 is noise, 1 one even colour.

# %% tags=["guess"]
guess_alike = None  # 0 to 1

# %% tags=["show"]
looked_at = {"supervised": networks.supervised(pictures, preset, device)}
without, network = networks.self_supervised(pictures, preset, device)  # its name: "SimCLR" or "rotation"
looked_at |= {without: network, "random ResNet": networks.random_twin(device)}
large = {"supervised": networks.large_filters(pictures, preset, device)}
large |= {"rotation": networks.large_filters(pictures, preset, device, labels=False)}
large |= {"random": networks.random_filters(device)}

# %% [markdown]
# ## The first layer (about 5 min, ●○○) {#first}
#
# Its weights can be looked at as they are: each filter has three colours.
#
# **Figure.** 24 filters of 7 × 7 pixels of three networks. If you see stripes and blots of one colour, training found
# edges and colours; if you see noise, it found nothing. Which of the two needs colour more, naming classes or turns?

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

if have("large"):
    figures.filters({name: figures.first_weight(network) for name, network in large.items()}, guess_alike)

# %% [markdown]
# <details><summary>Why another network, and another optimiser?</summary>
#
# Our ResNet begins with filters of 3 × 3 pixels: nine squares show no edge. Of 7 × 7, all 49 weights must agree, and
# two things help. *Descent with momentum* (SGD) and strong weight decay: what the loss does not need shrinks to
# nothing; AdamW moves every weight by about as much, needed or not, and leaves noise. And *faint first weights*, a
# tenth of the usual: otherwise what was drawn at the start is still there at the end.
#
# </details>

# %% [markdown]
# ## Deeper (about 15 min, ●●○) {#deeper}
#
# Deeper weights say nothing to the eye. So we listen.

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

if have("looked_at") and ready("units-activations"):
    heard, peaks = {}, {}
    for name, network in looked_at.items():
        print(f"{name}: listening in {len(parts.LAYERS)} layers")
        peaks[name] = []
        for layer in parts.LAYERS:
            maps = activations(network, layer, inputs)
            peaks[name].append(maps.amax(dim=(2, 3)))  # (images, units)
            heard[name, layer] = maps if layer == "blocks.2" else maps[:, :16]

# %% [markdown]
# **Figure.** Four layers of the supervised network, four units each, the eight patches that excite it most, cut to what
# it sees. If a unit's patches share a colour or an edge, it is simple; if they share a thing, it is not. From which
# layer on would you say things? Then change `whose` to `"random ResNet"`.

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

whose = "supervised"  # yours: "supervised", "random ResNet", or the one without labels
if have("heard", "sizes", "patches_of") and ready("units-activations", "units-receptive-field", "units-strongest"):
    whose = guesses.one_of(whose, list(looked_at), called="whose") or "supervised"
    rows = {
        layer: [patches_of(heard[whose, layer][:, unit], seen) for unit in (1, 5, 8, 15)]
        for layer, seen in parts.LAYERS.items()
    }
    figures.layer_by_layer(rows, sizes)

# %% [markdown]
# ## One number for a unit (about 10 min, ●○○)
#
# Pictures persuade. Let us count: of the $k$ images with the highest scores, how many are of the commonest class?
#
# **By hand first.** Scores 3, 1, 5, 6, 2 and labels 4, 4, 6, 0, 6. The three highest, 6, 5, 3, have labels 0, 6, 4: a
# tie, which we exclude. With $k = 4$ comes another 6: class 6, share 2/4.
#
# Guess: the mean share over all units of the supervised network's last block, with $k = 16$. And what do sixteen images
# give that are drawn blindly from ten classes? Not .10.

# %% tags=["guess"]
guess_mean_share = None  # 0 to 1
guess_by_chance = None  # 0 to 1


# %% tags=["exercise:units-class-share"]
def class_share(scores: Tensor, labels: Tensor, k: int) -> tuple[float, int]:
    """The class that is most frequent among the k highest scores (N,), and its share of the k: (share, label).

    labels (N,) int64. The share is a Python float from 0 to 1, the label a Python int. 1 <= k <= N; no ties, neither
    among the scores nor between the two most frequent classes.
    """
    ### BEGIN SOLUTION
    top = labels[scores.topk(k).indices]
    classes, counts = top.unique(return_counts=True)
    return counts.max().item() / k, int(classes[counts.argmax()])
    ### END SOLUTION


# %% tags=["check:units-class-share"]
check("units-class-share")

# %% [markdown]
# <details><summary>Hint: what to look at</summary>
#
# Two steps: which $k$ images, then which class among *their* labels. A label is not its place in a list of those that
# occur.
#
# </details>

# %% [markdown]
# **Figure.** Ten images: scores −9, −8, −7, −6, −5, 0, 1, 2, 3, 4, labels 9, 4, 4, 4, 4, 6, 0, 6, 6, 4. If your dots
# stand over 2/3 for $k = 3$, 3/5 for $k = 5$ and 5/10 for all ten, and the line below says classes 6, 6, 4, you count
# rightly.
#
# <details><summary>It looks otherwise?</summary>
#
# - If $k = 5$ stands over 4/5, you took the lowest scores, the first ones, or the largest without their sign.
# - If all three stand over 5/10, you asked the whole set.
# - If $k = 3$ stands over 1/3, you followed the best image, or the class of the whole set.
# - If a dot lies far to the right, it is a count, percent, or a label.
# - The types of what you return only the check shows.
#
# </details>

# %% tags=["show"]
if written("units-class-share"):
    scores = torch.tensor([-9.0, -8, -7, -6, -5, 0, 1, 2, 3, 4])
    ten = torch.tensor([9, 4, 4, 4, 4, 6, 0, 6, 6, 4])
    found = {f"k = {k}": class_share(scores, ten, k) for k in (3, 5, 10)}
    values = {name: float(share) for name, (share, _) in found.items()}
    places = {"1/3": 1 / 3, "5/10": 0.5, "3/5": 0.6, "2/3": 2 / 3, "4/5": 0.8}
    plots.number_line(values, places, xlabel="share of the commonest class")
    print("its label: " + ", ".join(f"{name}: {label}" for name, (_, label) in found.items()))

# %% [markdown]
# ## Selective, or by chance? (about 15 min, ●●○) {#selective}
#
# **Figure.** Left, the sixteen images of four units of the supervised network; right, the same units of its random
# twin. Ticked: the commonest class. If the left looks ordered and the right does not, training did it. Which of the
# right ones would have fooled you?

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

left, chosen = "supervised", (20, 41, 89, 105)  # yours: whose units, and which four (0 to 127)
if have("heard") and ready("units-strongest", "units-class-share"):
    left = guesses.one_of(left, list(looked_at), called="left") or "supervised"
    units = [guesses.setting(unit, 0, 0, 127, called="chosen") for unit in chosen]
    found = {
        name: [(unit, strongest(heard[name, "blocks.2"][:, unit], 16)[0]) for unit in units]
        for name in (left, "random ResNet")
    }
    figures.beside_each_other(
        found, pictures, lambda images: class_share(torch.ones(len(images)), labels[images], 16)[1]
    )

# %% [markdown]
# **Figure.** All 128 units of each network, the most selective first. Dashed: sixteen images drawn blindly, your
# function's mean over 500 draws. If a network's line lies above its twin's, its units follow classes more. Where does
# the *best* random unit lie?

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

if have("peaks") and ready("units-class-share"):
    draws = [class_share(torch.rand(len(labels)), labels, 16)[0] for _ in range(500)]
    chance = sum(draws) / len(draws)
    shares = {
        name: [torch.tensor([class_share(unit, labels, 16)[0] for unit in layer.T]) for layer in layers]
        for name, layers in peaks.items()
    }
    figures.sorted_shares({name: layers[-1] for name, layers in shares.items()}, chance)
    guess = guesses.number(guess_by_chance, 0, 1, called="guess_by_chance")
    print(f"sixteen images drawn blindly: {chance:.3f}; {plots.guess_text(guess)}")

# %% [markdown]
# **Figure.** The mean over the units of each layer. Bars: two standard errors over units; a network of another seed
# moves more. (Three seeds of ours, last block: .66 to .68 supervised, .33 to .35 after turned photos, .27 to .28
# random; with 5,000 images to choose from .69 to .72, .36 to .39, .28 to .29.) If supervised is below .55 there, or the
# twin above .40, something went wrong.

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

if have("shares") and ready("units-class-share"):
    figures.selectivity_by_layer(shares, list(parts.LAYERS), chance, guess_mean_share)

# %% [markdown]
# ## Questions (about 30 min)
#
# Four to six sentences each, which point at figures or numbers of yours.
#
# **(a)** Choose a unit of the supervised network's last block in the figure of [[#selective]], not one of the four.
# What does it like? Name what speaks for it and an image that speaks against it. Would a class be a good name for it?

# %% [markdown] tags=["answer:units-what-it-likes"]
# *Your answer here.*

# %% [markdown]
# **(b)** Compare the layers: patches in [[#deeper]], what units see in [[#field]], shares in [[#selective]]. What do
# units like at each depth, and where does the share rise? Why is the last block without labels so much less selective
# for *classes*, and what does that not say?

# %% [markdown] tags=["answer:units-layer-by-layer"]
# *Your answer here.*

# %% [markdown]
# **(c)** A friend shows one unit of a self-supervised network whose sixteen images hold eight of one class. "Chance is
# .10, so it learned the class!" Give three reasons, each with a number of [[#selective]], why this does not follow.

# %% [markdown] tags=["answer:units-selective-or-chance"]
# *Your answer here.*

# %% [markdown]
# ## The end {-}
#
# You can listen to any part of a network without leaving a trace, say which pixels a unit sees, and tell a selective
# unit from a lucky one.
#
# **Beside the papers.** [Krizhevsky et al.
# 2012](https://papers.nips.cc/paper/4824-imagenet-classification-with-deep-convolutional-neural-networks) learned 96
# filters of 11 × 11 from 1.2 million photos; yours come from 25,000. In Zhou's scene network units stand for objects
# that nobody named; ours stand for the classes that we asked for. And your number is generous: it looks at sixteen
# images only. The most selective units miss many images of their class, or fire for others ([Gale et al.
# 2020](https://arxiv.org/abs/2007.01062)).

# %% [markdown]
# **To try:** change a unit's sixteen photos to grey: which units lose their taste? How does the share depend on $k$,
# from 1 to 200? Next to read: [[linear_probe]], which reads classes from all units together.
#
# <details><summary>Further reading</summary>
#
# - [Network Dissection](https://arxiv.org/abs/1704.05796) (Bau et al. 2017): names for units, given by a computer.
# - [Feature Visualization](https://distill.pub/2017/feature-visualization/) (Olah et al. 2017): images made so that a
#   unit likes them.
# - [On the importance of single directions](https://arxiv.org/abs/1803.06959) (Morcos et al. 2018): selective units are
#   not the important ones.
#
# </details>
