"""Four blocks of similarities, each view's turn on its own."""

EXERCISE = "nce-nt-xent"


def nt_xent(view1: Tensor, view2: Tensor, temperature: float) -> Tensor:
    a, b = F.normalize(view1, dim=-1), F.normalize(view2, dim=-1)
    itself = torch.diag(torch.full((len(a),), float("inf"), dtype=a.dtype, device=a.device))
    ab, aa, bb = a @ b.T / temperature, a @ a.T / temperature - itself, b @ b.T / temperature - itself
    right = torch.arange(len(a), device=a.device)
    first = F.cross_entropy(torch.cat([ab, aa], dim=1), right)
    second = F.cross_entropy(torch.cat([ab.T, bb], dim=1), right)
    return 0.5 * (first + second)
