"""Runs the encoder in whatever mode it comes: BatchNorm mixes the batch, Dropout drops."""

EXERCISE = "probe-extract-features"
MUST_FAIL = [
    "test_features_are_those_of_eval_mode",
    "test_the_running_statistics_stay",
    "test_features_do_not_depend_on_the_batch_size",
]


def extract_features(encoder: nn.Module, images: Tensor, batch_size: int = 256) -> Tensor:
    parameter = next(encoder.parameters(), None)
    device = images.device if parameter is None else parameter.device
    with torch.no_grad():
        features = [encoder(batch.to(device)).float().cpu() for batch in images.split(batch_size)]
    return torch.cat(features)
