"""Takes for granted that an encoder has parameters."""

EXERCISE = "probe-extract-features"
MUST_FAIL = ["test_no_image_is_lost_and_the_order_is_kept"]


def extract_features(encoder: nn.Module, images: Tensor, batch_size: int = 256) -> Tensor:
    device = next(encoder.parameters()).device
    modes = {module: module.training for module in encoder.modules()}
    encoder.eval()
    with torch.no_grad():
        features = [encoder(batch.to(device)).float().cpu() for batch in images.split(batch_size)]
    for module, mode in modes.items():
        module.training = mode
    return torch.cat(features)
