"""One group for every parameter."""

EXERCISE = "transfer-parameter-groups"


def parameter_groups(network, head_rate, backbone_rate, decay):
    groups = []
    for name, p in network.named_parameters():
        rate = head_rate if name.split(".")[0] == "head" else backbone_rate
        if name.startswith("backbone.") and backbone_rate == 0:
            continue
        groups.append({"params": [p], "lr": rate, "weight_decay": decay if p.dim() > 1 else 0, "name": name})
    return groups
