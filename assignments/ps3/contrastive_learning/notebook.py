# %% [markdown]
# # 2. Which two belong together?

# %% tags=["given"]
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kit import check

# %% [markdown]
# ## 2.1 Crop and resize


# %% tags=["exercise:nce-crop-and-resize"]
def crop_and_resize(images: Tensor, boxes: Tensor, size: int) -> Tensor:
    """Cut one box out of each image (B, C, H, W) and resample it to (B, C, size, size).

    boxes (B, 4): top, left, height, width, as fractions of the image's height and width; a box lies within its image.
    Output row i looks at (i + 0.5) / size of the box's height, column j at (j + 0.5) / size of its width.
    The centre of an image's pixel row r lies at (r + 0.5) / H, of its column c at (c + 0.5) / W.
    Between pixel centres: bilinear. Beyond the outermost centres the edge repeats. No antialiasing.
    """
    ### BEGIN SOLUTION
    top, left, height, width = boxes.unsqueeze(-1).unbind(dim=1)  # each (B, 1)
    steps = (torch.arange(size, device=boxes.device, dtype=boxes.dtype) + 0.5) / size
    y = (top + height * steps).unsqueeze(2).expand(-1, -1, size)  # (B, size, size), as fractions
    x = (left + width * steps).unsqueeze(1).expand(-1, size, -1)
    grid = torch.stack([x, y], dim=-1).to(images.dtype) * 2 - 1  # from 0..1 to -1..1
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
    ### END SOLUTION


# %% tags=["check:nce-crop-and-resize"]
check("nce-crop-and-resize")

# %% [markdown]
# ## 2.2 Two views


# %% tags=["exercise:nce-two-views"]
def two_views(images: Tensor, augment, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    """Two augmented versions of the same images (B, C, H, W): the tuple (view1, view2).

    Calls augment(images, generator) twice, with both arguments by position; what the first call returns is view1.
    generator is passed on as it is, also when it is None. Views are returned as augment made them.
    """
    ### BEGIN SOLUTION
    view1 = augment(images, generator)
    view2 = augment(images, generator)
    return view1, view2
    ### END SOLUTION


# %% tags=["check:nce-two-views"]
check("nce-two-views")

# %% [markdown]
# ## 2.3 InfoNCE


# %% tags=["exercise:nce-info-nce"]
def info_nce(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    """How hard is it for query i to pick key i among all the keys? queries (B, D), keys (B, D) -> scalar.

    Logits: cosine similarities of every query with every key, over the temperature.
    The answer is the cross-entropy of picking key i, averaged over the rows i. One direction: queries pick keys.
    Lengths from 1e-3 to 1e3 and temperatures down to 0.005 give a finite answer; gradients flow to both inputs.
    """
    ### BEGIN SOLUTION
    logits = F.normalize(queries, dim=1) @ F.normalize(keys, dim=1).T / temperature  # (B, B)
    return F.cross_entropy(logits, torch.arange(len(queries), device=queries.device))
    ### END SOLUTION


# %% tags=["check:nce-info-nce"]
check("nce-info-nce")

# %% [markdown]
# ## 2.4 NT-Xent


# %% tags=["exercise:nce-nt-xent"]
def nt_xent(view1: Tensor, view2: Tensor, temperature: float) -> Tensor:
    """SimCLR's loss for two views (B, D) of the same B images -> scalar.

    All 2B embeddings take their turn. Each must pick its partner, the other view of its image, among the 2B - 1
    embeddings that are not itself: cross-entropy over cosine similarities, divided by the temperature.
    The answer is the mean over the 2B turns.
    Lengths from 1e-3 to 1e3 and temperatures down to 0.005 give a finite answer; gradients flow to both inputs.
    """
    ### BEGIN SOLUTION
    # Put the views below each other and compare everyone with everyone.
    z = F.normalize(torch.cat([view1, view2]), dim=1)  # (2B, D)
    logits = z @ z.T / temperature  # (2B, 2B)
    # Nobody may pick itself.
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    logits = logits.masked_fill(itself, float("-inf"))
    # The partner of i stands B places further on, around the end.
    partner = torch.arange(len(z), device=z.device).roll(len(view1))
    return F.cross_entropy(logits, partner)
    ### END SOLUTION


# %% tags=["check:nce-nt-xent"]
check("nce-nt-xent")

# %% [markdown]
# ## Questions

# %% [markdown] tags=["answer:nce-missing-exp"]
# *Your answer here.*

# %% [markdown] tags=["answer:nce-no-augmentation"]
# *Your answer here.*

# %% [markdown] tags=["answer:nce-why-colour"]
# *Your answer here.*
