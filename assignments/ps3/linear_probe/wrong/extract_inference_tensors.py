"""Uses inference_mode, whose tensors cannot take part in training later."""

EXERCISE = "probe-extract-features"
MUST_FAIL = ["test_features_are_an_ordinary_tensor"]


def extract_features(encoder: nn.Module, images: Tensor, batch_size: int = 256) -> Tensor:
    parameter = next(encoder.parameters(), None)
    device = images.device if parameter is None else parameter.device
    modes = {module: module.training for module in encoder.modules()}
    encoder.eval()
    with torch.inference_mode():
        features = [encoder(batch.to(device)).float().cpu() for batch in images.split(batch_size)]
        joined = torch.cat(features)
    for module, mode in modes.items():
        module.training = mode

    return joined
