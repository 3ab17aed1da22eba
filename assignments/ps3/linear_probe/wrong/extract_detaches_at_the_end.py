"""Detaches the result, but lets torch keep everything for a backward pass meanwhile."""

EXERCISE = "probe-extract-features"
MUST_FAIL = ["test_batches_have_the_size_asked_for"]


def extract_features(encoder: nn.Module, images: Tensor, batch_size: int = 256) -> Tensor:
    parameter = next(encoder.parameters(), None)
    device = images.device if parameter is None else parameter.device
    modes = {module: module.training for module in encoder.modules()}
    encoder.eval()
    features = [encoder(batch.to(device)).detach().float().cpu() for batch in images.split(batch_size)]
    for module, mode in modes.items():
        module.training = mode
    return torch.cat(features)
