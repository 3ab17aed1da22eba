"""Given parts of the lesson on momentum contrast: networks, views, its trainings, and what the checks use."""

import copy
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ps3 import augment, plots, probes, training
from ps3.data import ImageSet, labelled_subset
from ps3.networks.resnet import ProjectionHead, ResNet8

BATCH, QUEUE_SIZE, DIM = 64, 4096, 64
MOMENTUM, TEMPERATURE = 0.99, 0.1
RECIPE: dict[str, Any] = {"batch_size": BATCH, "weight_decay": 1e-4, "schedule": training.cosine}


class Embedder(nn.Sequential):
    """ResNet8 and projection head: images (B, C, H, W), normalised -> embeddings (B, 64), float32."""

    def __init__(self) -> None:
        super().__init__(ResNet8(), ProjectionHead())

    @property
    def encoder(self) -> nn.Module:
        """What is kept after the training."""
        return self[0]

    def forward(self, images: Tensor) -> Tensor:
        embeddings: Tensor = super().forward(images)
        return embeddings.float()


def new_networks(device: torch.device | None = None, seed: int = 0) -> tuple[Embedder, Embedder]:
    """An untrained online network and its target, a copy that asks for no gradients."""
    torch.manual_seed(seed)
    online = Embedder().to(device)
    return online, copy.deepcopy(online).requires_grad_(False)


class Views:
    """One random view of each image (B, C, H, W): a box of whole pixels enlarged, flip, colours, sometimes grey."""

    def __init__(self, scale: tuple[float, float] = (0.2, 1.0), jitter: float = 0.5, grey: float = 0.2):
        self.scale, self.jitter, self.grey = scale, jitter, grey

    def __call__(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        boxes = augment.random_boxes(images, self.scale, generator).tolist()
        views = torch.cat([_enlarged(images[n : n + 1], box) for n, box in enumerate(boxes)])
        views = augment.colour_jitter(augment.flip(views, generator), self.jitter, generator)
        greyed = augment.uniform(views, 0, 1, generator) < self.grey
        return torch.where(greyed.view(-1, 1, 1, 1), augment.grey(views), views)


def _enlarged(image: Tensor, box: Sequence[float]) -> Tensor:
    """The pixels nearest to a box (top, left, height, width in fractions), at least 2 x 2, at the image's size."""
    height, width = image.shape[2:]
    rows, columns = max(2, round(box[2] * height)), max(2, round(box[3] * width))
    top, left = min(round(box[0] * height), height - rows), min(round(box[1] * width), width - columns)
    return F.interpolate(image[:, :, top : top + rows, left : left + columns], (height, width), mode="bilinear")


# --- how old keys age -------------------------------------------------------------------------------------------------


class Diary:
    """Keeps the second view of the last `batches` batches, so that keys in the queue can be made anew."""

    def __init__(self, batches: int):
        self.batches = batches
        self.views: list[Tensor] = []

    def note(self, view: Tensor) -> Tensor:
        """Keep a view (B, C, H, W), and give it back."""
        self.views = [*self.views, view.half().cpu()][-self.batches :]
        return view


@torch.no_grad()
def similarity_by_age(queue: nn.Module, target: nn.Module, diary: Diary) -> tuple[Tensor, float]:
    """Mean cosine of the queue's keys with those that target makes of their views now: (batches,), newest first.

    Second: the mean cosine of two keys of now, of different photos. target runs as in training, on a copy.
    """
    now = copy.deepcopy(target).train()
    rows: Tensor = queue.keys.detach().cpu()  # type: ignore[operator]
    device, end = next(now.parameters()).device, int(queue.pointer)  # type: ignore[arg-type]
    found, keys = [], rows
    for view in reversed(diary.views):
        keys = F.normalize(now(view.float().to(device)).cpu(), dim=1)
        places = (end - len(view) + torch.arange(len(view))) % len(rows)
        found.append(F.cosine_similarity(keys, rows[places]).mean())
        end -= len(view)
    others = (keys @ keys.T).fill_diagonal_(0).sum() / (len(keys) * (len(keys) - 1))
    return torch.stack(found), float(others)


def fresh_for(similarity: Tensor, strangers: float) -> int:
    """For how many steps a key stays more like its successor than the key of another photo is."""
    old = (similarity < strangers).nonzero().flatten().tolist()
    return old[0] if old else len(similarity)


def rehearse(
    modules: Sequence[nn.Module], step: Callable[[Tensor], Tensor], pictures: ImageSet, steps: int, seed: int = 0
) -> list[float]:
    """A short training at a learning rate that stays as it is, without a word; the losses."""
    settings: dict[str, Any] = RECIPE | {"schedule": level, "precision": "float32", "watch": lambda progress: None}
    return training.train(modules, step, pictures.unlabelled, steps=steps, seed=seed, **settings).losses


def level(done: float) -> float:
    """A learning rate that stays as it is."""
    return 1.0


def knn(encoder: nn.Module, pictures: ImageSet, train: int, test: int) -> float:
    """k-NN accuracy of an encoder, from so many labelled images on so many test images."""
    near = probes.features_of(encoder, pictures, pictures.train.images[:train])
    far = probes.features_of(encoder, pictures, pictures.test.images[:test])
    return probes.knn(near, pictures.train.labels[:train], far, pictures.test.labels[:test])


def judged(
    networks: Mapping[str, nn.Module], pictures: ImageSet, labels: int
) -> tuple[dict[str, Tensor], dict[str, float]]:
    """Features (N, 128) of all test images by network, and its k-NN accuracy from so many labelled images."""
    known, features, accuracies = pictures.with_labels(labels).train, {}, {}
    for name, network in networks.items():
        near, features[name] = (probes.features_of(network, pictures, part.images) for part in (known, pictures.test))
        accuracies[name] = probes.knn(near, known.labels, features[name], pictures.test.labels)
    return features, accuracies


# --- the snapshot: finetuning with few labels -------------------------------------------------------------------------

KNOWN, NEW = (0, 2, 4, 6, 8), (1, 3, 5, 7, 9)  # classes with labels for everyone, classes to be learned from few
LABELS_A_CLASS = (20, 100)
Step = Callable[..., Tensor]


def of_classes(images: Tensor, labels: Tensor, classes: Sequence[int]) -> tuple[Tensor, Tensor]:
    """The images of these classes, and their labels as 0, 1, ..."""
    numbers = torch.full((int(labels.max()) + 1,), -1).scatter(0, torch.tensor(classes), torch.arange(len(classes)))
    own = numbers[labels] >= 0
    return images[own], numbers[labels[own]]


def _step(network: nn.Module, pictures: ImageSet) -> Step:
    def step(batch: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(network(pictures.normalize(augment.flip(batch))).float(), labels)

    return step


def supervised(
    pictures: ImageSet, preset: training.Preset, device: torch.device, seed: int = 0, keep: bool = True
) -> nn.Module:
    """A ResNet8 trained with all labels of the classes KNOWN, or with the weights of an earlier run.

    keep: whether weights are looked for, and left, in the folder weights/.
    """
    torch.manual_seed(seed)
    encoder, classifier = ResNet8().to(device), nn.Linear(ResNet8.dim, len(KNOWN)).to(device)
    run = training.Run("supervised-half", preset, pictures, encoder=encoder, classifier=classifier)
    if keep and run.load():
        return encoder
    settings: dict[str, Any] = {"steps": preset.steps("momentum_contrast", "supervised"), "schedule": training.cosine}
    settings |= {"seed": seed, "watch": lambda progress: None}
    images, labels = of_classes(*_split(pictures), KNOWN)
    step = _step(nn.Sequential(encoder, classifier), pictures)
    if not keep:
        training.train([encoder, classifier], step, images, labels, **settings)
        return encoder
    print(f"supervised: training with the labels of {len(KNOWN)} classes, {settings['steps']:,} steps")
    settings["watch"] = plots.Live({"chance": math.log(len(KNOWN))}, name="supervised", ylabel="cross-entropy")
    if not run.train(step, images, labels, **settings):
        raise training.NotFinished("supervised is not finished: run this cell again, and its training goes on")
    return encoder


def _split(pictures: ImageSet) -> tuple[Tensor, Tensor]:
    return pictures.train.images, pictures.train.labels


def finetuned(
    encoder: nn.Module, pictures: ImageSet, images: Tensor, labels: Tensor, steps: int, seed: int
) -> nn.Module:
    """A copy of the encoder with a linear layer on top, all weights trained with these labels; encoder stays."""
    torch.manual_seed(seed)
    device = next(encoder.parameters()).device
    network = nn.Sequential(copy.deepcopy(encoder), nn.Linear(ResNet8.dim, len(NEW)).to(device)).requires_grad_(True)
    recipe: dict[str, Any] = {"steps": steps, "batch_size": 32, "lr": 1e-3, "schedule": training.cosine, "seed": seed}
    step = _step(network, pictures)
    training.train(network, step, images, labels, precision="float32", watch=lambda progress: None, **recipe)
    return network


def finetune_all(
    starts: Mapping[str, nn.Module],
    pictures: ImageSet,
    steps: int,
    draws: Sequence[int] = (0, 1, 2),
    counts: Sequence[int] = LABELS_A_CLASS,
) -> dict[tuple[str, int], list[float]]:
    """Test accuracy on the classes NEW by start and labels a class, one for each draw of labels."""
    train, test = of_classes(*_split(pictures), NEW), of_classes(pictures.test.images, pictures.test.labels, NEW)
    found: dict[tuple[str, int], list[float]] = {}
    for count in counts:
        for draw in draws:
            own = labelled_subset(train[1], count * len(NEW), draw)
            for name, start in starts.items():
                network = finetuned(start, pictures, train[0][own], train[1][own], steps, draw)
                right = probes.share_right(probes.features_of(network, pictures, test[0]), test[1])
                found.setdefault((name, count), []).append(right)
    return found


# --- for the checks ---------------------------------------------------------------------------------------------------


class Mixed(nn.Module):
    """Parameters of several kinds: four axes, two, one; one that is not contiguous; BatchNorm's buffers beside them.

    frozen: "all" of them ask for no gradients, "some" (last.weight and norm.bias) or "none".
    """

    def __init__(self, frozen: str = "none"):
        super().__init__()
        self.conv = nn.Conv2d(2, 3, (1, 2), bias=False)
        self.norm = nn.BatchNorm2d(3)
        self.turned = nn.Parameter(torch.randn(4, 3).T)
        self.last = nn.Linear(4, 2)
        for name, parameter in self.named_parameters():
            some = frozen == "some" and name in ("last.weight", "norm.bias")
            parameter.requires_grad_(not some and frozen != "all")


class Small(nn.Module):
    """Images (B, C, H, W) of `inputs` numbers -> embeddings (B, dim); counts its calls in a buffer."""

    calls: Tensor

    def __init__(self, inputs: int, dim: int, frozen: bool = False):
        super().__init__()
        self.first = nn.Linear(inputs, 5)
        self.norm = nn.BatchNorm1d(5)
        self.last = nn.Linear(5, dim)
        self.register_buffer("calls", torch.tensor(0))
        self.requires_grad_(not frozen)

    def forward(self, images: Tensor) -> Tensor:
        self.calls += 1
        return self.last(torch.tanh(self.norm(self.first(images.flatten(1)))))


class Plane(nn.Module):
    """Images of two numbers (B, 1, 1, 2) -> the plane (B, 2), each number stretched."""

    def __init__(self, frozen: bool = False):
        super().__init__()
        self.stretch = nn.Parameter(torch.ones(2), requires_grad=not frozen)

    def forward(self, images: Tensor) -> Tensor:
        return images.flatten(1) * self.stretch


def asks_for_gradients(module: nn.Module) -> bool:
    """Whether any buffer of the module has a history for autograd."""
    return any(buffer.requires_grad for buffer in module.buffers())
