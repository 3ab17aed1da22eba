"""Writes the exponentials out."""

EXERCISE = "nce-info-nce"
MUST_FAIL = ["test_info_nce_survives_a_low_temperature", "test_info_nce_is_finite_when_cold"]


def info_nce(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    similar = torch.exp(F.normalize(queries, dim=1) @ F.normalize(keys, dim=1).T / temperature)
    return -torch.log(similar.diagonal() / similar.sum(dim=1)).mean()
