"""Interleaves the views, so that partners stand side by side."""

EXERCISE = "nce-nt-xent"


def nt_xent(view1: Tensor, view2: Tensor, temperature: float) -> Tensor:
    z = F.normalize(torch.stack([view1, view2], dim=1).flatten(0, 1), dim=1)  # a1 a2 b1 b2 ...
    logits = torch.mm(z, z.t()) / temperature
    logits = logits - 1e9 * torch.eye(len(z), dtype=z.dtype, device=z.device)
    partner = torch.arange(len(z), device=z.device) ^ 1
    return -logits.log_softmax(dim=1).gather(1, partner[:, None]).mean()
