# %% [markdown]
# # What does this unit like?

# %% tags=["given"]
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kit import check, ready, written
from ps3 import data, guesses, plots, training
from ps3.visualizing_units import figures, networks, parts


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

# %% [markdown] tags=["answer:units-what-it-likes"]
# *Your answer here.*

# %% [markdown] tags=["answer:units-layer-by-layer"]
# *Your answer here.*

# %% [markdown] tags=["answer:units-selective-or-chance"]
# *Your answer here.*
