"""Judging features, and small parts that the checks use.

Features are (N, D) float, labels (N,) int64, accuracies Python floats from 0 to 1.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ps3.augment import image_gradients
from ps3.data import ImageSet, labelled_subset, to_float
from ps3.training import autocast, faster, seconds_by_precision

LABEL_COUNTS = (500, 1_000, 10_000)


def features_of(encoder: Callable[[Tensor], Tensor], pictures: ImageSet, images: Tensor) -> Tensor:
    """Features (N, D) float32 on the CPU of uint8 images (N, C, H, W).

    encoder: a module, or a method of one such as `encoder.features`; it receives normalised images in batches. Modules
    are in eval mode meanwhile and get their mode back. The first batch decides between float32 and bfloat16 by time.
    """
    module = encoder if isinstance(encoder, nn.Module) else getattr(encoder, "__self__", None)
    parts = list(module.modules()) if isinstance(module, nn.Module) else []
    modes = [part.training for part in parts]
    device = next((p.device for p in module.parameters()), torch.device("cpu")) if parts else torch.device("cpu")
    batches = images.split(250)

    def run(batch: Tensor) -> Tensor:
        return encoder(pictures.normalize(batch.to(device))).float().cpu()

    for part in parts:
        part.training = False
    try:
        with torch.no_grad():
            times = seconds_by_precision(device, lambda: run(batches[0]), repeats=1)
            with autocast(device, faster(times)):
                return torch.cat([run(batch) for batch in batches])
    finally:
        for part, mode in zip(parts, modes, strict=True):
            part.training = mode


def pixels(images: Tensor) -> Tensor:
    """uint8 images (N, C, H, W) themselves as features, (N, C * H * W)."""
    return to_float(images).flatten(1)


def hand_crafted(images: Tensor) -> Tensor:
    """Histograms of gradient directions in 4 x 4 cells, and of colours in 2 x 2 quarters: (N, 384) from uint8."""
    return torch.cat([_hand_crafted(to_float(batch)) for batch in images.split(250)])


def usual_l2(dim: int) -> float:
    """The probe's penalty for D features: 1e-3 for 128, and in proportion, as the squared length of a standardised
    feature vector grows with D. Fixed beforehand, the same for every method; never chosen on the test set.
    """
    return 1e-3 * dim / 128


def probe(train: Tensor, labels: Tensor, test: Tensor, test_labels: Tensor, l2: float | None = None) -> float:
    """Test accuracy of a linear classifier on standardised features (softmax regression, l2 / 2 * |weight|^2)."""
    l2 = usual_l2(train.shape[1]) if l2 is None else l2
    mean, deviation = train.mean(dim=0), train.std(dim=0) + 1e-6
    train, test = (train - mean) / deviation, (test - mean) / deviation
    classes = int(labels.max()) + 1
    matrix = train.new_zeros(classes, train.shape[1] + 1, requires_grad=True)  # the last column is the bias
    solver = torch.optim.LBFGS([matrix], max_iter=200, tolerance_grad=5e-4, line_search_fn="strong_wolfe")

    def scores(features: Tensor) -> Tensor:
        return (matrix[:, :-1] @ features.T + matrix[:, -1:]).T  # this order is twice as fast as features @ weight.T

    def objective() -> Tensor:
        solver.zero_grad()
        loss = F.cross_entropy(scores(train), labels) + l2 / 2 * matrix[:, :-1].square().sum()
        loss.backward()
        return loss

    solver.step(objective)
    with torch.no_grad():
        return (scores(test).argmax(dim=1) == test_labels).double().mean().item()


def probe_curve(
    train: Tensor,
    test: Tensor,
    pictures: ImageSet,
    counts: Sequence[int] = LABEL_COUNTS,
    draws: int = 3,
    l2: float | None = None,
) -> dict[int, list[float]]:
    """Probe accuracies by number of labels, one for each draw of labels, from features of the set's two splits.

    Where all training images are needed there is only one draw.
    """
    found = {}
    for count in counts:
        subsets = [labelled_subset(pictures.train.labels, count, draw) for draw in range(draws)]
        found[count] = [
            probe(train[chosen], pictures.train.labels[chosen], test, pictures.test.labels, l2)
            for chosen in (subsets if count < len(train) else subsets[:1])
        ]
    return found


def nearest(queries: Tensor, features: Tensor, k: int) -> Tensor:
    """Indices (B, k) of the k features with the highest cosine similarity to each query, best first."""
    features = F.normalize(features, dim=1)
    return torch.cat([(part @ features.T).topk(k).indices for part in F.normalize(queries, dim=1).split(500)])


def knn(train: Tensor, labels: Tensor, test: Tensor, test_labels: Tensor, k: int = 20) -> float:
    """Test accuracy of the vote of the k most similar training images (cosine); the nearer wins a tie."""
    votes = F.one_hot(labels[nearest(test, train, k)]).double()  # (N, k, classes)
    weights = 1 - torch.arange(k, dtype=torch.float64) / (1000 * k)
    guesses = (votes * weights.view(-1, 1)).sum(dim=1).argmax(dim=1)
    return (guesses == test_labels).double().mean().item()


def standard_error(accuracy: float, count: int) -> float:
    """Standard error of an accuracy measured on `count` test images; two of them are the usual error bar."""
    return (accuracy * (1 - accuracy) / count) ** 0.5


def layer_features(
    encoder: Callable[[Tensor], Tensor], layers: Sequence[nn.Module], pictures: ImageSet, images: Tensor
) -> list[Tensor]:
    """What each layer puts out while the encoder sees uint8 images, averaged over places: a list of (N, D).

    (B, 1 + N, D) is averaged over the tokens without the first, (B, C, H, W) over the pixels.
    """
    seen: list[list[Tensor]] = [[] for _ in layers]

    def keep(store: list[Tensor]) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: object, output: Tensor) -> None:
            pooled = output[:, 1:].mean(dim=1) if output.ndim == 3 else output.mean(dim=(2, 3))
            store.append(pooled.float().cpu())

        return hook

    handles = [layer.register_forward_hook(keep(store)) for layer, store in zip(layers, seen, strict=True)]
    try:
        features_of(encoder, pictures, images)
    finally:
        for handle in handles:
            handle.remove()
    return [torch.cat(store)[-len(images) :] for store in seen]  # the first batch ran more than once


def _hand_crafted(images: Tensor) -> Tensor:
    across, down = image_gradients(images)
    strength = (across**2 + down**2).sqrt()
    direction = (torch.atan2(down, across) / torch.pi % 1 * 8).long().clamp(max=7)  # eight directions, signs ignored
    edges = torch.zeros(len(images), 8, *images.shape[2:]).scatter_(1, direction, strength)
    edges = F.normalize(F.adaptive_avg_pool2d(edges, 4).flatten(1), dim=1, eps=0.01).sqrt()
    bins = ((images * 4).long().clamp(max=3) * torch.tensor([16, 4, 1]).view(3, 1, 1)).sum(dim=1, keepdim=True)
    colours = torch.zeros(len(images), 64, *images.shape[2:]).scatter_(1, bins, 1.0)
    return torch.cat([edges, F.adaptive_avg_pool2d(colours, 2).flatten(1).sqrt()], dim=1)


class TinyEncoder(nn.Module):
    """Images (B, C, H, W) -> features (B, dim) through a convolution, BatchNorm and Dropout: mode and mean matter."""

    def __init__(self, dim: int = 8, channels: int = 3):
        super().__init__()
        self.conv = nn.Conv2d(channels, dim, 3, padding=1)
        self.norm = nn.BatchNorm2d(dim)
        self.drop = nn.Dropout(0.5)

    def forward(self, images: Tensor) -> Tensor:
        return self.drop(F.relu(self.norm(self.conv(images)))).mean(dim=(2, 3))


class BatchRecorder(nn.Module):
    """Gives back the images as features (B, C * H * W) and remembers how it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[int, bool, bool]] = []

    def forward(self, images: Tensor) -> Tensor:
        self.calls.append((len(images), self.training, torch.is_grad_enabled()))
        return images.flatten(1)

    def seen(self) -> list[tuple[int, bool, bool]]:
        """For each call: the batch size, whether in training mode, whether gradients were on."""
        return list(self.calls)


def noisy_augment(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """The images plus noise drawn from the generator: two calls give two results."""
    device = images.device if generator is None else generator.device
    return images + torch.randn(images.shape, generator=generator, device=device).to(images)


def overfit(
    encoder: nn.Module,
    decoder: nn.Module,
    loss: Callable[[Tensor, Tensor, Tensor, int], Tensor],
    images: Tensor,
    patch_size: int = 4,
    steps: int = 60,
    lr: float = 5e-3,
) -> float:
    """Train a masked autoencoder on one small batch, for a rehearsal; the mean loss of the last ten steps."""
    optimizer = torch.optim.AdamW([*encoder.parameters(), *decoder.parameters()], lr=lr, betas=(0.9, 0.95))
    losses = []
    for _ in range(steps):
        latent, mask, ids_restore = encoder(images)
        value = loss(images, decoder(latent, ids_restore), mask, patch_size)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        losses.append(value.item())
    return sum(losses[-10:]) / len(losses[-10:])
