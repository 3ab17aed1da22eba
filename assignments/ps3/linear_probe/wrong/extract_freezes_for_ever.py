"""Switches off requires_grad in place of gradients, and leaves it off."""

EXERCISE = "probe-extract-features"
MUST_FAIL = ["test_the_encoder_can_be_trained_afterwards"]


def extract_features(encoder: nn.Module, images: Tensor, batch_size: int = 256) -> Tensor:
    parameter = next(encoder.parameters(), None)
    device = images.device if parameter is None else parameter.device
    modes = {module: module.training for module in encoder.modules()}
    encoder.eval().requires_grad_(False)
    with torch.no_grad():
        features = [encoder(batch.to(device)).float().cpu() for batch in images.split(batch_size)]
    for module, mode in modes.items():
        module.training = mode
    return torch.cat(features)
