"""Embedding by embedding, as the equation in the paper reads."""

EXERCISE = "nce-nt-xent"


def nt_xent(view1: Tensor, view2: Tensor, temperature: float) -> Tensor:
    everyone = [*view1, *view2]
    batch = len(view1)

    def similarity(a, b):
        return torch.dot(a, b) / (a.norm() * b.norm())

    losses = []
    for i in range(2 * batch):
        others = [similarity(everyone[i], everyone[k]) / temperature for k in range(2 * batch) if k != i]
        partner = similarity(everyone[i], everyone[(i + batch) % (2 * batch)]) / temperature
        losses.append(torch.logsumexp(torch.stack(others), dim=0) - partner)
    return sum(losses) / len(losses)
