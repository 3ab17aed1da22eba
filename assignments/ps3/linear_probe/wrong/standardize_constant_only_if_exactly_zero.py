"""Looks for a deviation of exactly 0; rounding makes it something else."""

EXERCISE = "probe-standardize"
MUST_FAIL = ["test_constant_features_of_any_size_become_small"]


def standardize(train: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    mean = train.mean(dim=0)
    deviation = (train - mean).square().mean(dim=0).sqrt()
    deviation = torch.where(deviation == 0, torch.ones_like(deviation), deviation)
    return (train - mean) / deviation, (test - mean) / deviation
