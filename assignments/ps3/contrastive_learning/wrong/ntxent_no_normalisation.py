"""Takes dot products for cosine similarities."""

EXERCISE = "nce-nt-xent"
MUST_FAIL = ["test_nt_xent_ignores_lengths", "test_nt_xent_of_all_lengths"]


def nt_xent(view1: Tensor, view2: Tensor, temperature: float) -> Tensor:
    z = torch.cat([view1, view2])
    logits = z @ z.T / temperature
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    logits = logits.masked_fill(itself, float("-inf"))
    partner = torch.arange(len(z), device=z.device).roll(len(view1))
    return F.cross_entropy(logits, partner)
