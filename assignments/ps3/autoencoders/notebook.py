# %% [markdown]
# # Which network learned most?
#
# Three networks of one size were trained on other photos, for the same time. Below is what each painted of six photos.
# C is hard to tell from the photo, A is rough, B is plainly the worst. Which network learned most about what photos
# show?
#
# - **At the end:** you have trained all three, and know what a good picture is worth.
# - **Your time:** about 1½ hours (an estimate); ●○○ is a short step, ●●● the hardest. **Computing:** about 2½ minutes.
# - **What needs what:** [[ae-denoising-loss]] needs [[ae-reconstruction-loss]]; the codes of [[#code]] need the first
#   two, the run in [[#run]] all but [[ae-network]].

# %% tags=["given"]
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kit import check, ready, written
from ps3 import augment, data, guesses, plots, probes, training
from ps3.autoencoders import figures, parts

# %% tags=["show"]
torch.manual_seed(0)
pictures, preset, device = data.load(), training.preset(), training.best_device()
known = parts.for_judging(pictures, min(5_000, preset.label_counts[-1]))  # so many labels, so many test images
photos = figures.photos_of(pictures)  # (6, 3, 32, 32), 0 to 1
print(training.preset_line(preset, device))
print(f"{len(pictures.unlabelled):,} images to learn from")
figures.three_pictures(pictures)

# %% [markdown]
# Order them by how well a linear classifier can read the class from their features, best first. A guess is never
# graded. (The pictures are stored, from one run of the course's. What each network was given stays open until
# [[#results]]; in B, most patches of 4 × 4 pixels borrow their brightness and contrast from the photo.)

# %% tags=["guess"]
guess_order = [None, None, None]  # for example ["A", "B", "C"]

# %% [markdown]
# First you build what such networks share: a way to give back a picture, a price for a wrong one, and ways to make that
# hard.

# %% [markdown]
# ## A network with a narrow middle (about 20 min, ●●○)
#
# An *autoencoder* is trained to give back what it is given: $\hat X = F(X)$, with the loss $\lVert X - \hat X\rVert^2$.
# That would be easy, were it not for the *code* in the middle: 3,072 numbers have to pass through 64. This is **data
# compression**: keep what is there, in fewer numbers ([Hinton & Salakhutdinov
# 2006](https://www.cs.toronto.edu/~hinton/absps/science.pdf)).
#
# **Figure.** What is trained; the lower half (dashed) only serves training.

# %% tags=["show"]
figures.architecture()

# %% [markdown]
# The constructor is given; you write three methods.
#
# **By hand first.** Two maps of 2 × 3 numbers, `1 2 3 / 4 5 6` and `7 8 9 / 10 11 12`, are flattened to `1 2 3 4 5 6 7
# 8 9 10 11 12`: channel by channel, row by row. On the way back, place 5 (counted from 0) is channel 0, row 1, column
# 2.

# %% [markdown]
# <details><summary>What are strided and transposed convolutions?</summary>
#
# A convolution with stride 2 looks at every second place, so its maps are half as high and half as wide; two of them
# turn 32 × 32 into 8 × 8. A *transposed* convolution goes back: each number of a small map stamps a weighted 4 × 4
# pattern into a map twice as large, and where stamps overlap they add up. Both have learned weights; a ReLU between
# them keeps the network from being one large matrix.
#
# </details>


# %% tags=["given"]
class AutoencoderBase(nn.Module):
    """Parts of the autoencoder. H and W of image_size are multiples of 4, and may differ.

    down: images (B, C, H, W) to maps (B, 2 * width, H / 4, W / 4); up: such maps back to images.
    to_code, from_code: linear layers between the flattened maps of an image and its code_dim numbers.
    """

    def __init__(self, image_size=(32, 32), channels=3, width=16, code_dim=64):
        super().__init__()
        self.image_size, self.channels, self.width, self.code_dim = tuple(image_size), channels, width, code_dim
        self.down = nn.Sequential(
            nn.Conv2d(channels, width, 4, 2, 1), nn.ReLU(), nn.Conv2d(width, 2 * width, 4, 2, 1), nn.ReLU()
        )
        numbers = 2 * width * (image_size[0] // 4) * (image_size[1] // 4)
        self.to_code, self.from_code = nn.Linear(numbers, code_dim), nn.Linear(code_dim, numbers)
        self.up = nn.Sequential(
            nn.ConvTranspose2d(2 * width, width, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(width, channels, 4, 2, 1)
        )


# %% tags=["exercise:ae-network"]
class Autoencoder(AutoencoderBase):
    """Squeezes an image into code_dim numbers, and paints it again from them."""

    def encode(self, images: Tensor) -> Tensor:
        """Codes (B, code_dim) of images (B, C, H, W): down, flatten, to_code.

        The maps of an image are flattened in the order (channel, row, column): the column varies fastest.
        Raises ValueError, saying why, where images are not self.channels x self.image_size. Gradients flow.
        """
        ### BEGIN SOLUTION
        if tuple(images.shape[1:]) != (self.channels, *self.image_size):
            wanted = (self.channels, *self.image_size)
            raise ValueError(f"this network reads images of {wanted}, not {tuple(images.shape[1:])}")
        return self.to_code(self.down(images).flatten(1))
        ### END SOLUTION

    def decode(self, codes: Tensor) -> Tensor:
        """Images (B, C, H, W) painted from codes (B, code_dim): from_code, maps in the order of `encode`, up.

        The answer is what up gives, with nothing after it.
        """
        ### BEGIN SOLUTION
        rows, columns = self.image_size[0] // 4, self.image_size[1] // 4
        maps = self.from_code(codes).reshape(len(codes), 2 * self.width, rows, columns)
        return self.up(maps)
        ### END SOLUTION

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The tuple (reconstructions (B, C, H, W), codes (B, code_dim))."""
        ### BEGIN SOLUTION
        codes = self.encode(images)
        return self.decode(codes), codes
        ### END SOLUTION


# %% tags=["check:ae-network"]
check("ae-network")

# %% [markdown]
# <details><summary>Hint 1: what to look at</summary>
#
# Height and width differ here. Where does your class know them from, and what has become of them after `down`?
#
# </details>
#
# <details><summary>Hint 2: in words</summary>
#
# Flattening and unflattening are the same statement, read in two directions: which axis varies fastest?
#
# </details>
#
# **Figure.** Your methods with parts that lose nothing: whatever changes, your code did. If you see the card four
# times, all is in its place.
#
# <details><summary>It looks otherwise?</summary>
#
# - If "your encode" or "your decode" is a mosaic, that half has the numbers in another order. "Your forward" may still
#   be right: two wrong orders can undo each other.
# - If a picture is pale, something stands after `up`.
# - If a place is empty, no image of the card's size came back; the line below says what did.
# - Whether anything clips the picture to 0..1, which sizes are refused, and gradients, only the check shows.
#
# </details>

# %% tags=["show"]
if written("ae-network"):
    figures.halves(Autoencoder)

# %% [markdown]
# ## What does a wrong picture cost? (about 5 min, ●○○)
#
# The slide's $\lVert X - \hat X\rVert^2$: squared differences, summed over an image. A batch costs the mean of its
# images.
#
# **By hand first.** Two images of 1 × 2 × 2 numbers. The first is wrong by 1 in all four, which costs 4. The second is
# right but for one number, wrong by 2: another 4. The loss is 4.


# %% tags=["exercise:ae-reconstruction-loss"]
def reconstruction_loss(images: Tensor, reconstructions: Tensor) -> Tensor:
    """The slide's squared distance, for images and reconstructions (B, C, H, W) -> scalar.

    The squared differences are summed over each image, and these sums averaged over the batch.
    Gradients flow to both inputs.
    """
    ### BEGIN SOLUTION
    return (images - reconstructions).square().flatten(1).sum(dim=1).mean()
    ### END SOLUTION


# %% tags=["check:ae-reconstruction-loss"]
check("ae-reconstruction-loss")

# %% [markdown]
# <details><summary>Hint: what to look at</summary>Which axes belong to one image? Over those you add; over the one
# that is left you average.</details>
#
# **Figure.** Your loss of the two images above. If it stands over "the text", it is right. Elsewhere, the landmark says
# what is otherwise.

# %% tags=["show"]
if written("ae-reconstruction-loss"):
    right = torch.zeros(2, 1, 2, 2)
    wrong = torch.tensor([[1.0, 1, 1, 1], [2, 0, 0, 0]]).reshape(2, 1, 2, 2)
    places = {"mean": 1.0, "half": 2.0, "absolute": 3.0, "the text": 4.0, "sum over the batch": 8.0}
    plots.number_line({"yours": float(reconstruction_loss(right, wrong))}, places | {"root of the sum": 8**0.5})

# %% [markdown]
# ## Code size against error (about 10 min, ●○○) {#code}
#
# How small may the code be? Beside the network stands *PCA*, the best that a linear map and its inverse can do with as
# many numbers (principal components; no training, one matrix). Guess: with 32 numbers an image, which of the two is
# wrong about less?

# %% tags=["guess"]
guess_smaller_error = None  # "autoencoder" or "PCA"

# %% [markdown]
# **Figure.** 1 is a network that paints the mean photo every time, 0 is perfect. If your line falls with the size of
# the code, it uses its numbers. If PCA's line is the lower one, that is as in ours (three seeds): .39, .20, .09
# against .41, .22 to .23, .16 to .19.
#
# <details><summary>Why can PCA win?</summary>
#
# Of all linear maps to so many numbers, principal components have the smallest squared error on the images that they
# are computed from, and they are found exactly. A network that is not linear can do better, but must find out by small
# steps, and ours takes a few hundred. [Hinton & Salakhutdinov
# 2006](https://www.cs.toronto.edu/~hinton/absps/science.pdf) beat it with deep networks and a careful start.
#
# </details>


# %% tags=["show"]
def code_step(network):
    def step(batch):  # uint8 (B, C, H, W) -> loss
        images = pictures.normalize(augment.flip(batch))
        return reconstruction_loss(images, network(images)[0])

    return step


SIZES = (8, 32, 128)
test = pictures.normalize(pictures.test.images[:2_000])
pca = parts.PCA(pictures.normalize(pictures.train.images[:10_000]))

# %% tags=["show"]
networks = {}
if ready("ae-network", "ae-reconstruction-loss"):
    for size in SIZES:
        torch.manual_seed(0)
        networks[size] = Autoencoder(code_dim=size)
        steps = preset.steps("autoencoders", "code")
        losses = parts.quick_training(
            networks[size], code_step(networks[size]), pictures.unlabelled, steps, lr=parts.CODE_LR
        )
        print(f"code of {size}: loss {losses[0]:,.0f} to {sum(losses[-20:]) / len(losses[-20:]):,.0f}")

# %% tags=["show"]
if networks and ready("ae-network"):
    mean = test.mean(dim=0)
    with torch.no_grad():
        answers = [network(test)[0] for network in networks.values()]
    linear = [pca.reconstruct(test, size) for size in SIZES]
    wrong = {
        "narrow autoencoder": [parts.share_wrong(test, answer, mean) for answer in answers],
        "PCA": [parts.share_wrong(test, answer, mean) for answer in linear],
    }
    look = {"xlabel": "numbers in the code (log scale)", "ylabel": "share of the picture that is wrong", "log_x": True}
    plots.curve(SIZES, wrong, reference={"the mean photo": 1.0}, title="Compression", **look)
    print(plots.guess_text(guesses.one_of(guess_smaller_error, ["autoencoder", "PCA"], called="guess_smaller_error")))

# %% [markdown]
# **Figure.** Photos out of their codes. If you see light and large areas, but no edges, that is what a small code
# keeps.

# %% tags=["show"]
if networks and ready("ae-network"):
    shown = list(figures.SHOWN)
    rows = {"photo": test[shown]} | {f"code of {size}": a[shown] for size, a in zip(SIZES, answers, strict=True)}
    figures.painted(pictures, rows | {f"PCA, {SIZES[-1]}": linear[-1][shown]})

# %% [markdown]
# ## Three kinds of noise (about 25 min, ●●○)
#
# The other way to keep a network from copying is to damage what it sees: **data prediction**, since it must answer with
# what is *not* there. The slides name three kinds of damage: noise, lost pixels, blur. ([Vincent et al.
# 2008](https://www.cs.toronto.edu/~larocheh/publications/icml-2008-denoising-autoencoders.pdf) called it the denoising
# autoencoder.)
#
# **By hand first.** A row of five pixels, 0 0 1 0 0, and $\sigma$ so that the weights are 1 in the middle, ½ beside it
# and 0 beyond. Their sum is 2, so blurred it reads 0 ¼ ½ ¼ 0. A row 1 1 1 stays 1 1 1: at its ends the edge repeats.


# %% tags=["exercise:ae-corruptions"]
def add_noise(images: Tensor, sigma: float, generator: torch.Generator | None = None) -> Tensor:
    """Images (B, C, H, W) plus sigma times torch.randn of their shape, drawn from the generator. Nothing is clipped."""
    ### BEGIN SOLUTION
    drawn = torch.randn(images.shape, generator=generator, device=images.device, dtype=images.dtype)
    return images + sigma * drawn
    ### END SOLUTION


def drop_pixels(images: Tensor, fraction: float, generator: torch.Generator | None = None) -> Tensor:
    """Images (B, C, H, W) in which about a fraction of the pixels, 0 to 1, is black.

    Draw torch.rand of shape (B, 1, H, W) from the generator. Where it is below fraction, all channels of the pixel
    become 0; the others stay as they are.
    """
    ### BEGIN SOLUTION
    batch, _, height, width = images.shape
    drawn = torch.rand(batch, 1, height, width, generator=generator, device=images.device)
    return images.masked_fill(drawn < fraction, 0.0)
    ### END SOLUTION


def blur(images: Tensor, sigma: float) -> Tensor:
    """Images (B, C, H, W) blurred by a Gaussian; sigma > 0, in pixels.

    A pixel becomes the weighted mean of the pixels at whole offsets (y, x) from -r to r, r = ceil(3 * sigma).
    Weights: exp(-(y**2 + x**2) / (2 * sigma**2)), over their sum. Beyond the border the edge's pixels repeat.
    Each channel is blurred alone.
    """
    ### BEGIN SOLUTION
    # The weights of the rows times those of the columns.
    reach = math.ceil(3 * sigma)
    offsets = torch.arange(-reach, reach + 1, device=images.device, dtype=images.dtype)
    bell = torch.exp(-(offsets**2) / (2 * sigma**2))
    bell = bell / bell.sum()
    channels = images.shape[1]
    weights = (bell[:, None] * bell).expand(channels, 1, -1, -1)  # (C, 1, 2r + 1, 2r + 1)
    # Room round the image, so that the size stays.
    padded = F.pad(images, (reach, reach, reach, reach), mode="replicate")
    return F.conv2d(padded, weights, groups=channels)
    ### END SOLUTION


# %% tags=["check:ae-corruptions"]
check("ae-corruptions")

# %% [markdown]
# <details><summary>Hint 1: what to look at</summary>
#
# Write down the shape of what you draw, for each of the two that draw: (B, C, H, W) or (B, 1, H, W)?
#
# </details>
#
# <details><summary>Hint 2: in words</summary>
#
# A blur is a convolution with fixed weights. torch has one that treats each channel alone, and a way to make an image
# larger by repeating its edge.
#
# </details>
#
# **Figure.** One photo, three times, under each kind of damage. If noise and black dots differ from photo to photo, if
# the dots are black and a third of the pixels, and if what is left has its colours, all draws are right.

# %% tags=["show"]
if written("ae-corruptions"):
    three, draws = photos[:1].repeat(3, 1, 1, 1), torch.Generator().manual_seed(0)
    noisy, dropped = add_noise(three, 0.2, draws), drop_pixels(three, 0.33, draws)
    rows = [torch.cat([part, other]) for part, other in ((noisy, dropped), (blur(three, 1.0), three))]
    titles = ["noise, drop", "blur, photo"]
    share = (dropped.abs().sum(dim=1) == 0).float().mean()
    same = [torch.equal(part[0], part[1]) for part in (noisy, dropped)]
    text = f"{share:.0%} of the pixels are black; noise {(noisy - three).std():.3f}; two photos get the same"
    plots.images(rows, titles, message=f"{text} noise: {same[0]}, lose the same pixels: {same[1]}")

# %% [markdown]
# **Figures.** Left, the noise on a black image, over sigma. If both outlines agree, nothing was clipped. Right, test
# cards for the blur, $\sigma = 1$. If the dot is round and its sum 1.000, if the edge is soft and the shade unchanged
# in the corner, it is right. (Printed shares: .607 beside the middle, and below.)
#
# <details><summary>It looks otherwise?</summary>
#
# - If your noise has no left half, it was clipped at 0.
# - If the dot is a stripe, only rows or columns are blurred.
# - If the shade is dark at its border, what lies outside counts as black. If it is dark everywhere, or bright, the
#   weights do not sum to 1.
# - What the generator does, and types, only the check shows.
#
# </details>

# %% tags=["show"]
if written("ae-corruptions"):
    noise = add_noise(torch.zeros(8, 3, 32, 32), 0.5, torch.Generator().manual_seed(1)) / 0.5
    bell = torch.randn(noise.shape, generator=torch.Generator().manual_seed(2))
    plots.histograms(noise, bell, ("your noise", "deviation 1"), xlabel="noise over sigma", title="On a black image")
    figures.blurred_cards(blur, 1.0)

# %% [markdown]
# ## Undo the damage (about 10 min, ●○○)
#
# Corrupt the images, let the model answer, compare with the *clean* ones.
#
# **By hand first.** An image of ones; the corruption adds 1; the model triples. It sees 2 and answers 6, which is wrong
# by 5. For 4 numbers the loss is 100.


# %% tags=["exercise:ae-denoising-loss"]
def denoising_loss(model, images: Tensor, corrupt, generator: torch.Generator | None = None) -> Tensor:
    """How far is what the model makes of corrupted images from the clean ones? images (B, C, H, W) -> scalar.

    corrupt(images, generator) is called once, with both arguments by position, also where generator is None.
    model(corrupted) is called once; it returns two things, reconstructions first.
    The answer is reconstruction_loss of the clean images and the reconstructions.
    """
    ### BEGIN SOLUTION
    corrupted = corrupt(images, generator)
    reconstructions, _ = model(corrupted)
    return reconstruction_loss(images, reconstructions)
    ### END SOLUTION


# %% tags=["check:ae-denoising-loss"]
check("ae-denoising-loss")

# %% [markdown]
# <details><summary>Hint: what to look at</summary>Three pictures meet here: clean, corrupted, answered. Which two
# does a network compare that should learn to *repair*?</details>
#
# **Figure.** The case above. If "yours" stands over "the text", model and target are the right ones.

# %% tags=["show"]
if written("ae-reconstruction-loss", "ae-denoising-loss"):
    value = denoising_loss(lambda x: (3 * x, None), torch.ones(2, 1, 2, 2), lambda x, generator: x + 1)
    places = {"sees the clean": 16.0, "target corrupted": 64.0, "the text": 100.0, "corrupted twice": 256.0}
    plots.number_line({"yours": float(value)}, places)

# %% [markdown]
# ## Is prediction necessary? {#repair}
#
# A fourth kind of damage hides whole patches: 48 of 64, as a masked autoencoder does ([He et al.
# 2021](https://arxiv.org/abs/2111.06377), [[masked_autoencoder]]). How much must one *know* to undo each? Let us ask
# something that knows nothing: the best linear filter of 7 × 7 pixels. Which damage leaves it most helpless?

# %% tags=["guess"]
guess_hardest = None  # one of "noise", "half the pixels", "blur", "patches"

# %% [markdown]
# **Figure.** Hollow, how wrong the damaged picture is; filled, after the filter. If a filled dot is near 0, looking
# nearby is enough, and no network has to learn what a horse is.

# %% tags=["show"]
if written("ae-corruptions"):
    images, draws = test[:300], torch.Generator().manual_seed(0)
    gone = parts.as_pixels(parts.hide(images, 0.75, draws), images)
    half = drop_pixels(images, 0.5, draws)
    kept = (half != 0).any(dim=1, keepdim=True).float()
    damaged = {"noise": (add_noise(images, 0.5, draws), None), "half the pixels": (half, kept)}
    damaged |= {"blur": (blur(images, 1.0), None), "patches": (images * (1 - gone), 1 - gone)}
    clean, found = images[150:], {}
    for name, (seen, whole) in damaged.items():
        answers = seen[150:], parts.repaired(images, seen, whole)
        found[name] = tuple(parts.share_wrong(clean, answer, clean.mean(dim=0)) for answer in answers)
    figures.repair(found, guess_hardest)

# %% [markdown]
# ## Three tasks, one transformer (about 10 min, ●○○)
#
# Now compare. The network is a small transformer that reads patches of 4 × 4; each has a code of 96 numbers, *twice* as
# many as the patch itself. Nothing is compressed.
#
# **Figure.** What each is given, and asked for. The third paints the hidden patches' *relief*: each without its own
# mean, over its own deviation, as in [[mae-loss]].

# %% tags=["show"]
figures.three_tasks()


# %% tags=["show"]
def copies(network, images):
    return images, network(images)[0]


def denoises(network, images):
    return images, network(add_noise(images, 0.5))[0]


def predicts(network, images):
    hidden = parts.hide(images)
    painted, area = network(images, hidden)[0], parts.as_pixels(hidden, images)
    return parts.relief(images) * area, painted * area


TASKS = {"autoencoder": copies, "denoising AE": denoises, "MAE": predicts}

# %% [markdown]
# All three are judged by your [[ae-reconstruction-loss]]. **Equal computing:** a step of the third reads 16 patches in
# place of 64, so it gets more steps. The cell measures a step of each.


# %% tags=["show"]
def step_of(name, network):
    def step(batch):  # uint8 (B, C, H, W) -> loss
        images = pictures.normalize(augment.flip(batch))
        if name == "denoising AE":
            return denoising_loss(network, images, lambda x, generator: add_noise(x, 0.5, generator))
        target, answer = TASKS[name](network, images)
        return reconstruction_loss(target, answer.float())

    return step


KEYS = {"autoencoder": "autoencoder", "denoising AE": "denoising", "MAE": "prediction"}
STEPS = {name: preset.steps("autoencoders", key) for name, key in KEYS.items()}
EXERCISES = ("ae-reconstruction-loss", "ae-corruptions", "ae-denoising-loss")

# %% tags=["show"]
if ready(*EXERCISES):
    for name, steps in STEPS.items():
        network = parts.new_transformer(device)
        each = parts.seconds_a_step(network, step_of(name, network), pictures.unlabelled[:64].to(device))
        print(f"{name}: {1000 * each:.0f} ms a step, {steps} steps: {each * steps:.0f} s")

# %% [markdown]
# ## Rehearsal (about 2 min, ●○○) {#rehearsal}
#
# **Figure.** Eight photos, 40 steps of each task. If a line of yours stays at the dashed one, do not start the run.
# Ours fell to .08, .09 and .53 (one run).

# %% tags=["show"]
if ready(*EXERCISES):
    lines, eight, steps = {}, pictures.unlabelled[:8], preset.steps("autoencoders", "rehearsal")
    for name in TASKS:
        network = parts.new_transformer(device)
        losses = parts.quick_training(network, step_of(name, network), eight, steps, batch_size=8)
        lines[name] = [value / losses[0] for value in losses]
    plots.curve(range(1, steps + 1), lines, reference={"untrained": 1.0}, ylabel="loss over that of step 1")

# %% [markdown]
# ## The run (about 2 min of computing) {#run}
#
# Three trainings in a row. The dashed line is the loss of whoever knows nothing: 3,072 numbers of variance 1 for the
# first two, 48 patches × 48 numbers = 2,304 for the third. Your guess stands above. Three seeds of ours ended at 45 to
# 53, 168 to 172, and 1,510 to 1,536.

# %% tags=["show"]
nothing = {"autoencoder": 3072.0, "denoising AE": 3072.0, "MAE": 2304.0}
size = {"batch_size": 64, "betas": parts.BETAS}


def train(name, again=False):  # the trained network, or None
    network = parts.new_transformer(device)
    run = training.Run(f"ae-{KEYS[name]}", preset, pictures, network=network)
    if not run.load(again):
        if not ready(*EXERCISES):
            return None
        live = plots.Live({"knows nothing": nothing[name]}, name=name)
        if not run.train(step_of(name, network), pictures.unlabelled, watch=live, steps=STEPS[name], **size):
            return None
    return network.eval()


# %% tags=["show"]
again = False  # True: train once more; earlier weights stay until the new training is finished
trained = {}
for name in TASKS:
    network = train(name, again)
    if network is not None:
        trained[name] = network

# %% [markdown]
# ## What came out (about 20 min, ●○○) {#results}
#
# **Figure.** What each of yours paints of photos that it has never seen: the whole photo, the photo out of a noisy one,
# the relief of the hidden patches; last, the relief that it should have painted. Now you know what you saw in the
# opening: C was given the whole photo, A a noisy one, B a quarter of the patches (shown as they are, its relief in the
# others).

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

if have("trained") and len(trained) == 3 and written("ae-corruptions"):
    torch.manual_seed(0)
    images = pictures.normalize(photos)
    with torch.no_grad():
        rows = {name: TASKS[name](trained[name], images.to(device))[1].cpu() for name in TASKS}
    rows = {"photo": images, **rows, "true relief": parts.relief(images)}
    rows["MAE, relief"] = rows.pop("MAE")
    figures.painted(pictures, {name: rows[name] for name in ("photo", *list(TASKS)[:2], "MAE, relief", "true relief")})

# %% [markdown]
# Features are the mean of an image's patch codes, nothing hidden; the control is the same transformer, untrained. Ridge
# regression reads the class from them with 5,000 labels ([[linear_probe]] does it with care); k-NN asks whether the 20
# nearest images share it. Guess the gains over the twin first.

# %% tags=["guess"]
guess_gain_of_autoencoder = None  # accuracy over the random twin's, such as 0.05
guess_gain_of_mae = None

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

if have("trained") and len(trained) == 3:
    twin = parts.new_transformer(device)
    encoders = {"random transformer": twin.features} | {name: trained[name].features for name in TASKS}
    accuracy = parts.judged(encoders, known)

# %% [markdown]
# Their errors, and the same for the codes of [[#code]] with 128 numbers:

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

if have("trained") and have("accuracy", "networks", "pca") and written("ae-corruptions"):
    points, last = {}, SIZES[-1]
    for name in TASKS:
        error = parts.own_error(lambda images, name=name: TASKS[name](trained[name], images), test[:500].to(device))
        points[name] = (error, *accuracy[name])
    for name, encode in (("narrow autoencoder", networks[last].encode), ("PCA", lambda x: pca.encode(x, last))):
        points[name] = (wrong[name][-1], *parts.judged_codes(encode, known))

# %% [markdown]
# **Figure: the answer.** Each network by how much of its own task it gets wrong, and by its features; bars are two
# standard errors for 5,000 test images. If small errors went with good features, dots would rise to the left. Three
# seeds of ours: copying got .01 to .02 wrong, denoising .05 to .06; both gave .38, as the twin did: a tie. The third
# got .66 to .68 wrong and gave .45 to .46; if yours is less than .03 above the first, something went wrong.
#
# By k-NN (printed; with 10,000 labels): .28 to .29 twice, .36 to .39, and .40 to .41 for the small codes, which keep
# what whole pictures share. No judge sees everything.

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

if have("points"):
    found = {name: values[:2] for name, values in points.items()}
    bars = {n: 2 * probes.standard_error(value, len(known.test)) for n, (_, value) in found.items()}
    figures.worth(found, bars, accuracy["random transformer"][0], len(known.train), "ridge")
    print("k-NN:", ", ".join(f"{name} {values[2]:.3f}" for name, values in points.items()))
    print(figures.order_text(guess_order, {name: points[name][1] for name in TASKS}))
    for name, guess in (("autoencoder", guess_gain_of_autoencoder), ("MAE", guess_gain_of_mae)):
        made = guesses.number(guess, -1, 1, called="guess_gain")
        gain = points[name][1] - accuracy["random transformer"][0]
        print(f"gain of {name} by ridge {gain:+.3f}; {plots.guess_text(made)}")

# %% [markdown]
# ## Questions
#
# 3 to 6 sentences and about 10 minutes each; point at a figure or number of yours.
#
# **(a)** In [[#results]], the network with the smallest error has features hardly better than its untrained twin's. How
# can it paint so well and know so little? Count the numbers in its code.

# %% [markdown] tags=["answer:ae-worst-picture"]
# *Your answer here.*

# %% [markdown]
# **(b)** Noise, lost pixels, blur, hidden patches: what does each force a network to know? Use the figure of
# [[#repair]], and say what it predicts for the denoising network; then compare with [[#results]].

# %% [markdown] tags=["answer:ae-which-noise"]
# *Your answer here.*

# %% [markdown]
# **(c)** Compression or prediction: the narrow autoencoder and PCA cannot copy either. Use their dots of [[#results]]
# and the curve of [[#code]]: what does a small code keep of a photo, and why is that not its class?

# %% [markdown] tags=["answer:ae-compression-or-prediction"]
# *Your answer here.*

# %% [markdown]
# ## What you can do now {-}
#
# Build an autoencoder; damage pictures and learn to undo it; tell a small error from good features.

# %% [markdown]
# **Beside the paper.** [Balestriero & LeCun 2024](https://arxiv.org/abs/2402.11337) read classes with labels from
# TinyImageNet photos of which only part is left. From the strongest principal components, 90 % of the pixels' variance,
# a network reaches 45 % accuracy; from the weakest, 20 % of it, 55 %. So what makes a small error is not what tells
# classes apart. They also prove that masking can help, and that Gaussian noise does not: your tie. Theirs are 200
# classes and long trainings; ours are ten, and a minute each. Longer trainings may move your dots
# ([[masked_autoencoder]] goes on).

# %% [markdown]
# **To try:** `drop_pixels` with .75 as the denoising task: is the tie broken? Hide 25 % in place of 75 %. Let the
# autoencoder paint the relief, too: is it the target, or what is hidden?
#
# <details><summary>Further reading</summary>
#
# - [Denoising autoencoders](https://www.cs.toronto.edu/~larocheh/publications/icml-2008-denoising-autoencoders.pdf)
#   (Vincent et al. 2008) ask what noise is good for.
# - [Context encoders](https://arxiv.org/abs/1604.07379) (Pathak et al. 2016) fill in a large hole, before transformers.
# - [Masked autoencoders](https://arxiv.org/abs/2111.06377) (He et al. 2021) hide most of the picture.
# - [Balestriero & LeCun 2024](https://arxiv.org/abs/2402.11337) ask why features learned by reconstruction can be
#   uninformative for perception.
#
# </details>
