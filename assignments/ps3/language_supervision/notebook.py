# %% [markdown]
# # Which caption goes with this picture?
#
# One of the five captions beside each drawing below is its own. A network that can tell which has learned to see from
# *words*: no class, no label, only pictures and what people say of them
# ([CLIP](https://arxiv.org/abs/2103.00020), Radford et al. 2021).
#
# - **At the end:** a network that finds pictures from text and text from pictures, and sorts pictures into classes that
#   you name on the spot.
# - **Your time:** about 2 hours (an estimate); ●○○ is a short step, ●●● the hardest. **Computing:** about 2 minutes.
# - **What needs what:** the run needs [[clip-bag-of-words]] and [[clip-loss]]; what comes after it needs the run.

# %% tags=["given"]
import math
import re

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kit import check, ready, written
from ps3 import captions, guesses, plots, probes, training
from ps3.language_supervision import figures, parts

# %% tags=["show"]
torch.manual_seed(0)
preset, device = training.preset(), training.best_device()
emoji = captions.load()
print(training.preset_line(preset, device))
print(f"{len(emoji):,} emoji, each drawn by {', '.join(emoji.vendors)}")

# %% tags=["show"]
puzzle = figures.captions_puzzle(emoji)
figures.show_puzzle(emoji, puzzle)

# %% [markdown]
# Write down four numbers from 0 to 4, row by row, then reveal (3 minutes). A guess is never graded.

# %% tags=["guess"]
guess_captions = [None, None, None, None]

# %% tags=["show"]
figures.reveal_puzzle(emoji, puzzle, guess_captions)

# %% [markdown]
# The network plays the same game in [[#results]]; it has never seen these four things.

# %% [markdown]
# ## The idea: captions are labels that nobody had to invent (about 5 min, ●○○)
#
# A classifier knows the classes that somebody chose. Captions come with the pictures, and any word can be asked for
# later. CLIP trains two networks that end in one space: a picture and its own caption shall point the same
# way, a picture and another's caption shall not. Nothing is thrown away afterwards.
#
# <details><summary>What the pack holds</summary>
#
# 1,363 emoji, each drawn by four vendors (Twitter, Google, Microsoft's Fluent, OpenMoji) at 32 by 32 pixels. A caption
# is the name and some tags: "turtle animal terrapin tortoise". Twitter's drawings are kept for the test, and of every
# eighth name we train on no drawing and no caption. So there are two questions: does it know a new *drawing* of a known
# thing, and a new *thing*? `data/emoji/README.md` names artists and licences.
#
# </details>

# %% tags=["show"]
figures.architecture()

# %% [markdown]
# ## A bag of words (about 15 min, ●○○)
#
# A network needs numbers. The plainest for a text: how often does each word of a list occur? Order is lost: "dog bites
# man" and "man bites dog" are one bag. CLIP uses a transformer; for captions as short as ours a bag will do.

# %% [markdown]
# **By hand first.** Over the vocabulary `apple, blue, red` "Red, red apple-pie" is 1, 0, 2: capitals do not count,
# anything but a letter ends a word, and "pie" has no column.


# %% tags=["exercise:clip-bag-of-words"]
def bag_of_words(captions: list[str], vocabulary: list[str]) -> Tensor:
    """How often each word of the vocabulary occurs in each caption: (B, V) float32.

    Captions are read in lower case; a word is a run of letters a to z, as long as it goes on.
    Column v counts vocabulary[v] (lower case, no repeats). Words that are not in the vocabulary are left out.
    Both lists stay as they are.
    """
    ### BEGIN SOLUTION
    place = {word: column for column, word in enumerate(vocabulary)}
    bags = torch.zeros(len(captions), len(vocabulary))
    for row, caption in enumerate(captions):
        for word in re.findall("[a-z]+", caption.lower()):
            if word in place:
                bags[row, place[word]] += 1
    return bags
    ### END SOLUTION


# %% tags=["check:clip-bag-of-words"]
check("clip-bag-of-words")

# %% [markdown]
# <details><summary>Hint 1: what to look at</summary>Write the words of "Heart-eyes, 3D: café" on paper, one below the
# other. What ended each?</details>
# <details><summary>Hint 2: which operation</summary>Python's module for patterns in texts can list all runs of a set of
# letters. How would you write "one or more of a to z" there?</details>
#
# **Figure: a test card.** Your bags of six captions. If the red column reads 2, 1, 1, 0, 0, 0 and the apple column
# 1, 1, 1, 0, 0, 0, words are counted rightly. (Digits and letters such as é it cannot show; the check does.)
#
# <details><summary>It looks otherwise?</summary>
#
# - If the first row has a 1 under red, you note whether a word occurs, not how often.
# - If the second row is empty, capitals are other words for you; if the third, you split at blanks only.
# - If the fourth row counts an apple, you count letters inside longer words.
# - If counts stand under other words, columns do not keep the vocabulary's order.
#
# </details>

# %% tags=["show"]
if written("clip-bag-of-words"):
    figures.bags_of_card(bag_of_words(list(figures.CARD), list(figures.CARD_WORDS)))

# %% [markdown]
# ## The loss asks in both directions (about 25 min, ●●○)
#
# The towers turn $B$ drawings and their captions into $u_i$ and $v_j$. Write the cosines of all pairs into a table,
# times a scale $s$. Along row $i$, drawing $i$ picks among all captions; down column $j$, caption $j$ picks among all
# drawings:
#
# $$\ell = \frac{1}{2B} \sum_{i=1}^{B} \left[ -\log \frac{e^{s \cos(u_i, v_i)}}{\sum_j e^{s \cos(u_i, v_j)}}
# -\log \frac{e^{s \cos(u_i, v_i)}}{\sum_j e^{s \cos(u_j, v_i)}} \right]$$
#
# (Radford et al. 2021, Figure 3). It is the lecture's InfoNCE, twice; $s$ is 1 over the temperature.

# %% [markdown]
# **By hand first.** $B = 2$, $s = 1$; cosines 0.9 and 0.1 in row 0, 0.7 and 0.6 in row 1. Rows: −log of
# exp(0.9) / (exp(0.9) + exp(0.1)) = 0.371, and 0.744. Columns: 0.9 against 0.7 costs 0.598, 0.6 against 0.1 costs
# 0.474. The mean of the four is 0.547.
#
# Guess: the loss of untrained towers, with $B = 256$?

# %% tags=["guess"]
guess_untrained_loss = None  # a number


# %% tags=["exercise:clip-loss"]
def clip_loss(image_features: Tensor, text_features: Tensor, scale: float | Tensor) -> Tensor:
    """How hard is it to pair B images with their B texts? image_features (B, D), text_features (B, D) -> scalar.

    Logits: cosine similarities of every image with every text, times scale, a number or a tensor of shape ().
    Image i must pick text i among all texts, and text i image i among all images: cross-entropy, averaged over the
    rows. The answer is the mean of the two directions. Finite up to a scale of 200; gradients flow to both inputs,
    and to scale where it is a tensor.
    """
    ### BEGIN SOLUTION
    logits = F.normalize(image_features, dim=1) @ F.normalize(text_features, dim=1).T * scale  # (B, B)
    right = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, right) + F.cross_entropy(logits.T, right)) / 2
    ### END SOLUTION


# %% tags=["check:clip-loss"]
check("clip-loss")

# %% [markdown]
# <details><summary>Hint 1: what to look at</summary>Both directions read the same table. Which way does each of them
# read it, and where do the right answers stand?</details>
# <details><summary>Hint 2: which operation</summary>Picking one of B by scores is what a classifier is trained for;
# torch computes that cost from the scores. Turned, the table is the other task.</details>
#
# **Figure: where do your values lie?** Four batches of four pairs at scale 2. If "right pairs" and "other lengths"
# stand over "right", "one text for all" over "both" and "moved on" over "wrong", your loss is right. (Gradients and
# large scales it cannot show; the check does.)
#
# <details><summary>It looks otherwise?</summary>
#
# - If "one text for all" stands over "images pick" or "texts pick", one direction is missing.
# - If "right pairs" stands over "no scale" or "divided", the scale is left out, or divides.
# - If "other lengths" stands elsewhere than "right pairs", lengths count.
#
# </details>

# %% tags=["show"]
if written("clip-loss"):
    e = torch.eye(4)
    batches = {"right pairs": (e, e), "other lengths": (3 * e, 0.002 * e)}
    batches |= {"one text for all": (e, e[:1].repeat(4, 1)), "moved on": (e, e.roll(1, 0))}
    values = {name: float(clip_loss(*pair, 2.0)) for name, pair in batches.items()}
    places = {"right": 0.341, "no scale": 0.744, "divided": 1.036, "images pick": 1.386, "both": 1.614}
    places |= {"texts pick": 1.841, "wrong": 2.341}
    plots.number_line(values, places, xlabel="CLIP's loss of four pairs at scale 2")

# %% [markdown]
# ## Rehearsal (about 5 min, ●○○) {#rehearsal}
#
# Words that stand in two or more training captions make up the vocabulary. A step draws one vendor for each name, moves
# and mirrors the drawings, and forgets 30 % of the words.
#
# <details><summary>Why one vendor a name, and why forget words?</summary>
#
# If a batch held Google's and OpenMoji's owl, each would be called wrong for the other's caption, though it is right: a
# *false negative*. And since the vendor changes from step to step, style is of no use for finding the partner. A
# caption is soon learned by heart: one rare word tells it from all others. If words are missing, other ones each time,
# every word has to carry some of the meaning.
#
# </details>

# %% tags=["show"]
if written("clip-bag-of-words"):
    vocabulary = parts.usual_words(emoji)
    texts = [emoji.caption(n) for n in range(len(emoji))]
    bags = bag_of_words(texts, vocabulary)  # (N, V)
    train = parts.names_to_train(emoji)
    drawings = parts.training_drawings(emoji)  # (names, vendors, 3, 32, 32)
    print(f"{len(train):,} names to train on, {len(parts.new_names(emoji))} kept apart; V = {len(vocabulary):,} words")


# %% tags=["show"]
def clip_step(towers):
    def step(drawings: Tensor, bags: Tensor) -> Tensor:
        images = parts.varied(emoji.normalize(parts.one_vendor_each(drawings)))
        images = towers.encode_images(images)
        texts = towers.encode_bags(parts.some_words_dropped(bags))
        with training.full_precision(images.device):
            return clip_loss(images.float(), texts.float(), towers.scale)

    return step


recipe = {"batch_size": 256, "lr": 2e-3, "schedule": training.cosine}
EXERCISES = "clip-bag-of-words", "clip-loss"

# %% [markdown]
# **Figure.** A few steps, and the first loss beside your guess. *Chance* is log 256 = 5.55: all captions equally good.
# Untrained towers start a little above it (three seeds: 5.9 to 6.0), since ten times a random cosine is at times wrong
# and sure of it. If the loss falls from there, go on. If it stays, or starts far away, do not start the run.

# %% tags=["show"]
if ready(*EXERCISES):
    steps = preset.steps("language_supervision", "rehearsal")
    small = parts.new_towers(len(vocabulary), device)
    losses = parts.rehearse(small, clip_step(small), drawings, bags[train], steps, **recipe)
    first = guesses.number(guess_untrained_loss, 0, called="guess_untrained_loss")
    print(f"first loss {losses[0]:.2f}; {plots.guess_text(first)}")
    plots.curve(range(1, steps + 1), losses, reference={"chance": math.log(256)}, title="The first steps")

# %% [markdown]
# ## The run (about 2 min of computing) {#run}
#
# 340 steps: each caption is seen about 70 times. Guess first: of the 1,193 names that are trained on, take Twitter's
# drawings, which are not. For which share of them is the right caption among the 10 best of 1,193? (Guessing: .008.)
#
# <details><summary>Why is the scale learned?</summary>
#
# At scale 1 logits lie between −1 and 1, so among 256 captions the right one gets at most a share of
# e² / (e² + 255) = .03: the loss could hardly fall. At a large scale only the most similar wrong caption matters. CLIP
# learns the scale, as its logarithm, and stops it at 100 (Radford et al. 2021, §2.5). Ours starts at 10.
#
# </details>

# %% tags=["guess"]
guess_recall = None  # a share, 0 to 1

# %% [markdown]
# **While it runs.** If the loss stays on the dashed line, nothing is learned. Three seeds ended at 1.55 to 1.61. It may
# also fall because captions are learned by heart; what comes next tells.

# %% tags=["show"]
again = False  # True: train once more; the weights of the earlier run stay until the new one is finished
twin = parts.new_towers(len(parts.usual_words(emoji)), device)  # the same towers, and they stay untrained
towers = parts.new_towers(len(parts.usual_words(emoji)), device)
run = training.Run("clip", preset, emoji, towers=towers)
trained = run.load(again)
if not trained and ready(*EXERCISES):
    live = plots.Live({"chance": math.log(256)}, name="CLIP")
    size = {"steps": preset.steps("language_supervision")}
    trained = run.train(clip_step(towers), drawings, bags[train], watch=live, **size, **recipe)

# %% [markdown]
# ## What came out (about 15 min, ●○○) {#results}
#
# **Figure.** The table that the loss looks at, for ten of Twitter's drawings: the first five names were trained on
# (with other vendors' drawings), the last five are new things. If the outlined cell is the largest of its row and of
# its column, the pair has found each other. If a whole column is dark, that caption goes with everything.

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

if have("trained") and written("clip-bag-of-words"):
    images, words = parts.image_features(towers, emoji), parts.bag_features(towers, bags)  # (N, 64) each
    plain = parts.image_features(twin, emoji), parts.bag_features(twin, bags)
    figures.pairings(emoji, images, words, figures.numbers_of(emoji, figures.SHOWN))
    print(f"the puzzle: the network finds {figures.puzzle_score(images, words, puzzle)} of {len(puzzle.asked)}")

# %% [markdown]
# ## Searching, both ways (about 20 min, ●●○) {#search}
#
# Ten pairs show little. *Recall at k* asks of all: is the own text among the $k$ most similar?

# %% [markdown]
# **By hand first.** Cosines of image 0 with texts 0, 1, 2: .9 .1 .2; of image 1: .8 .5 .1; of image 2: .3 .7 .6. Only
# image 0 has its own text first, so recall at 1 is 1/3. All have it among two, so recall at 2 is 1.


# %% tags=["exercise:clip-recall"]
def recall_at_k(image_features: Tensor, text_features: Tensor, k: int) -> float:
    """The share of images that find their text: text i is among the k texts most similar to image i.

    image_features (B, D), text_features (B, D); similarity is the cosine; 1 <= k <= B. A Python float from 0 to 1.
    """
    ### BEGIN SOLUTION
    similar = F.normalize(image_features, dim=1) @ F.normalize(text_features, dim=1).T  # (B, B)
    found = similar.topk(k, dim=1).indices == torch.arange(len(similar), device=similar.device)[:, None]
    return found.any(dim=1).double().mean().item()
    ### END SOLUTION


# %% tags=["check:clip-recall"]
check("clip-recall")

# %% [markdown]
# <details><summary>Hint 1: what to look at</summary>Whose list is sorted: the image's, or the text's? And on which
# place of that list does the own text stand?</details>
# <details><summary>Hint 2: which operation</summary>torch finds the k largest of each row and says where they stand; or
# count, in each row, what is larger than the diagonal.</details>
#
# **Figure.** Your recall for the 1,193 known names, both ways, and that of the untrained towers. If the lines rise with
# $k$ and the twin lies on *guessing*, the function is right. At $k = 10$ three seeds gave .61 to .62 and .64 to .65,
# give or take .03 (two standard errors).
#
# <details><summary>It looks otherwise?</summary>
#
# - If a line falls somewhere, you look at the k-th place only.
# - If it ends far above 1, you count in percent.
# - If both lines are equal in every number, you look one way only.
#
# </details>

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

if have("trained") and have("images") and written("clip-recall"):
    known, ks = parts.names_to_train(emoji), (1, 2, 5, 10, 20, 50, 100)
    ours, theirs, random = images[known], words[known], [part[known] for part in plain]
    curves = {"drawings find captions": [recall_at_k(ours, theirs, k) for k in ks]}
    curves["captions find drawings"] = [recall_at_k(theirs, ours, k) for k in ks]
    curves["untrained towers"] = [recall_at_k(*random, k) for k in ks]
    figures.recalls(curves, ks, len(known), guess_recall)

# %% [markdown]
# **A new drawing, or a new thing?** The same for the 170 names that were kept apart. Searching among fewer is easier:
# guessing finds .059 here. Three seeds gave .49 to .50 and .50 to .53, give or take .08 (two standard errors): far
# above guessing, though nobody ever showed it these things.

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

if have("trained") and have("images") and written("clip-recall"):
    new = parts.new_names(emoji)
    values = [recall_at_k(*pair, 10) for pair in ((images[new], words[new]), (words[new], images[new]))]
    values.append(recall_at_k(plain[0][new], plain[1][new], 10))
    errors = [2 * probes.standard_error(value, len(new)) for value in values]
    names = ["drawings find captions", "captions find drawings", "untrained towers"]
    title = "170 things never seen: is the partner among 10?"
    plots.dots(names, values, errors, chance=10 / len(new), xlabel="recall at 10", title=title)

# %% [markdown]
# **Figure: four drawings look for names.** All are new things. What do wrong names have in common with the drawing:
# colour, shape, or kind?

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

query = ("octopus", "crossed swords", "hibiscus", "flying saucer")  # yours: four names of the pack
if have("trained") and have("images"):
    asked = figures.numbers_of(emoji, query)
    figures.texts_found(emoji, asked, probes.nearest(images[asked], words, 5))

# %% [markdown]
# ## A classifier out of names (about 20 min, ●●○) {#zeroshot}
#
# Now the surprise of CLIP. A class is a direction in the shared space, and a text gives one: encode "a photo of a dog"
# and other classes, and an image gets the class that lies nearest. No image of a dog was labelled: *zero-shot*. A text
# with a gap for the name is a *template*; several of them are averaged (Radford et al. 2021, §3.1.4).

# %% [markdown]
# **By hand first.** One name, two templates; the encoder gives (3, 4) and (1, 0). At length 1: (.6, .8) and (1, 0).
# Their mean is (.8, .4), of length .894; at length 1 again: (.894, .447). Without the first step longer features would
# count for more.


# %% tags=["exercise:clip-classifier"]
def zero_shot_classifier(encode_text, names: list[str], templates: list[str]) -> Tensor:
    """A direction for each class, made of its name alone: (K, D), rows of length 1.

    For each of K names: fill each template, such as "a photo of a {}", and have `encode_text` make features of the
    texts (a list of n str -> (n, D)); bring each to length 1; average over the templates; bring that to length 1.
    """
    ### BEGIN SOLUTION
    rows = []
    for name in names:
        texts = [template.format(name) for template in templates]
        features = F.normalize(encode_text(texts), dim=1)  # (templates, D)
        rows.append(F.normalize(features.mean(dim=0), dim=0))
    return torch.stack(rows)
    ### END SOLUTION


# %% tags=["check:clip-classifier"]
check("clip-classifier")

# %% [markdown]
# <details><summary>Hint 1: what to look at</summary>For one name and two templates: which texts does the encoder get,
# and how long is what comes back?</details>
# <details><summary>Hint 2: which operation</summary>A Python text with a pair of braces has a method that fills
# them.</details>
#
# **Figure.** Cosines between your directions for ten labels. If the diagonal is 1.0 and labels of a kind (fruit,
# vegetable) lie nearer than others, the names are read. If all cells are 1.0, every class got the same text. (The
# length *before* the mean it cannot show; the check does.)

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

labels = list(parts.CLASSES)


def encode_text(texts: list[str]) -> Tensor:
    return parts.bag_features(towers, bag_of_words(texts, parts.usual_words(emoji)))


if have("trained") and written("clip-bag-of-words", "clip-classifier"):
    some = labels[3:13]
    directions = zero_shot_classifier(encode_text, some, ["{}"])
    longest, shortest = directions.norm(dim=1).max(), directions.norm(dim=1).min()
    text = f"lengths from {shortest:.3f} to {longest:.3f}"
    plots.matrix(directions @ directions.T, some, some, signed=True, digits=1, title="Ten labels", message=text)

# %% [markdown]
# ## Ranked answers (about 15 min, ●○○)
#
# How sure is it? The softmax over *all* labels says, and we show the best few.

# %% [markdown]
# **By hand first.** Cosines .5, .3, 0 with three labels, scale 10: exponentials 148.4, 20.1, 1. The best two have
# 148.4 / 169.5 = .876 and .119. They add up to .994, not to 1: the third keeps its share.


# %% tags=["exercise:clip-rank"]
def rank_labels(image_features: Tensor, classifier: Tensor, scale: float, k: int) -> tuple[Tensor, Tensor]:
    """The k most probable of K labels for each image, and how probable they are.

    image_features (B, D), classifier (K, D) -> the tuple (probabilities (B, k), labels (B, k) int64).
    Logits: cosine similarities times scale; probabilities: the softmax over all K labels. Most probable first.
    """
    ### BEGIN SOLUTION
    logits = F.normalize(image_features, dim=1) @ F.normalize(classifier, dim=1).T * scale  # (B, K)
    probabilities, labels = logits.softmax(dim=1).topk(k, dim=1)
    return probabilities, labels
    ### END SOLUTION


# %% tags=["check:clip-rank"]
check("clip-rank")

# %% [markdown]
# <details><summary>Hint: what to look at</summary>Which comes first: the softmax, or choosing the best k? Try both on
# the numbers above.</details>
#
# **Figure: ranked bars**, as on the lecture's slides. Eight of Twitter's drawings, known things above and new ones
# below, and the five most probable of twenty labels; dark and ticked is the right one. If the longest bar stands on top
# and the five add up to less than 1, the ranking is right. If they add up to exactly 1.00 for all, the softmax ran over
# the five.

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

if have("trained") and have("images") and written("clip-classifier", "clip-rank"):
    classifier = zero_shot_classifier(encode_text, labels, ["{}"])
    truth = parts.class_labels(emoji)  # -1: in none of the twenty
    asked = figures.numbers_of(emoji, figures.RANKED)
    probabilities, found = rank_labels(images[asked], classifier, towers.scale.item(), 5)
    figures.ranked(emoji, asked, probabilities, found, labels, truth[asked])

# %% [markdown]
# ## With and without a prompt (about 15 min, ●●○) {#prompts}
#
# CLIP gains from "a photo of a {}" instead of the bare name: 1.3 points on ImageNet (Radford et al. 2021, §3.1.4).
# Guess for *our* towers: the share of right labels among twenty with the bare name, and with that prompt. (Always
# saying "face", the largest class: .16.)

# %% tags=["guess"]
guess_bare = None  # a share, 0 to 1
guess_prompt = None  # a share, 0 to 1

# %% [markdown]
# **Figure.** All of Twitter's drawings that belong to one of the twenty labels. If a prompt's dot lies outside the bar
# of the bare name, its words count: here "a" and "of" stand in a few captions, and "photo" in too few to be in the
# vocabulary. Three seeds gave .42 to .45 with the bare name and .36 to .37 with the prompt. One row is yours.

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

yours = ["{}", "{}s"]  # templates of your own
ways = {"{}": ["{}"], "a photo of a {}": ["a photo of a {}"], "yours": yours, "untrained towers": ["{}"]}
if have("trained") and have("truth") and written("clip-classifier", "clip-rank"):
    tested = (truth >= 0).nonzero().flatten()
    shares = {}
    for name, templates in ways.items():
        classifier = zero_shot_classifier(encode_text, labels, templates)
        features = (plain[0] if name == "untrained towers" else images)[tested]
        best = rank_labels(features, classifier, towers.scale.item(), 1)[1].flatten()
        shares[name] = (best == truth[tested]).double().mean().item()
    figures.prompts(shares, len(tested), guess_bare, guess_prompt)

# %% [markdown]
# **Known or new?** Some of those drawings are of things that were never trained on: the stricter test. There three
# seeds gave .31 to .32, with two standard errors of .11.

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

if have("trained") and have("truth") and written("clip-classifier", "clip-rank"):
    classifier = zero_shot_classifier(encode_text, labels, ["{}"])
    kept_apart, right = torch.isin(tested, parts.new_names(emoji)), {}
    best = rank_labels(images[tested], classifier, towers.scale.item(), 1)[1].flatten() == truth[tested]
    for name, chosen in {"known things": ~kept_apart, "new things": kept_apart}.items():
        right[name] = best[chosen].double().mean().item(), int(chosen.sum())
    errors = [2 * probes.standard_error(*pair) for pair in right.values()]
    names = [f"{name} ({count})" for name, (_, count) in right.items()]
    values = [value for value, _ in right.values()]
    plots.dots(names, values, errors, chance=1 / len(labels), title="Zero-shot, twenty labels, Twitter's drawings")

# %% [markdown]
# **Your turn: search by text.** Each row: the six drawings nearest to a text; ticked where the text is their label.
# Words outside the vocabulary are left out.

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

wanted = ["clock", "face", "something red", "happy"]  # yours
if have("trained") and have("truth") and written("clip-bag-of-words"):
    nearest = probes.nearest(encode_text(wanted), images, 6)
    figures.drawings_found(emoji, wanted, nearest, labels, truth)

# %% [markdown]
# ## Honest failures (about 10 min, ●○○) {#failures}
#
# **Figure.** The eight wrong answers of which the network is most sure. What does the first label share with the
# drawing: a word, a shape, a colour?

# %% tags=["show"]
from kit import have  # here, so that this cell also answers in a restarted kernel

if have("trained") and have("truth") and written("clip-classifier", "clip-rank"):
    classifier = zero_shot_classifier(encode_text, labels, ["{}"])
    probabilities, found = rank_labels(images[tested], classifier, towers.scale.item(), 5)
    wrong = found[:, 0] != truth[tested]
    worst = (probabilities[:, 0] * wrong).topk(8).indices
    figures.ranked(emoji, tested[worst].tolist(), probabilities[worst], found[worst], labels, truth[tested[worst]])

# %% [markdown]
# ## Questions
#
# 3 to 6 sentences and about 10 minutes each; point at a figure or number of yours.
#
# **(a)** Why does the loss ask in both directions? Use "one text for all" on the number line and both lines of
# [[#search]]. What could go wrong if drawings alone picked?

# %% [markdown] tags=["answer:clip-both-directions"]
# *Your answer here.*

# %% [markdown]
# **(b)** What did "a photo of a {}" do in [[#prompts]], and why? Why does it help CLIP, which was trained on captions
# from the web?

# %% [markdown] tags=["answer:clip-prompts"]
# *Your answer here.*

# %% [markdown]
# **(c)** Choose one drawing of [[#failures]]. What misled the network, and which experiment would tell your cause from
# another?

# %% [markdown] tags=["answer:clip-failures"]
# *Your answer here.*

# %% [markdown]
# ## What you can do now {-}
#
# Turn captions into labels; write a loss that asks in both directions; make a classifier out of names, and say where it
# fails.
#
# **Beside the paper.** Your number is the first row of [[#prompts]]. From 400 million pairs CLIP reaches 76.2 % on
# ImageNet's 1,000 classes without one of its labelled images, as much as a ResNet-50 trained on all of them ([Radford
# et al. 2021](https://arxiv.org/abs/2103.00020), abstract and §3.1.3). Ours has seen 3,579 drawings with 1,193
# captions, and the twenty labels are words of those captions: "zero-shot" may hide that at any size.

# %% [markdown]
# **To try:** hold out OpenMoji (`HELD_OUT` in `ps3/language_supervision/parts.py`; restart, `again = True`), which
# alone draws black outlines: one run of ours fell to .15, what always saying "face" gets. Words never forgotten. Names
# without tags as captions. "not a dog": what does a bag make of that?
#
# <details><summary>Further reading</summary>
#
# - [ALIGN](https://arxiv.org/abs/2102.05918) (Jia et al. 2021) does the same with a billion noisy captions.
# - [SigLIP](https://arxiv.org/abs/2303.15343) (Zhai et al. 2023) asks about each pair by itself, without a softmax.
# - [When and why vision-language models behave like bags-of-words](https://arxiv.org/abs/2210.01936) (Yuksekgonul et
#   al. 2022) shows that even a transformer may ignore the order.
#
# </details>
