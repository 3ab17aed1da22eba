"""Uses std_mean and a nested helper; sets features without variation to 0."""

EXERCISE = "probe-standardize"


def standardize(train: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    deviation, mean = torch.std_mean(train.to(torch.float64), dim=0)
    flat = deviation < 1e-7 * (1 + mean.abs())

    def scaled(part):
        z = (part.to(torch.float64) - mean) / torch.where(flat, 1.0, deviation)
        return torch.where(flat, torch.zeros_like(z), z).to(part.dtype)

    return scaled(train), scaled(test)
