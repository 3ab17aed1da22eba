"""Adds 1e-3 to every length so that nobody divides by zero."""

EXERCISE = "nce-info-nce"
MUST_FAIL = ["test_info_nce_of_all_lengths"]


def info_nce(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    logits = (
        (queries / (queries.norm(dim=1, keepdim=True) + 1e-3))
        @ (keys / (keys.norm(dim=1, keepdim=True) + 1e-3)).T
        / temperature
    )
    return F.cross_entropy(logits, torch.arange(len(queries), device=queries.device))
