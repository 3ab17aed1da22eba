"""Takes the diagonal out of the table, which then has 2B - 1 columns."""

EXERCISE = "nce-nt-xent"


def nt_xent(view1: Tensor, view2: Tensor, temperature: float) -> Tensor:
    batch = len(view1)
    z = torch.cat([view1, view2])
    z = z / z.norm(dim=1, keepdim=True)
    others = ~torch.eye(2 * batch, dtype=torch.bool, device=z.device)
    logits = (z @ z.T)[others].view(2 * batch, 2 * batch - 1) / temperature
    labels = torch.cat([torch.arange(batch - 1, 2 * batch - 1), torch.arange(batch)]).to(z.device)
    return F.cross_entropy(logits, labels)
