"""Switches to eval mode and does not switch back."""

EXERCISE = "probe-extract-features"
MUST_FAIL = ["test_the_mode_is_given_back"]


def extract_features(encoder: nn.Module, images: Tensor, batch_size: int = 256) -> Tensor:
    parameter = next(encoder.parameters(), None)
    device = images.device if parameter is None else parameter.device
    encoder.eval()
    with torch.no_grad():
        features = [encoder(batch.to(device)).float().cpu() for batch in images.split(batch_size)]
    return torch.cat(features)
