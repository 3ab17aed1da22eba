# %% [markdown]
# # Which caption goes with this picture?

# %% tags=["given"]
import math
import re

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kit import check, ready, written
from ps3 import captions, guesses, plots, probes, training
from ps3.language_supervision import figures, parts


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

# %% [markdown] tags=["answer:clip-both-directions"]
# *Your answer here.*

# %% [markdown] tags=["answer:clip-prompts"]
# *Your answer here.*

# %% [markdown] tags=["answer:clip-failures"]
# *Your answer here.*
