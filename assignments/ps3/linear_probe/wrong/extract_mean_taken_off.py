"""Takes the mean over the images off each feature: that is another exercise."""

EXERCISE = "probe-extract-features"
MUST_FAIL = ["test_features_are_those_of_eval_mode"]


def extract_features(encoder: nn.Module, images: Tensor, batch_size: int = 256) -> Tensor:
    parameter = next(encoder.parameters(), None)
    device = images.device if parameter is None else parameter.device
    modes = {module: module.training for module in encoder.modules()}
    encoder.eval()
    with torch.no_grad():
        features = [encoder(batch.to(device)).float().cpu() for batch in images.split(batch_size)]
    for module, mode in modes.items():
        module.training = mode
    features = torch.cat(features)
    return features - features.mean(dim=0)
