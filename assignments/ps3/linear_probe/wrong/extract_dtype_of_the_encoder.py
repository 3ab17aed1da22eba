"""Returns whatever dtype the encoder puts out."""

EXERCISE = "probe-extract-features"
MUST_FAIL = ["test_features_are_float32"]


def extract_features(encoder: nn.Module, images: Tensor, batch_size: int = 256) -> Tensor:
    parameter = next(encoder.parameters(), None)
    device = images.device if parameter is None else parameter.device
    modes = {module: module.training for module in encoder.modules()}
    encoder.eval()
    with torch.no_grad():
        features = [encoder(batch.to(device)).cpu() for batch in images.split(batch_size)]
    for module, mode in modes.items():
        module.training = mode
    return torch.cat(features)
