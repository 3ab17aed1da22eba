"""Has another default for batch_size."""

EXERCISE = "probe-extract-features"
MUST_FAIL = ["test_the_default_batch_size_is_256"]


def extract_features(encoder: nn.Module, images: Tensor, batch_size: int = 32) -> Tensor:
    parameter = next(encoder.parameters(), None)
    device = images.device if parameter is None else parameter.device
    modes = {module: module.training for module in encoder.modules()}
    encoder.eval()
    with torch.no_grad():
        features = [encoder(batch.to(device)).float().cpu() for batch in images.split(batch_size)]
    for module, mode in modes.items():
        module.training = mode
    return torch.cat(features)
