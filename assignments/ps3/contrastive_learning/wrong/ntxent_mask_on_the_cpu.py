"""Makes mask and partners on the CPU, wherever the embeddings are."""

EXERCISE = "nce-nt-xent"
MUST_FAIL = ["test_nt_xent_follows_the_device"]


def nt_xent(view1: Tensor, view2: Tensor, temperature: float) -> Tensor:
    z = F.normalize(torch.cat([view1, view2]), dim=1)
    logits = z @ z.T / temperature
    itself = torch.eye(len(z), dtype=torch.bool)
    logits = logits.masked_fill(itself, float("-inf"))
    partner = torch.arange(len(z)).roll(len(view1))
    return F.cross_entropy(logits, partner)
