"""Given parts of the lesson on colourisation: constants of colour, the bins, the network."""

import torch
from torch import Tensor

# Linear sRGB to XYZ, and the white of a screen (D65): IEC 61966-2-1, with the digits of B. Lindbloom's tables.
RGB_TO_XYZ = torch.tensor(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]],
    dtype=torch.float64,
)
WHITE = torch.tensor([0.95047, 1.0, 1.08883], dtype=torch.float64)
