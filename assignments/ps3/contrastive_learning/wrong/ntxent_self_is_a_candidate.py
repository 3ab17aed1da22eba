"""Lets everyone pick itself."""

EXERCISE = "nce-nt-xent"
MUST_FAIL = ["test_nt_xent_of_equal_embeddings_is_log_of_the_others", "test_nt_xent_agrees_with_a_loop"]


def nt_xent(view1: Tensor, view2: Tensor, temperature: float) -> Tensor:
    z = F.normalize(torch.cat([view1, view2]), dim=1)
    logits = z @ z.T / temperature
    partner = torch.arange(len(z), device=z.device).roll(len(view1))
    return F.cross_entropy(logits, partner)
