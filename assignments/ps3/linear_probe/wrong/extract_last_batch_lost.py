"""Counts full batches only: images at the end are lost."""

EXERCISE = "probe-extract-features"
MUST_FAIL = ["test_no_image_is_lost_and_the_order_is_kept", "test_features_do_not_depend_on_the_batch_size"]


def extract_features(encoder: nn.Module, images: Tensor, batch_size: int = 256) -> Tensor:
    parameter = next(encoder.parameters(), None)
    device = images.device if parameter is None else parameter.device
    modes = {module: module.training for module in encoder.modules()}
    encoder.eval()
    with torch.no_grad():
        features = [
            encoder(batch.to(device)).float().cpu()
            for batch in images[: max(len(images) // batch_size, 1) * batch_size].split(batch_size)
        ]
    for module, mode in modes.items():
        module.training = mode
    return torch.cat(features)
