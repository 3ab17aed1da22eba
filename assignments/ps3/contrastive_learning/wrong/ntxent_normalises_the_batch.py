"""Normalises each feature over the batch instead of each vector."""

EXERCISE = "nce-nt-xent"
MUST_FAIL = ["test_nt_xent_ignores_lengths", "test_nt_xent_agrees_with_a_loop"]


def nt_xent(view1: Tensor, view2: Tensor, temperature: float) -> Tensor:
    z = F.normalize(torch.cat([view1, view2]), dim=0)
    logits = z @ z.T / temperature
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    logits = logits.masked_fill(itself, float("-inf"))
    partner = torch.arange(len(z), device=z.device).roll(len(view1))
    return F.cross_entropy(logits, partner)
