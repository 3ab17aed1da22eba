"""Cuts nothing off: runs a copy of the network, which may keep its hook and its mode."""

EXERCISE = "units-activations"


def activations(network: nn.Module, layer: str, images: Tensor, batch_size: int = 256) -> Tensor:
    import copy

    if layer not in [name for name, _ in network.named_modules()]:
        raise ValueError(f"no part {layer}")
    twin = copy.deepcopy(network).eval()
    maps = []
    twin.get_submodule(layer).register_forward_hook(
        lambda part, args, out: maps.append(out.detach().to("cpu", torch.float32))
    )
    home = next((p.device for p in network.parameters()), images.device)
    with torch.no_grad():
        for start in range(0, len(images), batch_size):
            twin(images[start : start + batch_size].to(home))
    return torch.cat(maps, dim=0)
