"""Adds a small number inside the logarithm so that it is never infinite."""

EXERCISE = "nce-info-nce"
MUST_FAIL = ["test_info_nce_survives_a_low_temperature", "test_info_nce_is_finite_when_cold"]


def info_nce(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    picks = torch.softmax(F.normalize(queries, dim=1) @ F.normalize(keys, dim=1).T / temperature, dim=1)
    return -torch.log(picks.diagonal() + 1e-8).mean()
