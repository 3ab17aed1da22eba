"""Walks over parameters and buffers and fills `.data`."""

EXERCISE = "transfer-load-backbone"


def load_backbone(network, state):
    mine = dict(network.backbone.named_parameters(prefix="backbone")) | dict(
        network.backbone.named_buffers(prefix="backbone")
    )
    theirs = [k for k in state if k.partition(".")[0] == "backbone"]
    problems = [k for k in mine if k not in state] + [k for k in theirs if k not in mine]
    problems += [k for k in theirs if k in mine and mine[k].size() != state[k].size()]
    if problems:
        raise ValueError(", ".join(problems))
    for k in theirs:
        mine[k].data[...] = state[k]
    left = list(set(network.state_dict().keys()) - set(mine))
    left.sort()
    return left
