"""Normalises in place."""

EXERCISE = "nce-nt-xent"
MUST_FAIL = ["test_nt_xent_follows_the_dtype"]


def nt_xent(view1: Tensor, view2: Tensor, temperature: float) -> Tensor:
    for view in (view1, view2):
        view.div_(view.norm(dim=1, keepdim=True))
    z = torch.cat([view1, view2])
    logits = z @ z.T / temperature
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    logits = logits.masked_fill(itself, float("-inf"))
    partner = torch.arange(len(z), device=z.device).roll(len(view1))
    return F.cross_entropy(logits, partner)
