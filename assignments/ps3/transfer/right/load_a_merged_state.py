"""Loads a whole state: the other's backbone, the own head; tried on a copy first."""

EXERCISE = "transfer-load-backbone"


def load_backbone(network: Classifier, state: dict[str, Tensor]) -> list[str]:
    import copy

    left = sorted(name for name in network.state_dict() if name.split(".")[0] != "backbone")
    merged = {name: value for name, value in state.items() if name.split(".")[0] == "backbone"}
    merged |= {name: network.state_dict()[name] for name in left}
    try:
        copy.deepcopy(network).load_state_dict(merged)
    except RuntimeError as error:
        raise ValueError(str(error)) from error
    for name, value in merged.items():
        if value.shape != network.state_dict()[name].shape:
            raise ValueError(name)
    network.load_state_dict(merged)
    return left
