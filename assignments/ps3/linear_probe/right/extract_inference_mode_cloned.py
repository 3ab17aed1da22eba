"""Runs under inference_mode and clones the result outside, which gives an ordinary tensor."""

EXERCISE = "probe-extract-features"


def extract_features(encoder: nn.Module, images: Tensor, batch_size: int = 256) -> Tensor:
    training = [module for module in encoder.modules() if module.training]
    device = next((p.device for p in encoder.parameters()), torch.device("cpu"))
    encoder.eval()
    with torch.inference_mode():
        features = torch.cat([encoder(part.to(device)).float().cpu() for part in images.split(batch_size)])
    for module in training:
        module.training = True
    print("features of", len(features), "images")
    return features.clone()
