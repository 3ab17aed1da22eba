# %% [markdown]
# # How do you mark features?
#
# Below, two photos and their nearest neighbours among 4,000 others, as four networks and formulas see them. Which of
# the four, A to D, sees best? Eyes disagree, so you will build an instrument: the **linear probe**.
#
# - **At the end:** a table that marks pixels, hand-made features, self-supervised networks and a supervised one, each
#   beside its control.
# - **Your time:** about 2 hours (an estimate); ●○○ is a short step, ●●● the hardest. **Computing:** about 3 minutes;
#   without [[masked_autoencoder]] and [[contrastive_learning]], one more.
# - **What needs what:** the four exercises are independent, the table needs all four.

# %% tags=["given"]
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kit import check, ready, written
from ps3 import data, guesses, plots, probes, training
from ps3.linear_probe import figures, networks
from ps3.linear_probe.parts import TinyEncoder
from ps3.linear_probe.table import Table, sensible_try, usual_l2
from ps3.networks.resnet import ResNet8

# %% [markdown]
# In `weights/`, [[masked_autoencoder]] and [[contrastive_learning]] left what they trained; without it, a row stays
# empty. Where both are missing, a stand-in is trained first (about a minute): a ResNet that learns by how many quarter
# turns a photo was turned ([Gidaris et al. 2018](https://arxiv.org/abs/1803.07728)). Guessing gives log 4 = 1.386.

# %% tags=["show"]
preset, device = training.preset(), training.best_device()
pictures = data.load()
counts = preset.label_counts
known = pictures.with_labels(counts[-1])  # so many training images with labels, and all test images
print(training.preset_line(preset, device))
print(f"{len(known.train):,} labelled and {len(known.test):,} test images")

torch.manual_seed(1)
encoders = {"random ResNet": ResNet8().to(device)}
stored = networks.stored_features(preset, known)
encoders |= networks.learned(pictures, preset, device, stored)

# %% tags=["show"]
sets = (known.train.images, known.test.images)
looks = {"pixels": tuple(map(probes.pixels, sets)), "hand-crafted": tuple(map(probes.hand_crafted, sets))}
looks |= {name: (train[-1], test[-1]) for name, (train, test) in stored.items()}  # of each network, what it ends with
shown = networks.features_of_all(encoders, pictures, sets)
puzzle = figures.puzzle(looks | shown)
figures.show_puzzle(known, puzzle)

# %% [markdown]
# Each row: two framed queries, five neighbours each. Which row would you trust? A guess is never graded; the names come
# last.

# %% tags=["guess"]
guess_best = None  # "A", "B", "C" or "D"

# %% [markdown]
# A **linear probe** ([Alain and Bengio 2016](https://arxiv.org/abs/1610.01644)) asks one question: freeze the encoder,
# write down its features for some labelled images, and let the *simplest* classifier read the class from them. If a
# straight cut finds the horses, the features have put horses together.

# %% tags=["show"]
figures.architecture()

# %% [markdown]
# $N$ now counts images, $D$ their features; image $n$ has the label $y_n$.

# %% [markdown]
# ## Writing features down (about 15 min, ●●○)
#
# While it trains, an encoder behaves differently: BatchNorm uses the mean of the *batch* and updates its running mean,
# Dropout throws numbers away. Marking must do neither. And thousands of images do not fit through at once.
#
# **By hand first.** Seven images with `batch_size=3`: the encoder sees 3, 3 and 1, and the answer has seven rows.
# Afterwards each layer is training again, or not, as before.


# %% tags=["exercise:probe-extract-features"]
def extract_features(encoder: nn.Module, images: Tensor, batch_size: int = 256) -> Tensor:
    """What the encoder makes of images (N, C, H, W): features (N, D), float32 on the CPU, in the order of the images.

    encoder maps (B, C, H, W) to (B, D). It runs itself, not a copy, in eval mode and without gradients, on batch_size
    images at a time (the last batch may be smaller), each image once, on the device of its parameters if it has any.
    Afterwards it is as it was: the training flag of every module in it, every buffer, every parameter and whether it
    asks for gradients. So is torch: gradients are on again.
    The answer is an ordinary tensor that a probe can be trained on.
    """
    ### BEGIN SOLUTION
    # Where does it live, and which of its parts are training?
    parameter = next(encoder.parameters(), None)
    device = images.device if parameter is None else parameter.device
    modes = {module: module.training for module in encoder.modules()}
    # Look at everything, a batch at a time.
    encoder.eval()
    try:
        with torch.no_grad():
            features = [encoder(batch.to(device)).float().cpu() for batch in images.split(batch_size)]
    finally:
        # Leave it as it was.
        for module, mode in modes.items():
            module.training = mode
    return torch.cat(features)
    ### END SOLUTION


# %% tags=["check:probe-extract-features"]
check("probe-extract-features")

# %% [markdown]
# <details><summary>Hint 1: what to look at</summary>
#
# One image alone and in a batch must give the same numbers. Which layers look at their neighbours?
#
# </details>
#
# <details><summary>Hint 2: in words</summary>
#
# Switching to eval mode switches every module below. Switching back does the same, also to those that were in eval
# mode before. Note each one's flag first.
#
# </details>

# %% [markdown]
# **Figure.** An encoder with BatchNorm and Dropout, in training mode but for its convolution. Each mark is one feature
# of one image: alone (x), in batches of 24 (y). If all lie on the diagonal, neighbours have no say. Below, its running
# mean and which parts are training (1). If nothing is outlined, it is as it was.
#
# <details><summary>It looks otherwise?</summary>
#
# - If you see a cloud round the diagonal, the encoder was in training mode.
# - If the cloud has nothing to do with the diagonal, images were lost or changed places. See the last batch: 16 of 64.
# - If a mean is outlined, BatchNorm was still averaging.
# - If a part is outlined, its mode was not given back. The convolution was in eval mode before; the others were not.
#
# Published code has had this mistake ([virtex, issue 16](https://github.com/kdexd/virtex/issues/16)).
#
# </details>

# %% tags=["show"]
if written("probe-extract-features"):
    torch.manual_seed(0)
    small, some = TinyEncoder(6), pictures.normalize(pictures.test.images[:64])
    small.norm.running_mean.uniform_(-0.5, 0.5)  # as if it had been trained
    small.conv.eval()
    before = figures.state(small)
    alone = extract_features(small, some[-16:], batch_size=1)
    among = extract_features(small, some, batch_size=24)[-16:]
    message = f"alone and in a batch they differ by {(alone - among).abs().max():.2g}; gradients: {among.requires_grad}"
    look = {"xlabel": "alone", "ylabel": "in a batch", "title": "The same features twice"}
    plots.scatter(alone, {"features": among}, diagonal=True, message=message, **look)
    figures.changes(before, figures.state(small))

# %% [markdown]
# ## The same scale for all (about 10 min, ●●○)
#
# A penalty on weights treats large features kindly and small ones badly. So each feature gets mean 0 and deviation 1
# first, by the *training* set's statistics. The test images stand for images that nobody has seen yet: they have no
# say.

# %% [markdown]
# **By hand first.** Training values 1, 3, 5: mean 3, deviation 2 (dividing by $N - 1$). They become −1, 0, 1. A test
# value of 7 becomes 2, whatever else is in the test set.
#
# Guess: one feature is 100.3 for all training images. What should become of it? And what comes out if you divide by
# its deviation as float32 computes it?

# %% tags=["guess"]
guess_constant_feature = None  # a number, or "nan"


# %% tags=["exercise:probe-standardize"]
def standardize(train: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    """Features train (N, D) and test (M, D), each feature minus its mean and over its deviation: (train, test).

    Mean and deviation are those of train, for both. Either deviation will do (over N or N - 1), one for both.
    Features with deviations from 1e-3 to 1e3 come out of train with deviation 1, within one percent.
    A feature that is constant in train comes out of train with values below 1e-3, and finite out of test: also where
    it is 0.1 or 100.3 in float32, whose computed mean and deviation are rounded. The dtype stays.
    """
    ### BEGIN SOLUTION
    exact = train.double()
    mean, deviation = exact.mean(dim=0), exact.std(dim=0)
    deviation = deviation + 1e-6
    return ((exact - mean) / deviation).to(train.dtype), ((test.double() - mean) / deviation).to(test.dtype)
    ### END SOLUTION


# %% tags=["check:probe-standardize"]
check("probe-standardize")

# %% [markdown]
# <details><summary>Hint 1: what to look at</summary>
#
# A test image must not know of the other test images. And print the mean of a thousand times 100.3, in float32: is it
# 100.3?
#
# </details>
#
# <details><summary>Hint 2: in words</summary>
#
# A constant feature gives a small rounding error over another one, and that can be any number. Either compute so
# precisely that the error is far smaller than what you add below the line, or notice that the feature does not vary.
#
# </details>

# %% [markdown]
# **Figure.** 128 features of a random ResNet, multiplied by factors from .001 to 1,000, and one that is always 100.3;
# 400 training and 400 test images. If all circles (training) lie on two spots, at mean 0 with deviation 1 and at 0 with
# 0, your scale is right. If the crosses (test) scatter about the first spot, the test images had no say.
#
# <details><summary>It looks otherwise?</summary>
#
# - If every cross lies exactly in a circle, the test images were standardised by their own statistics.
# - If circles hang below deviation 1, what you add to the deviation is too large for small features.
# - If a circle lies away from mean 0, or none at deviation 0, the constant feature was divided by a rounding error. The
#   printed line says what it became.
# - If the printed ranges say nan, 0 was divided by 0.
#
# </details>

# %% tags=["show"]
if written("probe-standardize"):
    near, far = (part[:400] for part in shown["random ResNet"])
    factors = torch.logspace(-3, 3, 128) / near.std(dim=0).clamp(min=1e-3)
    near, far = (torch.cat([part * factors, torch.full((400, 1), 100.3)], dim=1) for part in (near, far))
    results = standardize(near, far)
    figures.standardized(*results)
    guess = guesses.number(guess_constant_feature, words=("nan",), called="guess_constant_feature")
    print(f"always 100.3 becomes {results[0][:, -1].abs().max():.2g} at most; {plots.guess_text(guess)}")

# %% [markdown]
# ## The probe (about 30 min, ●●●)
#
# Softmax regression: scores $s_n = W x_n + b$, one for each class, cross-entropy, and a penalty that keeps the weights
# small. One number is to be minimised:
#
# $$ J(W, b) = \frac{1}{N} \sum_{n=1}^{N} -\log \frac{\exp(s_{n, y_n})}{\sum_c \exp(s_{n, c})}
# + \frac{\lambda}{2} \lVert W \rVert^2 $$
#
# $\lambda$ is `l2`. The bias $b$ is not penalised: it says how common a class is.
#
# $J$ is **convex**, a bowl. Its lowest $W$ is the only one, and $b$ is known but for a number added to all classes,
# which changes no decision. Any method that gets there gives the same mark: there is no learning rate to tune.
#
# <details><summary>Why only one lowest point?</summary>
#
# The cross-entropy alone has many lowest points, or none. Add the same vector to every row of $W$: the softmax does not
# change. Pull the classes apart where a straight cut separates them: the loss falls for ever. The penalty ends both,
# because among all $W$ with the same cross-entropy it prefers the shortest. The bias has no penalty. Adding 5 to all of
# $b$ changes neither a probability nor $J$: in that one direction the floor of the bowl is level. Two right answers can
# differ there, and the check knows it: it compares $b$ minus its mean.
#
# </details>
#
# <details><summary>What is L-BFGS?</summary>
#
# Plain descent knows the slope where it stands, not how the slope changes, so it needs a learning rate and many small
# steps. [Newton's method](https://en.wikipedia.org/wiki/Newton%27s_method_in_optimization) uses the curvature and needs
# few, but the curvature of 30,720 weights is a matrix with 900 million entries.
# [L-BFGS](https://link.springer.com/article/10.1007/BF01589116) (Liu and Nocedal 1989) guesses it: it remembers how the
# slope changed over its last steps, builds from that a step that is nearly Newton's, and searches along it
# for a point that is low enough. It wants the exact slope over all images each time; with batches, whose slope is
# noisy, its memory would be wrong.
#
# </details>

# %% [markdown]
# **By hand first.** Two images with one feature: −1 has label 0, +1 has label 1; `l2` is 1. By symmetry $W = (-w,
# w)$, $b = 0$ and $J = \log(1 + e^{-2w}) + w^2$. Its slope is 0 where $w = 1 / (1 + e^{2w})$, at $w = .337$.
#
# Guess: and if `l2` is 0?

# %% tags=["guess"]
guess_w_without_penalty = None  # a number, or "no end"


# %% tags=["exercise:probe-fit"]
def fit_linear_probe(features: Tensor, labels: Tensor, num_classes: int, l2: float = 1e-3) -> tuple[Tensor, Tensor]:
    """Fit softmax regression to features (N, D) and labels (N,): (weight (num_classes, D), bias (num_classes,)).

    The answer minimises mean cross-entropy + l2 / 2 * |weight|^2; the bias is not penalised. Every class occurs.
    Near enough: no entry of the objective's gradient is above 1e-4 in float64, 1e-3 in float32.
    Both are plain tensors in the features' dtype. Features are standardised, or nearly. Below, N is up to 10,000 and
    D up to 3,072: choose a method that can do that in seconds.
    """
    ### BEGIN SOLUTION
    weight = torch.zeros(num_classes, features.shape[1], dtype=features.dtype, requires_grad=True)
    bias = torch.zeros(num_classes, dtype=features.dtype, requires_grad=True)
    # All images in every step, and a method that learns the bowl's shape from the slopes it has seen.
    near_enough = 3e-5 if features.dtype == torch.float64 else 3e-4
    descent = torch.optim.LBFGS(
        [weight, bias], max_iter=500, tolerance_grad=near_enough, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def height() -> Tensor:
        scores = (weight @ features.T).T + bias  # (N, classes); for large D this order is faster
        value = F.cross_entropy(scores, labels) + 0.5 * l2 * (weight**2).sum()
        weight.grad, bias.grad = torch.autograd.grad(value, [weight, bias])
        return value

    descent.step(height)
    return weight.detach(), bias.detach()
    ### END SOLUTION


# %% tags=["check:probe-fit"]
check("probe-fit")

# %% [markdown]
# <details><summary>Hint 1: what to look at</summary>
#
# Move your answer a little: does the objective fall? Print the largest entry of its gradient at the end.
#
# </details>
#
# <details><summary>Hint 2: in words</summary>
#
# With all images in every step there is no noise, and methods that learn the bowl's shape on the way need tens of
# steps where plain descent needs thousands. torch has one among its optimisers; read how it calls you back, and when
# it stops by itself.
#
# </details>

# %% [markdown]
# **Figure.** Three clouds of 70, 35 and 15 points in the plane, and the objective along twenty random straight lines
# through your answer, for `l2` = 0.1. If all twenty lowest points, the triangles, lie in the ring at 0, you are at the
# bottom. Then the plane: if three regions with straight borders hold a cloud each, the classes are in order.
#
# <details><summary>It looks otherwise?</summary>
#
# - If triangles lie outside the ring, you stopped too early, and the message says how much deeper the bowl is.
# - If they do however long you run, you made another number small: a sum in place of a mean, `l2` without the half, a
#   penalty on the bias.
# - If a region holds another cloud, labels and rows of the weight do not belong together.
#
# </details>

# %% tags=["show"]
if written("probe-fit"):
    points, classes = figures.clouds()
    weight, bias = fit_linear_probe(points, classes, 3, 0.1)
    figures.bowls(weight, bias, points, classes, 0.1)
    figures.plane(weight, bias, points, classes)
    guess = guesses.number(guess_w_without_penalty, words=("no end",), called="guess_w_without_penalty")
    print("w without a penalty grows for ever, as a larger w is always surer;", plots.guess_text(guess))

# %% [markdown]
# ## The mark (about 5 min, ●○○)
#
# A probe takes the class with the highest score. **By hand first.** Scores `(2, 1)`, `(0, 3)`, `(1, 0)` and labels 0,
# 1, 1: two of three are right, so 2/3.


# %% tags=["exercise:probe-accuracy"]
def accuracy(weight: Tensor, bias: Tensor, features: Tensor, labels: Tensor) -> float:
    """Share of the images (N, D) whose highest score under weight (num_classes, D) and
    bias (num_classes,) is that of their label (N,).

    A Python float from 0 to 1.
    """
    ### BEGIN SOLUTION
    chosen = (features @ weight.T + bias).argmax(dim=1)  # (N,)
    return (chosen == labels).double().mean().item()
    ### END SOLUTION


# %% tags=["check:probe-accuracy"]
check("probe-accuracy")

# %% [markdown]
# <details><summary>Hint: what to look at</summary>
#
# The text asks for a Python float between 0 and 1: no tensor, no percent.
#
# </details>

# %% [markdown]
# **Figure.** The same clouds under a fixed classifier, while the bias of the rare class 2 rises. If each of your
# circles holds a cross, counted one by one, the mark is right. On the far right all 120 points are called class 2: 15
# are, .125.

# %% tags=["show"]
if written("probe-accuracy"):
    figures.lifted(accuracy)

# %% [markdown]
# ## Pixels (about 10 min, ●○○)
#
# The first features are none at all: 3,072 pixel values. Guess before you run this (about 10 s; expect .39 to .40):
# which two classes will be confused most often? What does the weight for *horse* look like, as an image?

# %% tags=["guess"]
guess_confused = None  # two names, such as ("frog", "ship")
guess_horse = None  # a few words

# %% [markdown]
# **Figure.** How often the probe takes the class of the row for that of the column; the most confused pair is outlined.
# Then its ten weights as images: if a pixel is bright in a colour, that colour there speaks for the class. Which way
# does the horse face, and why?

# %% tags=["show"]
if ready("probe-standardize", "probe-fit", "probe-accuracy"):
    train, test = standardize(*looks["pixels"])
    weight, bias = fit_linear_probe(train, known.train.labels, 10, 1.0)  # l2 40 times the usual: smoother
    figures.confusion(accuracy, weight, bias, test, known, guess_confused)
    figures.templates(weight, pictures)
    print(f"right: {accuracy(weight, bias, test, known.test.labels):.3f}; horse, {plots.guess_text(guess_horse)}")

# %% [markdown]
# ## The table grows (about 20 min, ●○○) {#table}
#
# From here on all is yours: `probe` is your three functions in a row. The penalty is fixed beforehand, in proportion to
# $D$, the same rule for everybody.


# %% tags=["show"]
def probe(train, labels, test, test_labels):
    near, far = standardize(train, test)
    return accuracy(*fit_linear_probe(near, labels, 10, usual_l2(near.shape[1])), far, test_labels)


table = Table(known, probe, counts)
EXERCISES = [f"probe-{name}" for name in "extract-features standardize fit accuracy".split()]

# %% [markdown]
# Each mark uses 500, 1,000 and 10,000 labels, the small numbers three times with other images. What is uncertain? Other
# *test images* would move one accuracy by ± .014, and, as all rows see the same, a difference of two rows by ± .016.
# Another *seed* moves more: the random ResNet by .045. Ask both before you read a difference.


# %% tags=["show"]
def judge(*names):
    """Add rows to the table; for a network that is here, your features of all images first."""
    for name in names:
        if name in encoders:
            looks[name] = tuple(extract_features(encoders[name], pictures.normalize(part)) for part in sets)
        if name in looks:
            table.add(name, looks[name])


# %% [markdown]
# **Rows 1 and 2.** Pixels, and what people built before networks learned: histograms of the directions of edges, and
# of colours. Where do the two end, at 10,000 labels? (About 40 s.)

# %% tags=["guess"]
guess_simple = {"pixels": None, "hand-crafted": None}  # accuracies at 10,000 labels

# %% tags=["show"]
if ready(*EXERCISES):
    judge("pixels", "hand-crafted")
    table.show(guess_simple)

# %% [markdown]
# **Rows 3 and 4.** The transformer of [[masked_autoencoder]], random and trained, by the features that it left. The
# random one is the control: whatever it reaches, the architecture gives for nothing. A method is judged against **its
# own** twin. (Three seeds: .413 to .418 random, .536 to .546 trained.)

# %% tags=["guess"]
guess_transformers = {"random transformer": None, "MAE": None}

# %% tags=["show"]
if ready(*EXERCISES):
    judge("random transformer", "MAE")
    table.show(guess_transformers)

# %% [markdown]
# **Rows 5 and 6.** The ResNet of [[contrastive_learning]], random and trained with
# [SimCLR](https://arxiv.org/abs/2002.05709) (or on turned photos). Does the random one start higher or lower than the
# transformer? (Random: .360 to .405 over five seeds; SimCLR: .537 to .547 over three; turned photos: .461.)

# %% tags=["guess"]
guess_resnets = {"random ResNet": None, "SimCLR": None, "rotation": None}

# %% tags=["show"]
if ready(*EXERCISES):
    judge("random ResNet", "SimCLR", "rotation")
    table.show(guess_resnets)

# %% [markdown]
# If MAE is less than .08, or SimCLR less than .10, above its own twin, something went wrong. Neither clearly beat the
# hand-crafted row (.547) in the course's runs: people tuned such histograms for decades. But they cannot learn more.

# %% [markdown]
# **Row 7.** The same ResNet, trained with all 25,000 labels: about a minute. *While it runs:* the dashed line is the
# loss of guessing, log 10 = 2.303; three seeds ended at .62 to .63, their mark was .729 to .739. How much is left to
# win without labels?

# %% tags=["guess"]
guess_supervised = {"supervised": None}

# %% tags=["show"]
if ready(*EXERCISES):
    encoders["supervised"] = networks.supervised(pictures, preset, device)
    judge("supervised")
    table.show(guess_supervised)

# %% [markdown]
# ## How many labels? (about 10 min, ●●○) {#labels}
#
# **Figure.** The table as lines. Bars: the range of three draws of labels, or two standard errors of the test set where
# that is more. If a learned line lies above its random twin everywhere, training helped at every number of labels. How
# many labels does each line need for the same height? The supervised encoder saw **all** labels before its probe got
# 500: a ceiling, not a competitor.

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

if have("table") and ready(*EXERCISES):
    table.by_labels()

# %% [markdown]
# ## What the probe cannot show (about 10 min, ●○○)
#
# **Figure.** 1,000 test images for three encoders: of 128 directions, the two in which the features vary most. If
# classes lie apart in the middle and not on the left, training did it. If two overlap, do *not* conclude that the probe
# confuses them: the printed line says how much the map leaves out.

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

if have("table") and ready(*EXERCISES):
    learned, twin = networks.learned_and_twin(looks)
    maps = {name: looks[name][1][:1000] for name in (twin, learned, "supervised")}
    few_images, few_labels = (part[:1000] for part in (known.test.images, known.test.labels))
    plots.feature_map(maps, few_labels, pictures.classes, title="The same 1,000 test images, three times")

# %% [markdown]
# **Your turn.** Each row shows the seven nearest images; those of the query's class are ticked. What does each row go
# by? (133 was picked because its rows differ: one query proves nothing.)

# %% tags=["show"]
query = 133  # yours: 0 to 999
from kit import have  # here, so that this cell also answers in a restarted kernel

if have("maps"):
    spaces = {"pixels": looks["pixels"][1][:1000]} | maps
    plots.neighbours(query, spaces, few_images, few_labels, pictures.classes)

# %% [markdown]
# ## Layer by layer (about 10 min, ●○○)
#
# So far we read the last block. Is the class easiest to read there? The supervised net was trained to say it at its
# end, MAE to paint. Guess where each is highest. 0 stands before the first block (the transformer's: after its
# LayerNorm).

# %% tags=["guess"]
guess_peak_mae = None  # 0 to 4
guess_peak_supervised = None  # 0 to 3

# %% [markdown]
# **Figure.** Your probe, 1,000 labels, features averaged over places. If a line rises all the way, each block made the
# class easier to read. If it falls at the end, the last block serves its own task. In the ResNet width grows with
# depth, 16, 32, 64, 128; the transformer has 128. (MAE, one run: .303, .428, .438, .456, .455.)

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

if have("table") and ready(*EXERCISES):
    few = known.train.labels[: counts[1]]
    layers = {name: list(zip(train[:-1], test[:-1], strict=True)) for name, (train, test) in stored.items()}
    until = [networks.up_to_block(encoders["supervised"], count) for count in range(4)]
    inputs = [pictures.normalize(part) for part in (sets[0][: len(few)], sets[1])]
    layers["supervised"] = [tuple(extract_features(network, part) for part in inputs) for network in until]
    heights = {}
    for name, parts in layers.items():
        print(f"{name}: {len(parts)} probes")
        heights[name] = [probe(near[: len(few)], few, far, known.test.labels) for near, far in parts]
    figures.by_layer(heights, 0.014)
    peaks = [guesses.number(g, choices=range(5), called="guess_peak") for g in (guess_peak_mae, guess_peak_supervised)]
    print(f"MAE: {plots.guess_text(peaks[0])}; supervised: {plots.guess_text(peaks[1])}")

# %% [markdown]
# ## A head, or everything? (about 10 min, ●●○) {#everything}
#
# Hand-made features can only have a head. A network can also be *finetuned*: all weights move, from the learned ones
# on; [He et al. 2021](https://arxiv.org/abs/2111.06377), §4.1, report both. From random weights that is training from
# scratch. With 1,000 labels and 100 steps, which gains more by it, SimCLR or the random ResNet?

# %% tags=["guess"]
guess_everything = {"random ResNet": None, "SimCLR": None, "rotation": None}  # accuracies with all weights trained

# %% [markdown]
# **Figure.** Circles: a linear head. Squares: all weights. Filled: the course's, three draws of labels; hollow: yours
# (15 s). If a square lies right of its circle, finetuning found more than a line could read. If SimCLR's square lies
# right of the random ResNet's, pretraining helped even where all weights move (.503 to .516 against .448 to .460).

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

if have("table") and ready(*EXERCISES):
    own, both = data.labelled_subset(known.train.labels, counts[1]), {}
    few, steps = known.train.images[own], preset.steps("linear_probe", "finetune")
    for name, encoder in encoders.items():
        if name != "supervised":
            print(f"{name}: all weights, {steps} steps")
            free = networks.finetuned(encoder, ResNet8.dim, pictures, few, known.train.labels[own], steps)
            scores = extract_features(free, pictures.normalize(sets[1]))
            right = accuracy(torch.eye(10), torch.zeros(10), scores, known.test.labels)
            both[name] = (table.mean(name, counts[1]), right)
    figures.head_or_all(both, guess_everything)

# %% [markdown]
# ## A control: labels that mean nothing (about 10 min, ●○○) {#control}
#
# Shuffle the labels of 500 images and fit your probe to their 3,072 pixels, five times. The test accuracy should be
# chance on average, .10. Guess: and on the 500 themselves?
#
# **Figure.** Means of five shuffles; bars: lowest to highest. If the lower dot lies on chance, nothing leaks.
#
# <details><summary>Why does one shuffle stray so far from .10?</summary>
#
# Further than 5,000 test images explain, and they are not independent here: a rule that is wrong about white animals is
# wrong about all of them. Test images share colours and shapes, so one shuffled rule can be lucky or unlucky with
# hundreds at once. The mean over many shuffles is chance; a single one need not be.
#
# </details>

# %% tags=["guess"]
guess_train_accuracy = None  # 0 to 1

# %% tags=["show"]
if ready("probe-standardize", "probe-fit", "probe-accuracy"):
    own, results = data.labelled_subset(known.train.labels, 500), []
    train, test = standardize(looks["pixels"][0][own], looks["pixels"][1])
    for seed in range(5):
        shuffled = known.train.labels[own][torch.randperm(500, generator=torch.Generator().manual_seed(seed))]
        fitted = fit_linear_probe(train, shuffled, 10, usual_l2(3072))
        results.append([accuracy(*fitted, train, shuffled), accuracy(*fitted, test, known.test.labels)])
    found = torch.tensor(results)
    reach = (found.amax(dim=0) - found.amin(dim=0)) / 2
    names, guessed = ["on the 500", "on the test set"], {"on the 500": guess_train_accuracy}
    look = {"xlabel": "accuracy", "title": "Labels shuffled"}
    plots.dots(names, found.mean(dim=0).tolist(), reach.tolist(), chance=0.1, guesses=guessed, **look)

# %% [markdown]
# With more features than images, a linear rule learns *any* labels by heart. Training accuracy says nothing.
#
# **Your turn.** Any row of the table, 20 to 1,000 labels, .01 to 1,000 times the usual penalty. When do the dots part,
# when do both sink?

# %% tags=["show"]
features_from, labels, times = "pixels", 500, 1.0  # yours
from kit import have  # here, so that this cell also answers in a restarted kernel

if have("table") and ready(*EXERCISES):
    features_from, labels, times = sensible_try(features_from, labels, times, looks, counts)
    own = data.labelled_subset(known.train.labels, labels)
    near, far = standardize(looks[features_from][0][own], looks[features_from][1])
    fitted = fit_linear_probe(near, known.train.labels[own], 10, times * usual_l2(near.shape[1]))
    dots = [accuracy(*fitted, near, known.train.labels[own]), accuracy(*fitted, far, known.test.labels)]
    title = f"{features_from}, {labels} labels, {times:g} times the usual penalty"
    names = ["on the fitted images", "on the test set"]
    plots.dots(names, dots, chance=0.1, xlabel="accuracy", title=title)

# %% [markdown]
# ## The puzzle's answer
#
# **Figure.** The rows named; neighbours of the query's class are ticked. Does the order agree with your table?

# %% tags=["show"]
figures.show_puzzle(known, puzzle, reveal=True, guess=guess_best)

# %% [markdown]
# ## Questions (about 30 min)
#
# Each answer takes four to six sentences and points at figures or numbers of yours.
#
# **(a)** What does a linear probe measure, and what does it not? Use the table of [[#table]] and the control of
# [[#control]]. What would you have to report beside an accuracy, so that somebody else can compare with it?

# %% [markdown] tags=["answer:probe-what-it-measures"]
# *Your answer here.*

# %% [markdown]
# **(b)** In the figure of [[#labels]], compare pixels with 10,000 labels and MAE (without it, SimCLR or rotation) with
# 1,000. What have the images without labels bought? About how many labels is it worth, and how sure are you?

# %% [markdown] tags=["answer:probe-what-images-bought"]
# *Your answer here.*

# %% [markdown]
# **(c)** A friend tries twenty values of `l2`, keeps the one with the best accuracy on the test set, and reports that
# accuracy, .58. What is wrong with the number? Would the accuracy on the images that were fitted choose better? Say how
# to choose properly.

# %% [markdown] tags=["answer:probe-chosen-on-the-test-set"]
# *Your answer here.*

# %% [markdown]
# ## The end {-}
#
# You can now take features out of a network without touching it, fit a classifier without tuning it, and read a table
# of marks with its controls.
#
# **Beside the lecture.** A stricter judge is another task with all weights free to move: detecting objects. In the
# lecture's table, AP50 is 52.5 from random weights, 80.8 after supervised and 81.4 to 82.1 after contrastive
# pretraining ([MoCo](https://arxiv.org/abs/1911.05722)): the gap is gone. Yours is not: you had 25,000 small images and
# minutes, they a million and days.

# %% [markdown]
# <details><summary>For the fast</summary>
#
# - k-NN (`probes.knn`) in place of your probe: does the order of the rows change?
# - A probe for "was this image turned grey?": which encoder was trained to forget it?
# - Two layers in place of one: which row gains most?
#
# </details>
#
# <details><summary>Further reading</summary>
#
# - [Understanding intermediate layers using linear classifier probes](https://arxiv.org/abs/1610.01644) (Alain and
#   Bengio 2016): where probes come from, with your figure of layers.
# - [Designing and Interpreting Probes with Control Tasks](https://arxiv.org/abs/1909.03368) (Hewitt and Liang 2019):
#   labels that mean nothing, as a method.
# - [Do Better ImageNet Models Transfer Better?](https://arxiv.org/abs/1805.08974) (Kornblith et al. 2018): a head
#   against full finetuning, on twelve data sets.
# - [Fine-Tuning can Distort Pretrained Features](https://arxiv.org/abs/2202.10054) (Kumar et al. 2022): when moving all
#   weights makes things worse.
# - [Histograms of Oriented Gradients](https://hal.science/inria-00548512) (Dalal and Triggs 2005): the hand-made row.
# - [How to Use t-SNE Effectively](https://distill.pub/2016/misread-tsne/) (Wattenberg et al. 2016): how maps mislead.
#
# </details>
