# %% [markdown]
# # Which network had seen other animals before?
#
# Below, two networks learn the same five classes, from the same photos in the same order. One had learned five *other*
# classes before. Which? And is it still of use when labels are many, or few?
#
# - **At the end:** a network that learns from 20 labels a class, and a figure that says when this pays.
# - **Your time:** about 1½ hours (an estimate); ●○○ is a short step, ●●● the hardest. **Computing:** about 2 minutes.
# - **What needs what:** [[transfer-finetune-step]] calls [[transfer-parameter-groups]]; the others stand alone. The
#   runs need all four.

# %% tags=["given"]
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kit import check, ready, written
from ps3 import data, guesses, plots, training
from ps3.transfer import figures, trainings
from ps3.transfer.parts import Classifier

# %% tags=["show"]
torch.manual_seed(0)
preset, device = training.preset(), training.best_device()
pictures = data.load()
second = trainings.task(pictures, trainings.SECOND)
print(training.preset_line(preset, device))
print(f"second task: {len(second.train):,} images to learn from, {len(second.test):,} to test")
figures.two_curves()

# %% [markdown]
# A guess is never graded. (Stored, from one run of the course's. You run the race yourself in [[#race]].)

# %% tags=["guess"]
guess_pretrained = None  # "A" or "B"

# %% [markdown]
# ## The first task (about 10 min, ●○○)
#
# The ten classes of CIFAR-10 become two tasks of five, each with animals and vehicles, and no class in common.

# %% tags=["show"]
figures.reveal(guess_pretrained)
figures.two_tasks(pictures)

# %% [markdown]
# The network is a small ResNet: a **backbone**, which turns a photo into 128 features, and a **head**, one linear layer
# that turns features into five scores. The cell below trains it on the first task; read on meanwhile.
#
# <details><summary>What is BatchNorm, and why does it keep something?</summary>
#
# After each convolution, BatchNorm subtracts a mean from each channel and divides by a deviation. In *training mode*
# both come from the batch, and a **running** mean and variance move a tenth of the way towards them. In *eval mode* the
# running ones serve, and nothing moves. They are no parameters: no gradient reaches them, no optimiser knows them. They
# are **buffers**, kept in the network's state beside its weights. That makes them easy to forget, twice in this
# notebook.
#
# </details>

# %% [markdown]
# Guess its accuracy on new photos. **While it runs:** dashed is chance, log 5 = 1.609: five classes, each with
# probability ⅕.

# %% tags=["guess"]
guess_first_task = None  # 0 to 1

# %% tags=["show"]
again = False  # True: train once more; the weights of the earlier run stay until the new one is finished
pretrained = trainings.pretrained(pictures, preset, device, again)
first = trainings.task(pictures, trainings.FIRST)
reached = trainings.accuracy(pretrained, pictures, first.test)
guess = plots.guess_text(guesses.number(guess_first_task, 0, 1, called="guess_first_task"))
print(f"first task: accuracy {reached:.3f}, chance .20 (preset small, three seeds of ours: .82 to .83); {guess}")

# %% [markdown]
# ## A few labels (about 10 min, ●○○)
#
# Labels cost money, photos do not. So we ask "which network is better, with how many labels?", and need fair small
# sets: the same number of every class, drawn at random.
#
# **By hand first.** Labels 7 3 3 7 3 7, two of each class. Places of class 3 are 1, 2, 4, of class 7 are 0, 3, 5. A
# draw may give 1, 4 and 0, 5; the answer is 0, 1, 4, 5. Three of each gives all six places, four of each is refused.


# %% tags=["exercise:transfer-few-labels"]
def few_labels(labels: Tensor, per_class: int, generator: torch.Generator | None = None) -> Tensor:
    """Places of a few labelled images: exactly per_class of every class that occurs in labels (N,), int64.

    Each place once, drawn at random among all places of its class, from the generator if there is one (it lies on
    the labels' device). Answer: (K * per_class,) int64 for K classes, in ascending order. Classes are any whole
    numbers. ValueError where a class has fewer than per_class places.
    """
    ### BEGIN SOLUTION
    chosen = []
    for label in labels.unique():
        places = (labels == label).nonzero().flatten()
        if len(places) < per_class:
            raise ValueError(f"class {int(label)} has {len(places)} labels, fewer than {per_class}")
        order = torch.randperm(len(places), generator=generator, device=labels.device)
        chosen.append(places[order[:per_class]])
    return torch.cat(chosen).sort().values
    ### END SOLUTION


# %% tags=["check:transfer-few-labels"]
check("transfer-few-labels")

# %% [markdown]
# <details><summary>Hint 1: what to look at</summary>Which classes are there, and where in the labels does each of them
# stand? Do not count on classes being 0, 1, 2.</details>
# <details><summary>Hint 2: in words</summary>Put the places of one class into random order and keep the first few.
# Which function gives a random order?</details>
#
# **Figure: which places?** Strokes are 30 labels in three classes, dots what you chose: four of each, three draws. If
# every row has four dots, elsewhere in each draw, your function draws fairly.
#
# <details><summary>It looks otherwise?</summary>
#
# - If dots lie in rows where there is no stroke, or the rows have unequal numbers, places within the class were taken
#   for places among all labels.
# - If all dots stand at the left, the first ones are taken. If they stand side by side, only the beginning is drawn.
# - If all draws are equal, the generator is not used, or started anew.
# - The order of the answer, and what is refused, only the check shows.
#
# </details>

# %% tags=["show"]
if written("transfer-few-labels"):
    thirty = torch.arange(3).repeat(10)
    seeds = [torch.Generator().manual_seed(seed) for seed in range(3)]
    figures.chosen_places([few_labels(thirty, 4, seed) for seed in seeds], thirty)

# %% [markdown]
# ## Take the backbone along (about 25 min, ●●○)
#
# **Figure.** The network for the second task. If a box says "new", it starts from random weights: other classes need
# another head. The backbone comes from the first task, and you will try two ways: **frozen** (grey here: it stays as it
# is) and **finetuned** (it learns on).

# %% tags=["show"]
figures.architecture()

# %% [markdown]
# torch can load a state with `strict=False`: names that do not fit are left out, and whoever does not read what it
# returns finetunes a random network. Yours says what it left, and refuses what does not fit.
#
# **By hand first.** A network has the entries `backbone.w`, `backbone.mean`, `head.w`. From a state with these three
# names it takes the first two and answers `["head.w"]`. A state without `backbone.mean` is refused, and `backbone.w`
# has not moved.


# %% tags=["exercise:transfer-load-backbone"]
def load_backbone(network: Classifier, state: dict[str, Tensor]) -> list[str]:
    """Give network.backbone the values of another Classifier's state_dict(); return what was left as it was.

    Every entry of the backbone, buffers too, takes its value; the head stays, whatever the state says of a head
    (it may have another number of classes). The names in state begin with "backbone.", as in network.state_dict().
    ValueError, and nothing has changed, where the state lacks an entry of the backbone, has one under "backbone." that
    the network has not, or one of another shape.
    The answer: the names in network.state_dict() that were left as they were, sorted. The state stays as it is, also
    when the network is trained further; the network keeps its Parameter objects, modes and requires_grad flags.
    """
    ### BEGIN SOLUTION
    prefix = "backbone."
    own = network.state_dict()
    wanted = {name for name in own if name.startswith(prefix)}
    given = {name for name in state if name.startswith(prefix)}
    # Does everything fit?
    if wanted - given:
        raise ValueError(f"the state lacks {', '.join(sorted(wanted - given))}")
    if given - wanted:
        raise ValueError(f"the network has no {', '.join(sorted(given - wanted))}")
    for name in sorted(wanted):
        if state[name].shape != own[name].shape:
            raise ValueError(f"{name} has shape {tuple(state[name].shape)}, not {tuple(own[name].shape)}")
    # Then copy.
    with torch.no_grad():
        for name in wanted:
            own[name].copy_(state[name])
    return sorted(set(own) - wanted)
    ### END SOLUTION


# %% tags=["check:transfer-load-backbone"]
check("transfer-load-backbone")

# %% [markdown]
# <details><summary>Hint 1: what to look at</summary>Print `pretrained.state_dict()` names. Which begin with
# `backbone.`? Are running means among them? And when do you know that everything fits?</details>
# <details><summary>Hint 2: in words</summary>Two rounds: first compare names both ways, and shapes; then, without
# gradients, write the numbers into the tensors that the network has already.</details>
#
# **Figure: where does each entry stand?** A small network after loading. If all seven entries of the backbone stand "as
# in the state" and both of the head "as it was", ringed, the right things moved. The printed line tries three states
# that do not fit: each should be refused, with no entries changed.
#
# <details><summary>It looks otherwise?</summary>
#
# - If running statistics stand "as it was", the buffers were forgotten.
# - If an entry of the head has moved, classes of the first task were taken for those of the second.
# - If rings are elsewhere, the answer names what was loaded.
# - If a state is accepted, or refused with entries changed, look at the order of your steps.
# - Shared memory only the check shows.
#
# </details>

# %% tags=["show"]
if written("transfer-load-backbone"):
    figures.loaded(load_backbone)

# %% [markdown]
# ## Who moves how fast? (about 20 min, ●●○)
#
# The head knows nothing yet and may move fast; a large step could spoil the backbone. An optimiser takes **parameter
# groups**: lists of parameters, each with its own learning rate and weight decay.
#
# <details><summary>What is weight decay, and why not for all?</summary>
#
# Weight decay pulls each number a little towards 0 in every step, so that no weight grows large without need. That
# makes sense for matrices and kernels, whose size decides how sharply the network reacts. A bias only shifts, and
# BatchNorm's scale is near 1 for good reason. So many recipes let only parameters with two or more axes decay, as [He
# et al. 2018](https://arxiv.org/abs/1812.01187) recommend for image classifiers.
#
# </details>

# %% [markdown]
# **By hand first.** A kernel and a bias in the backbone, a matrix and a bias in the head: four groups. With
# backbone_rate 0 there are two. With a head that has no bias there is one, since no group is empty.


# %% tags=["exercise:transfer-parameter-groups"]
def parameter_groups(network: Classifier, head_rate: float, backbone_rate: float, decay: float) -> list[dict]:
    """Parameter groups for torch.optim: a list of dicts with the keys "params", "lr" and "weight_decay".

    "params" is a list of the network's own parameters. Each parameter stands in one group, once, also where two parts
    of the backbone share it; no group is empty. The head's have the learning rate head_rate, the backbone's
    backbone_rate. Parameters with two or more axes have the weight decay `decay`, all others 0.
    At backbone_rate 0 the backbone's parameters are left out. The network stays as it is.
    """
    ### BEGIN SOLUTION
    groups = []
    for part, rate in ((network.head, head_rate), (network.backbone, backbone_rate)):
        if part is network.backbone and rate == 0:
            continue
        parameters = list(part.parameters())
        matrices = [parameter for parameter in parameters if parameter.ndim >= 2]
        others = [parameter for parameter in parameters if parameter.ndim < 2]
        groups.append({"params": matrices, "lr": rate, "weight_decay": decay})
        groups.append({"params": others, "lr": rate, "weight_decay": 0.0})
    return [group for group in groups if group["params"]]
    ### END SOLUTION


# %% tags=["check:transfer-parameter-groups"]
check("transfer-parameter-groups")

# %% [markdown]
# <details><summary>Hint 1: what to look at</summary>Two questions decide a parameter's group. Which two? How many
# combinations can there be, and which of them may have no member?</details>
# <details><summary>Hint 2: in words</summary>Go through the two parts, sort each one's parameters by their number of
# axes, and at the end keep the groups that hold something.</details>
#
# **Figure: who is in which group?** Filled dots decay, hollow ones do not. If `conv.weight` and `head.weight` are
# filled and the rest is hollow, if the head stands at 0.01 and the backbone at 0.001, and if in the right panel the
# backbone is crossed out, your groups are right.
#
# <details><summary>It looks otherwise?</summary>
#
# - If the backbone stands at 0.01 and the head at 0.001, the rates are exchanged.
# - If a bias or a norm is filled, it is not the axes that were counted.
# - If a name has two dots, it stands in two groups.
# - If everything is crossed out, the groups hold copies.
#
# </details>

# %% tags=["show"]
if written("transfer-parameter-groups"):
    figures.grouped(parameter_groups)

# %% [markdown]
# ## One step (about 25 min, ●●●)
#
# Plain gradient descent on the mean cross-entropy $L$ of a batch: head weights $h$ and backbone weights $b$ move by
#
# $$h \leftarrow h - r_h \, \partial L / \partial h, \qquad b \leftarrow b - r_b \, \partial L / \partial b,$$
#
# with $r_h$ = `head_rate` and $r_b$ = `backbone_rate`. Frozen is not the same as $r_b = 0$: in training mode BatchNorm
# would move without any gradient, and every photo's features with it.

# %% [markdown]
# **By hand first.** One weight in the head, 2, with slope 3 and head_rate 0.1: it becomes 1.7. Called again with slope
# 1 it becomes 1.6, not 1.3: the first slope is forgotten. A running mean of 5 stays 5 when frozen; otherwise, with a
# batch whose mean is 6, it becomes 0.9 · 5 + 0.1 · 6 = 5.1.


# %% tags=["exercise:transfer-finetune-step"]
def finetune_step(network: Classifier, images: Tensor, labels: Tensor, head_rate: float, backbone_rate: float) -> float:
    """One step of plain gradient descent on the mean cross-entropy of images (B, C, H, W) with labels (B,).

    The head moves at head_rate, the backbone at backbone_rate: no momentum, no weight decay.
    Head and backbone run in training mode. At backbone_rate 0 the backbone is frozen: it runs in eval mode, and
    nothing of it changes, BatchNorm's running statistics included. In these modes both are left afterwards.
    Gradients that the parameters have from before do not count, and none are left behind (None or zero). Parameter
    objects and requires_grad flags stay. Returns the loss before the step, a Python float.
    """
    ### BEGIN SOLUTION
    frozen = backbone_rate == 0
    network.train()
    network.backbone.train(not frozen)
    network.zero_grad()
    optimizer = torch.optim.SGD(parameter_groups(network, head_rate, backbone_rate, 0.0))
    with torch.set_grad_enabled(not frozen):
        features = network.backbone(images)
    loss = F.cross_entropy(network.head(features), labels)
    loss.backward()
    optimizer.step()
    network.zero_grad()
    return loss.item()
    ### END SOLUTION


# %% tags=["check:transfer-finetune-step"]
check("transfer-finetune-step")

# %% [markdown]
# <details><summary>Hint 1: what to look at</summary>Write down, for frozen and for not, which part is in which mode.
# What does torch add up unless you stop it?</details>
# <details><summary>Hint 2: in words</summary>Modes first, then a clean slate, then the loss, its slopes, the step, and
# a clean slate again. An optimiser without momentum is plain gradient descent, and your groups say who moves.</details>
#
# **Figure: how far does each part move?** One step from random weights on 32 photos, three settings. If the head's row
# holds one number twice, the backbone's second is a hundredth of its first, and the last column is 0 below the head,
# your step is right. (With frozen statistics the loss is another one, so the head's third number differs.)
#
# <details><summary>It looks otherwise?</summary>
#
# - If running statistics move in the last column, a frozen backbone ran in training mode.
# - If they are 0 in the first, it never learns.
# - If the head's second number is a hundredth of its first, the rates are exchanged.
# - What is left of gradients, and what is returned, the next figure shows.
#
# </details>

# %% tags=["show"]
if written("transfer-finetune-step"):
    batch = pictures.normalize(second.train.images[:32].to(device))
    batch_labels = second.train.labels[:32].to(device)
    figures.moved(finetune_step, trainings.new_network(device), batch, batch_labels)

# %% [markdown]
# **Figure: rehearsal.** Thirty steps on those 32 photos. Dashed is log 5 = 1.609. If all three lines begin near or
# above it and those that may move everything fall towards 0, the pipeline works. If a line rises or jumps, gradients
# add up. If it begins far below, the loss after the step is returned, or the head came along.

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

if have("batch", "pretrained") and written("transfer-finetune-step", "transfer-load-backbone"):
    losses = {}
    for way in trainings.WAYS:
        network = trainings.begun(way, pretrained, load_backbone, seed=0)
        rate = 0.0 if way == "frozen" else 0.05
        losses[way] = [finetune_step(network, batch, batch_labels, 0.05, rate) for _ in range(30)]
    plots.curve(range(1, 31), losses, reference={"chance": 1.609}, title="Thirty steps on 32 photos")

# %% [markdown]
# ## The race (about 1 min of computing) {#race}
#
# All 2,500 labels a class, plain gradient descent, your step. The lecture says that training from pretrained weights is
# **five times faster**. In small: how many times sooner is the finetuned network as good as the one from scratch is *in
# the end* (the mean of its last four measures)?

# %% tags=["guess"]
guess_times_faster = None  # a number

# %% tags=["show"]
lines, points = {}, {}  # filled below; a cell that is stopped and run again goes on

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

NEEDED = "transfer-load-backbone", "transfer-parameter-groups", "transfer-finetune-step"
if have("pretrained") and ready(*NEEDED):
    trainings.race_all(lines, pretrained, finetune_step, load_backbone, pictures, preset)

# %% [markdown]
# **Figure.** Yours, with names, and frozen beside them. The grey band is the uncertainty by 1,000 test images; the
# lines jump by more, since the steps are large. If a line enters the band early and stays above, those steps are saved.
# If it ends inside the band, call it a tie. Three seeds of ours: finetuned two to four times faster, frozen four times.

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

if have("lines") and len(lines) == 3:
    figures.race(lines)
    guessed = guesses.number(guess_times_faster, 0, 1000, called="guess_times_faster")
    print(plots.guess_text(guessed))

# %% [markdown]
# ## The curve over labels (about 1 min of computing) {#curve}
#
# Twelve networks: 20, 100, 500 and 2,500 labels a class (all that the pack has), each from scratch, finetuned, frozen.
# Equal steps, the same labels for all three, AdamW (explained in [[masked_autoencoder]]) with your groups. Guess: by
# how much does finetuning beat training from scratch, at 20 labels a class and at 2,500?

# %% tags=["guess"]
guess_gain_at_20 = None  # a difference of accuracies, such as 0.03
guess_gain_at_2500 = None

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

NEEDED = "transfer-few-labels", "transfer-load-backbone", "transfer-parameter-groups"
if have("pretrained") and ready(*NEEDED):
    trainings.measure_curve(points, pretrained, few_labels, load_backbone, parameter_groups, pictures, preset)

# %% [markdown]
# **Figure.** Accuracy on 2,500 test images of the second task; bars are two standard errors by test images (another
# draw of labels moves more). If the grey gap narrows to the right, labels begin to do what pretraining did. If dashed
# (frozen) lies as high as finetuned on the left and lowest on the right, old features are enough while labels are few,
# and hold back when there are many. Diamonds are your guesses. (Three seeds of ours: a gain of .10 to .12 at 20 labels
# a class, .07 to .08 at 2,500; frozen ties with finetuned at 20 and lies .10 below it at 2,500.)

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

if have("points") and len(points) >= 3:
    at_20 = guesses.number(guess_gain_at_20, -1, 1, called="guess_gain_at_20")
    at_all = guesses.number(guess_gain_at_2500, -1, 1, called="guess_gain_at_2500")
    figures.label_curve(points, {20: at_20, 2_500: at_all}, len(second.test))

# %% [markdown]
# **What is the control?** "From scratch" is the random twin: the same architecture, head, labels, order and steps; only
# its backbone begins with other values. So the gap is what the first task has left in the weights.

# %% [markdown]
# ## Questions
#
# 3 to 6 sentences and about 10 minutes each; point at a figure or number of yours.
#
# **(a)** At which numbers of labels does pretraining pay, in the figure of [[#curve]]? Say it in accuracy and in
# labels: about how many labels a class from scratch are worth 20 with pretraining? Mind the error bars.

# %% [markdown] tags=["answer:transfer-where-labels-pay"]
# *Your answer here.*

# %% [markdown]
# **(b)** Frozen or finetuned? Compare the two lines in [[#curve]] at both ends and explain what each end is due to.

# %% [markdown] tags=["answer:transfer-frozen-or-finetuned"]
# *Your answer here.*

# %% [markdown]
# **(c)** "Pretraining is five times faster", says a friend who looks at [[#race]]. Which costs does the figure
# leave out, when does the claim hold all the same, and what would show whether scratch catches up?

# %% [markdown] tags=["answer:transfer-equal-steps"]
# *Your answer here.*

# %% [markdown]
# ## What you can do now {-}
#
# Load part of a network without silence; give each part its rate; freeze for real; say with how many labels it pays.
#
# **Beside the papers.** [He, Girshick & Dollár 2018](https://arxiv.org/abs/1811.08883) train detectors on COCO:
# pretraining on ImageNet speeds up the beginning, and training from scratch ends no worse when it may run longer. Yours
# may not: 150 steps on your curve, 240 in your race. So the gap that is left at 2,500 labels may be steps, not labels.
# The lecture's table of detectors shows AP50 52.5 from random weights, 80.8 from supervised pretraining: another task,
# larger photos, and far more of them to learn from first.

# %% [markdown]
# **To try:** set the backbone's rate to a tenth. Let the race run four times as long. Freeze the first two blocks only.
#
# Next to read: [[linear_probe]] measures frozen features properly; [[contrastive_learning]] makes them without labels.
#
# <details><summary>Further reading</summary>
#
# - [How transferable are features?](https://arxiv.org/abs/1411.1792) (Yosinski et al. 2014) moves layer by layer.
# - [Do better ImageNet models transfer better?](https://arxiv.org/abs/1805.08974) (Kornblith et al. 2018) compares 16
#   networks on 12 data sets, frozen and finetuned.
#
# </details>
