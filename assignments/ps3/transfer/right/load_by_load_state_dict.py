"""Checks names and shapes itself, then lets torch load the backbone strictly."""

EXERCISE = "transfer-load-backbone"


def load_backbone(network, state):
    wanted = network.backbone.state_dict()
    given = {k[len("backbone.") :]: v for k, v in state.items() if k.startswith("backbone.")}
    for key in wanted.keys() | given.keys():
        if key not in given or key not in wanted or given[key].shape != wanted[key].shape:
            raise ValueError(f"backbone.{key} does not fit")
    network.backbone.load_state_dict(given, strict=True)
    return sorted(k for k in network.state_dict() if not k.startswith("backbone."))
