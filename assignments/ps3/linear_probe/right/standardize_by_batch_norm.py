"""Leaves the arithmetic to batch_norm, in float64, with a tiny eps."""

EXERCISE = "probe-standardize"


def standardize(train: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    variance, mean = torch.var_mean(train.double(), dim=0)

    def scaled(part):
        return F.batch_norm(part.double(), mean, variance, eps=1e-12).to(part.dtype)

    return scaled(train), scaled(test)
