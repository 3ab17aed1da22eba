"""Takes i + 1 for the partner of i."""

EXERCISE = "nce-nt-xent"
MUST_FAIL = ["test_nt_xent_finds_the_partner", "test_nt_xent_agrees_with_a_loop"]


def nt_xent(view1: Tensor, view2: Tensor, temperature: float) -> Tensor:
    z = F.normalize(torch.cat([view1, view2]), dim=1)
    logits = z @ z.T / temperature
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    logits = logits.masked_fill(itself, float("-inf"))
    partner = torch.arange(len(z), device=z.device).roll(-1)
    return F.cross_entropy(logits, partner)
