"""Puts a listening forward in the place of the part's own, and takes it away again; in inference mode."""

EXERCISE = "units-activations"


@torch.inference_mode()
def _run(network, images, batch_size, device):
    for batch in images.split(batch_size):
        network(batch.to(device))


def activations(network: nn.Module, layer: str, images: Tensor, batch_size: int = 256) -> Tensor:
    part = next((part for name, part in network.named_modules() if name == layer), None)
    if part is None:
        raise ValueError(f"there is no {layer!r}")
    before, found = {module: module.training for module in network.modules()}, []
    usual = part.forward

    def listening(*args, **kwargs):
        result = usual(*args, **kwargs)
        found.append(result.to(device="cpu", dtype=torch.float32))
        return result

    part.forward = listening
    network.eval()
    try:
        places = [parameter.device for parameter in network.parameters()] + [images.device]
        _run(network, images, batch_size, places[0])
    finally:
        del part.forward
        for module, flag in before.items():
            module.training = flag
    return torch.vstack(found)
