"""Features of images, and what they are worth: ridge regression and nearest neighbours.

Features are (N, D) float, labels (N,) int64, accuracies Python floats from 0 to 1.
"""

import copy
import os
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ps3.augment import image_gradients
from ps3.data import ImageSet, labelled_subset, to_float
from ps3.training import autocast, faster, seconds_by_precision

Encoder = Callable[[Tensor], Tensor]
Features = tuple[Tensor, Tensor]  # of the labelled training images, of the test images
Judge = Callable[[Tensor, Tensor, Tensor, Tensor], float]  # train, its labels, test, its labels -> accuracy


def features_of(encoder: Encoder, pictures: ImageSet, images: Tensor) -> Tensor:
    """Features (N, D) float32 on the CPU of uint8 images (N, C, H, W).

    encoder: a module, or a method of one such as `encoder.features`. A frozen copy of it receives normalised images
    in batches, so that the encoder itself may be in the middle of its training. The first batch decides between
    float32 and bfloat16 by time.
    """
    return _run(*_frozen(encoder), pictures, images)


def block_features(encoder: Encoder, pictures: ImageSet, images: Tensor) -> list[Tensor]:
    """What enters the first of a transformer's `blocks`, after its LayerNorm, and what leaves each: (N, D) each.

    Each is a mean over patch tokens; the last of the list is what `encoder` itself returns. Images and encoder are as
    for `features_of`.
    """
    look, module = _frozen(encoder)
    layers = [module.blocks[0].norm1, *module.blocks]  # type: ignore[index,misc,union-attr]
    seen: list[list[Tensor]] = [[] for _ in layers]
    for layer, store in zip(layers, seen, strict=True):
        layer.register_forward_hook(_keep(store))
    last = _run(look, module, pictures, images)
    return [torch.cat(store)[-len(images) :] for store in seen] + [last]  # the first batch ran more than once


def _keep(store: list[Tensor]) -> Callable[..., None]:
    def hook(module: nn.Module, inputs: object, output: Tensor) -> None:
        store.append(output[:, 1:].mean(dim=1).float().cpu())  # without the class token

    return hook


def _frozen(encoder: Encoder) -> tuple[Encoder, nn.Module]:
    """A copy that does not learn, as it is called, and the module that it belongs to."""
    module = encoder if isinstance(encoder, nn.Module) else getattr(encoder, "__self__", None)
    if not isinstance(module, nn.Module):
        raise TypeError(f"an encoder is a module or a method of one, not {type(encoder).__name__}")
    kept = [value for part in module.modules() for value in vars(part).values() if isinstance(value, Tensor)]
    copied = copy.deepcopy(module, {id(value): value.detach() for value in kept})  # results cannot be copied otherwise
    copied.requires_grad_(False).eval()
    return (copied if encoder is module else getattr(copied, encoder.__name__)), copied


def _run(look: Encoder, module: nn.Module, pictures: ImageSet, images: Tensor) -> Tensor:
    device = next((parameter.device for parameter in module.parameters()), torch.device("cpu"))

    def features(batch: Tensor) -> Tensor:
        return look(pictures.normalize(batch.to(device))).float().cpu()

    batches = images.split(250)
    precision = os.environ.get("PS3_PRECISION")
    if not precision:
        precision = faster(seconds_by_precision(device, lambda: features(batches[0]), repeats=1))
    with autocast(device, precision):
        return torch.cat([features(batch) for batch in batches])


def pixels(images: Tensor) -> Tensor:
    """uint8 images (N, C, H, W) themselves as features, (N, C * H * W)."""
    return to_float(images).flatten(1)


def hand_crafted(images: Tensor) -> Tensor:
    """Histograms of gradient directions in 4 x 4 cells, and of colours in 2 x 2 quarters: (N, 384) from uint8."""
    return torch.cat([_hand_crafted(to_float(batch)) for batch in images.split(250)])


def ridge_accuracy(train: Tensor, labels: Tensor, test: Tensor, test_labels: Tensor) -> float:
    """Test accuracy of a linear classifier that ridge regression gives in one step, without a search.

    With C the covariance of the features x and c their covariance with the indicators y of the classes, W solves

        (C + D / N diag(C)) W = c,

    and a test image gets the class with the highest score (x - mean(x)) W + mean(y). The penalty of each feature is in
    proportion to its own variance, so that scales do not matter. D / N is fixed: nothing is chosen on test images.
    """
    images, dim = train.shape
    mean, indicators = train.double().mean(dim=0), F.one_hot(labels).double()
    common, features = indicators.mean(dim=0), train.double() - mean
    covariance = features.T @ features / images
    penalty = dim / images * covariance.diagonal() + 1e-9  # a feature that never varies weighs nothing
    weights = torch.linalg.solve(covariance + torch.diag(penalty), features.T @ (indicators - common) / images)
    return share_right((test.double() - mean) @ weights + common, test_labels)


def by_label_count(judge: Judge, features: Features, known: ImageSet, counts: Sequence[int]) -> dict[int, list[float]]:
    """Accuracies by number of labels, from features of the labelled training images and of the test images.

    Three draws of labels, one where all labelled images are needed.
    """
    (train, test), labels = features, known.train.labels
    found = {}
    for count in counts:
        draws = [labelled_subset(labels, count, draw) for draw in range(3 if count < len(labels) else 1)]
        found[count] = [judge(train[own], labels[own], test, known.test.labels) for own in draws]
    return found


def nearest(queries: Tensor, features: Tensor, k: int) -> Tensor:
    """Indices (B, k) of the k features with the highest cosine similarity to each query, best first."""
    features = F.normalize(features, dim=1)
    return torch.cat([(part @ features.T).topk(k).indices for part in F.normalize(queries, dim=1).split(500)])


def two_directions(features: Tensor) -> Tensor:
    """Features (N, D) along the two directions in which they vary most (principal components): (N, 2)."""
    centred = features - features.mean(dim=0)
    directions = torch.linalg.svd(centred, full_matrices=False).Vh[:2]
    return centred @ directions.T


def share_of_variance(features: Tensor) -> float:
    """The share of the features' variance that `two_directions` keeps."""
    strengths = torch.linalg.svdvals(features - features.mean(dim=0)).square()
    return (strengths[:2].sum() / strengths.sum()).item()


def knn(train: Tensor, labels: Tensor, test: Tensor, test_labels: Tensor, k: int = 20) -> float:
    """Test accuracy of the vote of the k most similar training images (cosine); the nearer wins a tie."""
    votes = F.one_hot(labels[nearest(test, train, k)]).double()  # (N, k, classes)
    weights = 1 - torch.arange(k, dtype=torch.float64) / (1000 * k)
    return share_right((votes * weights.view(-1, 1)).sum(dim=1), test_labels)


def share_right(votes: Tensor, labels: Tensor) -> float:
    """How often the class with the most votes (N, classes) is the label (N,)."""
    return (votes.max(dim=1).indices == labels).double().mean().item()


def standard_error(accuracy: float, count: int) -> float:
    """Standard error of an accuracy measured on `count` test images; two of them are the usual error bar."""
    return (accuracy * (1 - accuracy) / count) ** 0.5


def _hand_crafted(images: Tensor) -> Tensor:
    across, down = image_gradients(images)
    strength = (across**2 + down**2).sqrt()
    direction = (torch.atan2(down, across) / torch.pi % 1 * 8).long().clamp(max=7)  # eight directions, signs ignored
    edges = torch.zeros(len(images), 8, *images.shape[2:]).scatter_(1, direction, strength)
    edges = F.normalize(F.adaptive_avg_pool2d(edges, 4).flatten(1), dim=1, eps=0.01).sqrt()
    bins = ((images * 4).long().clamp(max=3) * torch.tensor([16, 4, 1]).view(3, 1, 1)).sum(dim=1, keepdim=True)
    colours = torch.zeros(len(images), 64, *images.shape[2:]).scatter_(1, bins, 1.0)
    return torch.cat([edges, F.adaptive_avg_pool2d(colours, 2).flatten(1).sqrt()], dim=1)
