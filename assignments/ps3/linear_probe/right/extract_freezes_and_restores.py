"""Freezes parameters meanwhile and restores each; set_grad_enabled put back by hand."""

EXERCISE = "probe-extract-features"


def extract_features(encoder: nn.Module, images: Tensor, batch_size: int = 256) -> Tensor:
    was_enabled = torch.is_grad_enabled()
    asked = [p.requires_grad for p in encoder.parameters()]
    modes = [m.training for m in encoder.modules()]
    torch.set_grad_enabled(False)
    encoder.requires_grad_(False).eval()
    where = next(iter(encoder.parameters()), images).device
    steps = range(0, images.size(0), batch_size)
    features = torch.cat([encoder(images[i : i + batch_size].to(where)).to(torch.float32).to("cpu") for i in steps])
    for m, mode in zip(encoder.modules(), modes, strict=True):
        m.train(mode) if not list(m.children()) else setattr(m, "training", mode)
    for p, ask in zip(encoder.parameters(), asked, strict=True):
        p.requires_grad = ask
    torch.set_grad_enabled(was_enabled)
    return features
