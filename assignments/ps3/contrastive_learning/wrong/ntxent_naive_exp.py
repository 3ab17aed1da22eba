"""Writes the exponentials out."""

EXERCISE = "nce-nt-xent"
MUST_FAIL = ["test_nt_xent_survives_a_low_temperature", "test_nt_xent_is_finite_when_cold"]


def nt_xent(view1: Tensor, view2: Tensor, temperature: float) -> Tensor:
    z = F.normalize(torch.cat([view1, view2]), dim=1)
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    similar = torch.exp(z @ z.T / temperature).masked_fill(itself, 0.0)
    return -torch.log(similar[itself.roll(len(view1), dims=1)] / similar.sum(dim=1)).mean()
