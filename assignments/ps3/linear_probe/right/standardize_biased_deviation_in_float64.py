"""Divides by N, with the square root written out, and notices constant features by their range."""

EXERCISE = "probe-standardize"


def standardize(train: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    wide = train.double()
    mean = wide.sum(dim=0) / len(wide)
    deviation = ((wide - mean) ** 2).mean(dim=0).sqrt()
    constant = train.amax(dim=0) == train.amin(dim=0)
    deviation = torch.where(constant, torch.ones_like(deviation), deviation)
    return ((wide - mean) / deviation).to(train.dtype), ((test.double() - mean) / deviation).to(test.dtype)
