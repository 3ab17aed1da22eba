"""Remembers the encoder's own mode only, and gives it to every part of it."""

EXERCISE = "probe-extract-features"
MUST_FAIL = ["test_every_part_gets_its_own_mode_back"]


def extract_features(encoder: nn.Module, images: Tensor, batch_size: int = 256) -> Tensor:
    parameter = next(encoder.parameters(), None)
    device = images.device if parameter is None else parameter.device
    mode = encoder.training
    encoder.eval()
    with torch.no_grad():
        features = [encoder(batch.to(device)).float().cpu() for batch in images.split(batch_size)]
    encoder.train(mode)
    return torch.cat(features)
