"""Divides the partner's similarity by the temperature, and no other."""

EXERCISE = "nce-nt-xent"
MUST_FAIL = ["test_nt_xent_uses_the_temperature", "test_nt_xent_agrees_with_a_loop"]


def nt_xent(view1: Tensor, view2: Tensor, temperature: float) -> Tensor:
    z = F.normalize(torch.cat([view1, view2]), dim=1)
    similar = z @ z.T
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    positive = similar[itself.roll(len(view1), dims=1)]
    return (similar.masked_fill(itself, float("-inf")).logsumexp(dim=1) - positive / temperature).mean()
