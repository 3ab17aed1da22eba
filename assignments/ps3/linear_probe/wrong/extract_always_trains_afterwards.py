"""Switches everything to training mode afterwards, whatever it was before."""

EXERCISE = "probe-extract-features"
MUST_FAIL = ["test_the_mode_is_given_back", "test_every_part_gets_its_own_mode_back"]


def extract_features(encoder: nn.Module, images: Tensor, batch_size: int = 256) -> Tensor:
    parameter = next(encoder.parameters(), None)
    device = images.device if parameter is None else parameter.device
    encoder.eval()
    with torch.no_grad():
        features = [encoder(batch.to(device)).float().cpu() for batch in images.split(batch_size)]
    encoder.train()
    return torch.cat(features)
