"""A dict from (rate, decay) to parameters."""

EXERCISE = "transfer-parameter-groups"


def parameter_groups(network: Classifier, head_rate: float, backbone_rate: float, decay: float) -> list[dict]:
    from collections import defaultdict

    head = {id(p) for p in network.head.parameters()}
    table = defaultdict(list)
    for p in network.parameters():
        if id(p) in head or backbone_rate:
            table[head_rate if id(p) in head else backbone_rate, decay * (len(p.shape) >= 2)].append(p)
    return [dict(params=ps, lr=lr, weight_decay=wd) for (lr, wd), ps in table.items()]
