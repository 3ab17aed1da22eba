"""Collects numpy arrays and stacks them."""

EXERCISE = "probe-extract-features"


def extract_features(encoder: nn.Module, images: Tensor, batch_size: int = 256) -> Tensor:
    import numpy as np

    states = {m: m.training for m in encoder.modules()}
    for m in states:
        m.training = False
    parameters = list(encoder.parameters())
    out = []
    for batch in torch.split(images, batch_size):
        with torch.no_grad():
            f = encoder(batch.to(parameters[0].device) if parameters else batch)
        out.append(f.detach().cpu().numpy().astype(np.float32))
    for m, mode in states.items():
        m.training = mode
    return torch.from_numpy(np.concatenate(out, axis=0))
