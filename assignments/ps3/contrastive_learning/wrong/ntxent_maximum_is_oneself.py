"""Subtracts each row's maximum, which is the similarity with itself, and then leaves that out."""

EXERCISE = "nce-nt-xent"
MUST_FAIL = ["test_nt_xent_is_finite_when_cold"]


def nt_xent(view1: Tensor, view2: Tensor, temperature: float) -> Tensor:
    z = F.normalize(torch.cat([view1, view2]), dim=1)
    logits = z @ z.T / temperature
    logits = logits - logits.max(dim=1, keepdim=True).values.detach()
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    others = logits.exp().masked_fill(itself, 0.0).sum(dim=1)
    return (torch.log(others) - logits[itself.roll(len(view1), dims=1)]).mean()
