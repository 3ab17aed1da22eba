"""Leaves the images where they are, also when the encoder lives elsewhere."""

EXERCISE = "probe-extract-features"
MUST_FAIL = ["test_batches_go_to_the_encoders_device"]


def extract_features(encoder: nn.Module, images: Tensor, batch_size: int = 256) -> Tensor:
    modes = {module: module.training for module in encoder.modules()}
    encoder.eval()
    with torch.no_grad():
        features = [encoder(batch).float().cpu() for batch in images.split(batch_size)]
    for module, mode in modes.items():
        module.training = mode
    return torch.cat(features)
