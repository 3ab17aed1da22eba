# %% [markdown]
# # Which network had seen other animals before?

# %% tags=["given"]
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kit import check, ready, written
from ps3 import data, guesses, plots, probes, training
from ps3.transfer import figures, parts, trainings
from ps3.transfer.parts import Classifier


# %% tags=["exercise:transfer-few-labels"]
def few_labels(labels: Tensor, per_class: int, generator: torch.Generator | None = None) -> Tensor:
    """Places of a few labelled images: exactly per_class of every class that occurs in labels (N,), int64.

    Each place once, drawn at random among all places of its class, from the generator if there is one (it lies on
    the labels' device). Answer: (K * per_class,) int64 for K classes, in ascending order. Classes are any whole
    numbers. ValueError where a class has fewer than per_class places.
    """
    ### BEGIN SOLUTION
    chosen = []
    for label in labels.unique():
        places = (labels == label).nonzero().flatten()
        if len(places) < per_class:
            raise ValueError(f"class {int(label)} has {len(places)} labels, fewer than {per_class}")
        order = torch.randperm(len(places), generator=generator, device=labels.device)
        chosen.append(places[order[:per_class]])
    return torch.cat(chosen).sort().values
    ### END SOLUTION


# %% tags=["check:transfer-few-labels"]
check("transfer-few-labels")


# %% tags=["exercise:transfer-load-backbone"]
def load_backbone(network: Classifier, state: dict[str, Tensor]) -> list[str]:
    """Give network.backbone the values of another Classifier's state_dict(); return what was left as it was.

    Every entry of the backbone, buffers too, takes its value; the head stays, whatever the state says of a head
    (it may have another number of classes). The names in state begin with "backbone.", as in network.state_dict().
    ValueError, and nothing has changed, where the state lacks an entry of the backbone, has one under "backbone." that
    the network has not, or one of another shape.
    The answer: the names in network.state_dict() that were left as they were, sorted. The state stays as it is, also
    when the network is trained further; the network keeps its Parameter objects, modes and requires_grad flags.
    """
    ### BEGIN SOLUTION
    prefix = "backbone."
    own = network.state_dict()
    wanted = {name for name in own if name.startswith(prefix)}
    given = {name for name in state if name.startswith(prefix)}
    # Does everything fit?
    if wanted - given:
        raise ValueError(f"the state lacks {', '.join(sorted(wanted - given))}")
    if given - wanted:
        raise ValueError(f"the network has no {', '.join(sorted(given - wanted))}")
    for name in sorted(wanted):
        if state[name].shape != own[name].shape:
            raise ValueError(f"{name} has shape {tuple(state[name].shape)}, not {tuple(own[name].shape)}")
    # Then copy.
    with torch.no_grad():
        for name in wanted:
            own[name].copy_(state[name])
    return sorted(set(own) - wanted)
    ### END SOLUTION


# %% tags=["check:transfer-load-backbone"]
check("transfer-load-backbone")


# %% tags=["exercise:transfer-parameter-groups"]
def parameter_groups(network: Classifier, head_rate: float, backbone_rate: float, decay: float) -> list[dict]:
    """Parameter groups for torch.optim: a list of dicts with the keys "params", "lr" and "weight_decay".

    "params" is a list of the network's own parameters. Each parameter stands in one group, once, also where two parts
    of the backbone share it; no group is empty. The head's have the learning rate head_rate, the backbone's
    backbone_rate. Parameters with two or more axes have the weight decay `decay`, all others 0.
    At backbone_rate 0 the backbone's parameters are left out. The network stays as it is.
    """
    ### BEGIN SOLUTION
    groups = []
    for part, rate in ((network.head, head_rate), (network.backbone, backbone_rate)):
        if part is network.backbone and rate == 0:
            continue
        parameters = list(part.parameters())
        matrices = [parameter for parameter in parameters if parameter.ndim >= 2]
        others = [parameter for parameter in parameters if parameter.ndim < 2]
        groups.append({"params": matrices, "lr": rate, "weight_decay": decay})
        groups.append({"params": others, "lr": rate, "weight_decay": 0.0})
    return [group for group in groups if group["params"]]
    ### END SOLUTION


# %% tags=["check:transfer-parameter-groups"]
check("transfer-parameter-groups")


# %% tags=["exercise:transfer-finetune-step"]
def finetune_step(network: Classifier, images: Tensor, labels: Tensor, head_rate: float, backbone_rate: float) -> float:
    """One step of plain gradient descent on the mean cross-entropy of images (B, C, H, W) with labels (B,).

    The head moves at head_rate, the backbone at backbone_rate: no momentum, no weight decay.
    Head and backbone run in training mode. At backbone_rate 0 the backbone is frozen: it runs in eval mode, and
    nothing of it changes, BatchNorm's running statistics included. In these modes both are left afterwards.
    Gradients that the parameters have from before do not count, and none are left behind (None or zero). Parameter
    objects and requires_grad flags stay. Returns the loss before the step, a Python float.
    """
    ### BEGIN SOLUTION
    frozen = backbone_rate == 0
    network.train()
    network.backbone.train(not frozen)
    network.zero_grad()
    optimizer = torch.optim.SGD(parameter_groups(network, head_rate, backbone_rate, 0.0))
    with torch.set_grad_enabled(not frozen):
        features = network.backbone(images)
    loss = F.cross_entropy(network.head(features), labels)
    loss.backward()
    optimizer.step()
    network.zero_grad()
    return loss.item()
    ### END SOLUTION


# %% tags=["check:transfer-finetune-step"]
check("transfer-finetune-step")

# %% [markdown] tags=["answer:transfer-where-labels-pay"]
# *Your answer here.*

# %% [markdown] tags=["answer:transfer-frozen-or-finetuned"]
# *Your answer here.*

# %% [markdown] tags=["answer:transfer-equal-steps"]
# *Your answer here.*
