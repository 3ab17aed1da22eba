"""Stops the gradient at the second view."""

EXERCISE = "nce-nt-xent"
MUST_FAIL = ["test_nt_xent_turns_both_inputs", "test_nt_xent_gradients"]


def nt_xent(view1: Tensor, view2: Tensor, temperature: float) -> Tensor:
    z = F.normalize(torch.cat([view1, view2.detach()]), dim=1)
    logits = z @ z.T / temperature
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    logits = logits.masked_fill(itself, float("-inf"))
    partner = torch.arange(len(z), device=z.device).roll(len(view1))
    return F.cross_entropy(logits, partner)
