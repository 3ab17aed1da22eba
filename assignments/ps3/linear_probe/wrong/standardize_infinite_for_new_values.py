"""Sets constant features to 0 in train only: in test they are divided by 0."""

EXERCISE = "probe-standardize"
MUST_FAIL = ["test_constant_features_of_any_size_become_small"]


def standardize(train: Tensor, test: Tensor) -> tuple[Tensor, Tensor]:
    exact = train.double()
    mean, deviation = exact.mean(dim=0), exact.std(dim=0)
    deviation = torch.where(exact.amax(dim=0) == exact.amin(dim=0), 0.0, deviation)
    first = torch.nan_to_num((exact - mean) / deviation, nan=0.0, posinf=0.0, neginf=0.0)
    return first.to(train.dtype), ((test.double() - mean) / deviation).to(test.dtype)
