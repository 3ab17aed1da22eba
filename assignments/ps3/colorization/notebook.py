# %% [markdown]
# # Which colours are the true ones?
#
# Draft.

# %% tags=["given"]
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kit import check, ready, written
from ps3 import data, guesses, plots, probes, training
from ps3.colorization import figures, parts
from ps3.colorization.parts import RGB_TO_XYZ, WHITE


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


# %% [markdown] tags=["answer:color-why-bins"]
# *Your answer here.*

# %% [markdown] tags=["answer:color-what-weights-do"]
# *Your answer here.*

# %% [markdown] tags=["answer:color-what-units-know"]
# *Your answer here.*
