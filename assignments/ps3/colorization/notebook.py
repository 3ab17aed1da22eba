# %% [markdown]
# # Which colours are the true ones?
#
# Four grey photos, each painted in four ways. Which is the true one? Whoever can tell has recognised grass, sky or a
# frog. So we train a network to paint, and look at what it had to recognise
# ([Zhang, Isola & Efros 2016](https://arxiv.org/abs/1603.08511)).
#
# - **At the end:** a network that colours grey photos, and a number for what it learned about classes.
# - **Your time:** about 1½ hours (an estimate); ●○○ is a short step, ●●● the hardest. **Computing:** about 2½ minutes.
# - **What needs what:** exercises need nothing else. The run needs all but [[color-lab-to-rgb]] and
#   [[color-annealed-mean]], which its pictures need.

# %% tags=["given"]
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kit import check, ready, written
from ps3 import data, guesses, plots, probes, training
from ps3.colorization import figures, parts
from ps3.colorization.parts import CENTRES, RGB_TO_XYZ, WHITE

# %% tags=["show"]
torch.manual_seed(0)
preset, device = training.preset(), training.best_device()
pictures = data.load()
photos = data.to_float(pictures.test.images)  # (5000, 3, 32, 32), 0 to 1
print(training.preset_line(preset, device))
print(f"{len(pictures.unlabelled):,} images to learn from, {len(photos):,} to test")

# %% tags=["show"]
puzzle = figures.colour_puzzle(pictures)
figures.show_puzzle(puzzle)

# %% [markdown]
# Write down four letters, then reveal (3 minutes). A guess is never graded.

# %% tags=["guess"]
guess_colours = [None, None, None, None]  # such as "A", for photos 0 to 3

# %% tags=["show"]
figures.reveal_colours(puzzle, guess_colours)

# %% [markdown]
# Grass you knew, because you knew that it *is* grass. The car may have any colour: nobody can know. Both facts return.

# %% [markdown]
# **Figure.** All of it. Of each photo the network sees the lightness L alone; the two numbers of its colour, a and b,
# are what it has to answer. Labels are free: every colour photo brings its own.
#
# <details><summary>Why classify colours, and not compute them?</summary>
#
# A car is red or blue. A network that answers with one colour, and pays for the squared distance, does best with the
# mean of what is possible: a purple grey that no car has. A network that answers with a probability for each of Q = 32
# bins can say "red, or blue, hardly ever green". What to paint is then a second decision. It also learns more: two
# bets that have the same mean are different answers.
#
# </details>

# %% tags=["show"]
figures.architecture()

# %% [markdown]
# ## From RGB to Lab (about 20 min, ●●●)
#
# Lab was made so that equal steps look equally large: L is lightness, a runs from green to red, b from blue to yellow.

# %% [markdown]
# **By hand first.** A grey pixel of .5. Gamma: ((.5 + .055) / 1.055)^2.4 = .214, so it sends out a fifth of white's
# light. For a grey, X, Y and Z over the white's are all that amount, .214. The cube root of it is .598, so
# L = 116 · .598 − 16 = 53.4 and a = b = 0.
#
# <details><summary>Why three steps?</summary>
#
# Files store numbers in steps that look equal, so that dark shades do not lose theirs: *gamma* undoes that and gives
# amounts of light. *XYZ* are amounts of three lights that suit the eye rather than the screen; Y is how bright it is.
# Divided by those of *white*, they are 1 for white, whatever the lamp. The *cube root* is how brightness looks to us:
# a fifth of the light looks half as light. It has an infinite slope at 0, so a straight piece replaces it there.
#
# </details>


# %% tags=["exercise:color-rgb-to-lab"]
def rgb_to_lab(images: Tensor) -> Tensor:
    """sRGB images (B, 3, H, W), 0 to 1 -> Lab (B, 3, H, W): L from 0 to 100, a, b.

    Gamma: a channel c becomes c / 12.92 up to .04045, else ((c + .055) / 1.055) ** 2.4.
    XYZ = RGB_TO_XYZ @ (R, G, B), each over its WHITE. Both constants are float64.
    f(t) is the cube root of t above (6/29)³, else t / (3 · (6/29)²) + 4/29.
    L = 116 f(Y) - 16, a = 500 (f(X) - f(Y)), b = 200 (f(Y) - f(Z)). Gradients are finite, on black too.
    """
    ### BEGIN SOLUTION
    # From numbers in a file to amounts of light. Both branches of `where` get gradients: keep powers off 0.
    curved = ((images.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4
    light = torch.where(images <= 0.04045, images / 12.92, curved)
    # From a screen's three lights to XYZ, where white is (1, 1, 1).
    to_xyz = RGB_TO_XYZ / WHITE[:, None]
    xyz = torch.einsum("ij,bjhw->bihw", to_xyz.to(images), light)
    # From amounts to what we see of them.
    edge = 6 / 29
    seen = torch.where(xyz > edge**3, xyz.clamp(min=edge**3) ** (1 / 3), xyz / (3 * edge**2) + 4 / 29)
    x, y, z = seen.unbind(dim=1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=1)
    ### END SOLUTION


# %% tags=["check:color-rgb-to-lab"]
check("color-rgb-to-lab")

# %% [markdown]
# <details><summary>Hint 1: what to look at</summary>Follow one pixel through the four lines of the docstring on paper,
# first white, then red. What shape do the three amounts of light of a whole batch have?</details>
# <details><summary>Hint 2: which operation</summary>Choosing between two formulas computes both. What does the one that
# is not chosen do to the gradient of a black pixel? Keep what goes into it away from 0.</details>

# %% [markdown]
# **Figure.** Left, seven pure colours on the ab plane; right, L of greys. If every dot lies in its ring, and the greys
# run through theirs, the conversion is right. (What happens to gradients on black only the check shows.)
#
# <details><summary>It looks otherwise?</summary>
#
# - If the plane is mirrored at its diagonal, a and b are exchanged.
# - If all dots crowd at the middle, values are scaled to 0..1.
# - If white is not at the middle, white's X, Y, Z are not divided out, or the matrix is turned round.
# - If the greys miss their rings and the colours do not, gamma is missing or goes the wrong way.
#
# </details>

# %% tags=["show"]
if written("color-rgb-to-lab"):
    figures.lab_card(rgb_to_lab)

# %% [markdown]
# ## And back (about 15 min, ●●○)
#
# To show what the network paints we need the inverse. Most of Lab is no colour that a screen has: it would need more
# than all of a lamp, or less than none.

# %% [markdown]
# **By hand first.** L = 53.39, a = b = 0: f(Y) = (53.39 + 16) / 116 = .598 = f(X) = f(Z). Its cube, .214, is the light;
# 1.055 · .214^(1/2.4) − .055 = .5. With a = 100 instead, f(X) is .798: red needs more light than there is, and
# stops at 1.


# %% tags=["exercise:color-lab-to-rgb"]
def lab_to_rgb(lab: Tensor) -> Tensor:
    """Lab (B, 3, H, W) -> sRGB images (B, 3, H, W): the inverse of rgb_to_lab, clipped to 0..1.

    Also Lab values that no screen can show give finite numbers.
    """
    ### BEGIN SOLUTION
    lightness, a, b = lab.unbind(dim=1)
    y = (lightness + 16) / 116
    seen = torch.stack([y + a / 500, y, y - b / 200], dim=1)
    edge = 6 / 29
    xyz = torch.where(seen > edge, seen**3, 3 * edge**2 * (seen - 4 / 29))
    from_xyz = torch.linalg.inv(RGB_TO_XYZ) * WHITE
    light = torch.einsum("ij,bjhw->bihw", from_xyz.to(lab), xyz).clamp(0, 1)
    curved = 1.055 * light.clamp(min=0.0031308) ** (1 / 2.4) - 0.055
    return torch.where(light <= 0.0031308, 12.92 * light, curved).clamp(0, 1)
    ### END SOLUTION


# %% tags=["check:color-lab-to-rgb"]
check("color-lab-to-rgb")

# %% [markdown]
# <details><summary>Hint 1: what to look at</summary>Write the steps of rgb_to_lab below each other and undo them from
# the last to the first. Where does each straight piece begin, seen from the other side?</details>
# <details><summary>Hint 2: which operation</summary>A power of a negative number is nan, and no clipping afterwards
# brings it back.</details>

# %% [markdown]
# **Figure.** The ab plane at three lightnesses, through your function. If the middle is grey, red lies right, yellow at
# the top, green left and blue at the bottom, and the line below gives the middle of L = 60 as three times .567, it is
# right. (Whether the straight pieces are, in the dark, only the check shows.)
#
# <details><summary>It looks otherwise?</summary>
#
# - If red and yellow have changed places, so have a and b.
# - If yellow lies at the bottom, b has the wrong sign.
# - If the middle is tinted (three different numbers), the white is missing.
# - If everything is too dark, gamma is.
# - If the line below counts nan, or leaves 0 to 1, powers of negative numbers or the clipping are to blame.
#
# </details>

# %% tags=["show"]
if written("color-lab-to-rgb"):
    figures.planes(lab_to_rgb)

# %% [markdown]
# ## Bins (about 10 min, ●○○)
#
# Thirty-two *centres* stand for all colours of the training images. A pixel belongs to the nearest one.
#
# **By hand first.** Centres (0, 0), (8, 0), (5, 5). The pixel (5, 2) is 5.4, 3.6 and 3.0 away from them: bin 2. The
# pixel (3, 1) is 3.2, 5.1 and 4.5 away: bin 0.


# %% tags=["exercise:color-nearest-bins"]
def nearest_bins(ab: Tensor, centres: Tensor) -> Tensor:
    """For each pixel of ab (B, 2, H, W) the number of the nearest of the centres (Q, 2): (B, H, W) int64.

    Nearest by Euclidean distance. There are no ties.
    """
    ### BEGIN SOLUTION
    gaps = ab.unsqueeze(1) - centres[:, :, None, None]  # (B, Q, 2, H, W)
    return gaps.square().sum(dim=2).argmin(dim=1)
    ### END SOLUTION


# %% tags=["check:color-nearest-bins"]
check("color-nearest-bins")

# %% [markdown]
# <details><summary>Hint: what to look at</summary>Q centres and B · H · W pixels, two numbers each: which shape holds
# the difference of every pixel with every centre?</details>
#
# **Figure.** Every place in the colour of its bin. If each dot lies in the middle of its own colour, and every border
# is one straight line halfway between two dots, distances are right.
#
# <details><summary>It looks otherwise?</summary>
#
# - If borders have kinks between two dots, you add differences up instead of measuring straight.
# - If there are only stripes, one of the two coordinates is missing.
# - If dots lie in strange colours, the axes are exchanged.
#
# </details>

# %% tags=["show"]
if written("color-nearest-bins"):
    figures.bin_map(nearest_bins)

# %% [markdown]
# ## Rare colours (about 15 min, ●●○)
#
# Most of any photo is nearly grey. A network that always answers "grey" is right very often and paints nothing. So rare
# bins get larger weights ([Zhang et al. 2016](https://arxiv.org/abs/1603.08511), Eq. 4): with $p_q$ the share of bin
# $q$ and $\lambda$ the `mix`,
#
# $$w_q \propto \frac{1}{(1 - \lambda)\, p_q + \lambda / Q}, \qquad \sum_q p_q w_q = 1$$

# %% [markdown]
# **By hand first.** Counts 3 and 9, mix .5: p = ¼, ¾. Under the line: ⅛ + ¼ = ⅜ and ⅜ + ¼ = ⅝, so 2.67 and 1.6.
# ¼ · 2.67 + ¾ · 1.6 = 1.87: divided by it, the weights are 1.43 and .86.


# %% tags=["exercise:color-rebalance"]
def rebalancing_weights(counts: Tensor, mix: float = 0.5) -> Tensor:
    """How much each bin should weigh in the loss, by how often it occurs: counts (Q,) -> weights (Q,), floating.

    p = counts / their sum. Weights are proportional to 1 / ((1 - mix) · p + mix / Q), 0 < mix <= 1,
    and scaled so that the sum of p · weight is 1. A count may be 0; counts are whole or floating.
    """
    ### BEGIN SOLUTION
    p = counts / counts.sum()
    weights = 1 / ((1 - mix) * p + mix / len(p))
    return weights / (p * weights).sum()
    ### END SOLUTION


# %% tags=["check:color-rebalance"]
check("color-rebalance")

# %% [markdown]
# <details><summary>Hint: what to look at</summary>Compute the sum of p · weight for your own weights. Which sum did you
# make 1 instead?</details>
#
# **The images in Lab** (about 15 s): L for the network, and the bin of every 2 × 2 pixels.

# %% tags=["show"]
if written("color-rgb-to-lab", "color-nearest-bins", "color-rebalance"):
    lightness, ab = parts.lightness_and_colour(pictures.unlabelled, rgb_to_lab)
    bins = torch.cat([nearest_bins(part, CENTRES) for part in ab.split(500)])  # (25000, 16, 16)
    counts = bins.flatten().bincount(minlength=len(CENTRES))
    weights = rebalancing_weights(counts)
    print(f"{bins.numel():,} pixels; weights from {weights.min():.2f} to {weights.max():.2f}")

# %% [markdown]
# **Figure.** The bins, as large as their share of the pixels, p, and of the loss, p · w. If the left is one large grey
# disc among dots, the middle far more even, the right like the left, and each panel adds up to 100 %, it is right.
#
# <details><summary>It looks otherwise?</summary>
#
# - If the middle is like the left, the weights do nothing; if its rim is larger than its centre, the uniform part is
#   missing.
# - If the grey disc grew, common bins weigh more: nothing was turned over.
# - If the right differs from the left, `mix` counts the wrong way round, or not at all.
# - If a panel adds up to something else, the weights have another scale.
#
# </details>

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

if have("counts", "weights"):
    p = counts / counts.sum()
    losses = {"share of the loss": p * weights, "at mix = 1": p * rebalancing_weights(counts, 1.0)}
    figures.bins_by_share({"share of the pixels": p} | losses)

# %% [markdown]
# ## The loss (about 10 min, ●●○)
#
# Classification with Q classes at every pixel. Each pixel's cross-entropy counts as often as the weight of its true
# bin says; then the mean over all pixels.

# %% [markdown]
# **By hand first.** Two pixels, two bins, weights .5 and 4. A pixel of bin 0 that got probability ¾ costs
# .5 · −log ¾ = .144; one of bin 1 that got ¼ costs 4 · −log ¼ = 5.545. The loss is their mean, 2.845.
#
# Guess: what is the loss of a network that thinks all 32 bins equally likely, whatever the weights?

# %% tags=["guess"]
guess_untrained_loss = None  # a number


# %% tags=["exercise:color-loss"]
def colorization_loss(logits: Tensor, bins: Tensor, weights: Tensor) -> Tensor:
    """logits (B, Q, H, W), true bins (B, H, W) int64, weights (Q,) -> scalar.

    The mean over all B · H · W pixels of (weight of the pixel's true bin) · (its cross-entropy).
    Finite for logits up to ±1000; the gradient reaches the logits.
    """
    ### BEGIN SOLUTION
    costs = F.cross_entropy(logits, bins, reduction="none")  # (B, H, W)
    return (weights[bins] * costs).mean()
    ### END SOLUTION


# %% tags=["check:color-loss"]
check("color-loss")

# %% [markdown]
# <details><summary>Hint: what to look at</summary>`F.cross_entropy` has an argument for weights. Read what its mean
# divides by, and compare with the text.</details>

# %% [markdown]
# **Figures.** Batches of real bins as dots. If "alike" stands over log 32, "twice the weights" over its double, "right
# and sure" over 0 and "wrong by 1000" over 1000, the loss is right. The weights have mean 1, so that a network that
# knows nothing pays log 32 with and without them. (Gradients only the check shows.)
#
# <details><summary>It looks otherwise?</summary>
#
# - If "twice the weights" stands where "alike" does, you divide by the sum of the weights, or leave them out.
# - If dots lie far to the right, pixels are added up.
# - If "right and sure" is not at 0, a softmax is taken twice.
# - If "wrong by 1000" is not on the line, or far left, the log of a vanished probability was taken, or padded.
#
# </details>

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

if have("bins", "weights") and written("color-loss"):
    some = bins[:2000]
    own = weights / weights[some].mean()  # mean 1 over these pixels
    alike, sure = torch.zeros(2000, 32, 16, 16), 1000 * F.one_hot(some, 32).movedim(3, 1).float()
    cases = {"alike": (alike, own), "twice the weights": (alike, 2 * own), "right and sure": (sure, own)}
    dots = {name: float(colorization_loss(logits, some, w)) for name, (logits, w) in cases.items()}
    dots["your guess"] = guess_untrained_loss
    plots.number_line(dots, {"log 32": 3.466, "2 log 32": 6.931, "0": 0.0}, xlabel="loss")
    far = {"wrong by 1000": float(colorization_loss(sure.roll(1, 1), some, own))}
    plots.number_line(far, {"1000": 1000.0, "0": 0.0}, xlabel="loss")

# %% [markdown]
# ## One colour from many bets (about 10 min, ●●○)
#
# The network gives 32 probabilities; a picture needs one colour. The likeliest bin is vivid and blotchy, the mean
# smooth and dull. In between: sharpen, then take the mean (Zhang et al. 2016, Eq. 5, with $T = .38$; $z_q$ is the
# probability and $c_q$ the centre of bin $q$).
#
# $$\frac{\sum_q \exp(\log z_q / T)\, c_q}{\sum_q \exp(\log z_q / T)}$$

# %% [markdown]
# **By hand first.** Probabilities .6 and .4. At T = .5 they become .36 and .16 over .52, so .69 and .31. Logits will do
# for log z: they differ from it by the same number for all bins, which the softmax does not see.


# %% tags=["exercise:color-annealed-mean"]
def annealed_mean(logits: Tensor, centres: Tensor, temperature: float = 0.38) -> Tensor:
    """One colour for each pixel: logits (B, Q, H, W), centres (Q, 2) -> ab (B, 2, H, W).

    The softmax over the bins of logits / temperature, then the mean of the centres under it.
    Finite for temperatures down to 0.005.
    """
    ### BEGIN SOLUTION
    shares = (logits / temperature).softmax(dim=1)  # (B, Q, H, W)
    return torch.einsum("bqhw,qc->bchw", shares, centres)
    ### END SOLUTION


# %% tags=["check:color-annealed-mean"]
check("color-annealed-mean")

# %% [markdown]
# <details><summary>Hint: what to look at</summary>Which axis holds the bins, and which one is left for a and
# b?</details>
#
# **Figure.** A pixel that is red with 60 % and blue with 40 %. If each diamond lies in its ring, from red at T = .005
# towards the purple middle at T = 1, sharpening is right. (That pixels do not mix, and what T is where none is given,
# only the check shows.)
#
# <details><summary>It looks otherwise?</summary>
#
# - If low temperatures lie nearer the middle than high ones, the temperature multiplies.
# - If all diamonds lie at one place, the temperature is left out, or the likeliest bin is taken.
# - If they lie off the line, a and b are exchanged.
# - If a ring is empty and its numbers below are nan, an exponential became larger than any number.
#
# </details>

# %% tags=["show"]
if written("color-annealed-mean"):
    figures.two_bets(annealed_mean)

# %% [markdown]
# ## Rehearsal (about 2 min, ●○○)
#
# Sixty steps on eight photos, which can be learned by heart. *Alike* is log 32. Four runs of ours ended at 0.4 to 0.7.
# If yours ends above 2, do not start the run.

# %% tags=["show"]
EXERCISES = ("color-rgb-to-lab", "color-nearest-bins", "color-rebalance", "color-loss")
recipe = {"lr": 3e-3, "weight_decay": 1e-4, "schedule": training.cosine}


def painter_step(network, weights):
    def step(lightness, bins):
        lightness, bins = parts.flip(lightness, bins)
        logits = network(lightness).float()
        with training.full_precision(device):
            return colorization_loss(logits, bins, weights.to(device))

    return step


# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

if have("bins", "weights") and ready(*EXERCISES):
    steps, small = preset.steps("colorization", "rehearsal"), parts.new_colorizer(device)
    quick = {"steps": steps, "batch_size": 8, "precision": "float32", "watch": lambda progress: None}
    tried = training.train(small, painter_step(small, weights), lightness[:8], bins[:8], **quick | recipe)
    plots.curve(range(1, steps + 1), tried.losses, reference={"alike": 3.466}, title="Eight photos")

# %% [markdown]
# ## The run (about 2 min of computing) {#run}
#
# Dashed is *alike*, log 32. Dotted is *how often*: the best answer without looking at the photo. The loss counts bin q
# with p · w in all, so that answer is these shares themselves, and costs their entropy.
#
# Two networks: with the weights, and for fewer steps without. Guess the probe's accuracy of the first, which never saw
# a colour.

# %% tags=["guess"]
guess_probe = None  # accuracy, 0 to 1

# %% [markdown]
# **While it runs.** If the loss stays on the dotted line, the network paints every photo alike. It falls slowly and
# not far, to 2.76 to 2.81 with three seeds of ours: most colours cannot be known.

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

again = False  # True: train once more; the weights of the earlier run stay until the new one is finished
networks = {"colourisation": parts.new_colorizer(device), "not rebalanced": parts.new_colorizer(device)}
twin = parts.new_colorizer(device)  # the same network, and it stays untrained
trained = {}
for name, network in networks.items():
    run = training.Run(name.replace(" ", "-"), preset, pictures, network=network)
    trained[name] = run.load(again)
    if not trained[name] and have("bins", "weights") and ready(*EXERCISES):
        own = weights if name == "colourisation" else torch.ones_like(weights)
        steps = preset.steps("colorization", "steps" if name == "colourisation" else "unbalanced")
        live = plots.Live(parts.loss_lines(counts, own), name=name)
        settings = {"steps": steps, "batch_size": preset.batch_size, "watch": live} | recipe
        trained[name] = run.train(painter_step(network, own), lightness, bins, **settings)

# %% [markdown]
# ## What came out (about 25 min, ●○○) {#results}
#
# **Figure.** Eight test photos: grey, true, with the one colour that is the mean of all training pixels, and as both
# networks paint them, from grey alone. If grass is green and sky blue in the fourth row, the network tells them apart.
# If the last row is nearly grey, it plays safe. Its colours are borrowed from nobody: only L is true.

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

painting = ("color-rgb-to-lab", "color-lab-to-rgb", "color-annealed-mean")
if have("trained", "ab") and all(trained.values()) and written(*painting):
    L, true_ab = parts.lightness_and_colour(pictures.test.images[:1000], rgb_to_lab)
    logits = {name: parts.run_quietly(network, L) for name, network in networks.items()}
    colours = {"true": true_ab} | {name: annealed_mean(each, CENTRES) for name, each in logits.items()}
    mean = ab.mean(dim=(0, 2, 3)).view(1, 2, 1, 1).expand(8, 2, 16, 16)
    chosen = list(figures.SHOWN)
    shown = {"mean colour": mean} | {name: colours[name][chosen] for name in networks}
    rows = {name: parts.painted(L[chosen], each, lab_to_rgb) for name, each in shown.items()}
    rows = {"grey": L[chosen] / 100, "true": photos[chosen]} | rows
    plots.images(list(rows.values()), list(rows))

# %% [markdown]
# **Figure.** Where all these colours lie, over 1,000 test photos; the printed line says how far from grey on average.
# If the middle panel reaches further than the right one, the weights made it bolder. Three seeds of ours, 1,000
# steps for both networks, reached 89 to 92 % and 43 to 46 % as far as the truth. Their features were a tie.

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

if have("colours"):
    figures.colour_spread(colours)

# %% [markdown]
# **Your turn.** One photo at temperatures of your own. From which T on do patches appear?

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

photo, temperatures = 48, (0.01, 0.2, 0.38, 0.7, 1.0)  # yours: 0 to 999; five numbers above 0
if have("logits") and written("color-lab-to-rgb", "color-annealed-mean"):
    photo = guesses.setting(photo, 48, 0, 999, called="photo")
    asked = [t or 0.38 for t in guesses.numbers(temperatures, 5, 0.005, 10, called="temperatures")]
    mine = torch.cat([annealed_mean(logits["colourisation"][[photo]], CENTRES, t) for t in asked])
    row = parts.painted(L[[photo]].expand(5, 1, 32, 32), mine, lab_to_rgb)
    plots.images(torch.cat([photos[[photo]], row]), columns=["true", *(f"T = {t:g}" for t in asked)])

# %% [markdown]
# **Figure: one number against its controls.** Ridge regression reads the class from the 128 features, with 10,000
# labels, on 5,000 test images; bars are two standard errors. Both see grey photos. What the untrained network reaches
# is the architecture's doing. Three seeds of ours gave .493 to .502, their twins .347 to .359. If yours lies less than
# .10 above its twin, something went wrong.

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

if have("trained") and trained["colourisation"] and written("color-rgb-to-lab"):
    chosen = data.labelled_subset(pictures.train.labels, preset.label_counts[-1])
    near, labels, truth = pictures.train.images[chosen], pictures.train.labels[chosen], pictures.test.labels
    accuracy = {}
    for name, network in {"random ResNet (grey)": twin, "colourisation": networks["colourisation"]}.items():
        look = parts.GreyFeatures(network, rgb_to_lab, pictures)
        two = [probes.features_of(look, pictures, images) for images in (near, pictures.test.images)]
        accuracy[name] = probes.ridge_accuracy(two[0], labels, two[1], truth)
    errors = [2 * probes.standard_error(value, len(truth)) for value in accuracy.values()]
    guessed = {"colourisation": guesses.number(guess_probe, 0, 1, called="guess_probe")}
    plots.dots(list(accuracy), list(accuracy.values()), errors, chance=0.1, guesses=guessed)

# %% [markdown]
# ## Units (about 10 min, ●○○) {#units}
#
# **Figure.** Four of the 128 units of the last block, those whose 16 strongest test images hold most of one class, and
# the eight patches that drive each most, in colour; the network saw them grey. Below, the best four of the untrained
# twin. If rows of the trained network show one kind of thing, painting has made a detector of it.
#
# We *chose* the best four of 128 in both, which flatters both: compare the means over all units, printed below. With
# three seeds of ours they were .42 to .44 and .27 to .29.

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

if have("trained") and trained["colourisation"] and written("color-rgb-to-lab"):
    all_L, _ = parts.lightness_and_colour(pictures.test.images, rgb_to_lab)
    pair = {"colourisation": networks["colourisation"], "random": twin}
    found = {name: parts.strongest(network, all_L) for name, network in pair.items()}
    shares = {name: parts.majority_shares(images, pictures.test.labels) for name, (images, _) in found.items()}
    figures.units(pictures, 4, found, shares)

# %% [markdown]
# ## Questions
#
# 3 to 6 sentences and about 10 minutes each; point at a figure or number of yours.
#
# **(a)** A friend lets the network answer with one a and one b for each pixel and trains it with squared errors. What
# will the blue car of the first figure of [[#results]] look like, and what the grass? Why do bins avoid it?

# %% [markdown] tags=["answer:color-why-bins"]
# *Your answer here.*

# %% [markdown]
# **(b)** What do the weights buy and what do they cost? Use the last two rows of pictures and the distances from grey
# in [[#results]]. Which of the two networks would you trust to count how often cars are red?

# %% [markdown] tags=["answer:color-what-weights-do"]
# *Your answer here.*

# %% [markdown]
# **(c)** The network has never seen a colour or a label. Why do its features say something about classes all the same?
# Use the probe and one row of [[#units]]. For which two classes of the ten should it help least, and why?

# %% [markdown] tags=["answer:color-what-units-know"]
# *Your answer here.*

# %% [markdown]
# ## What you can do now {-}
#
# Move between RGB and Lab; weigh rare classes; turn many bets into one answer; judge a pretext task by its features.
#
# **Beside the paper.** Yours are 32 bins at 16 × 16, 25,000 small photos and minutes on a CPU.
# [Zhang et al. 2016](https://arxiv.org/abs/1603.08511) use hundreds of bins, more than a million photos and a far
# larger network; people who were shown a photo and its colouring took the colouring for the true one in 32 % of the
# trials, where 50 % would be perfect.

# %% [markdown]
# **To try:** mix = .1 and 1 in the weights. Soft bins: the five nearest centres share a pixel, as in the paper. Squared
# errors on a and b. A head that also sees the maps of the first block: sharper colours, and are the features better?
#
# Next: [[linear_probe]] measures features properly.
#
# <details><summary>Further reading</summary>
#
# - [Larsson, Maire & Shakhnarovich 2016](https://arxiv.org/abs/1603.06668) colour with features of all layers at once.
# - [Split-brain autoencoders](https://arxiv.org/abs/1611.09842) (Zhang, Isola & Efros 2017) predict colour from
#   lightness with one half of a network, and lightness from colour with the other.
#
# </details>
