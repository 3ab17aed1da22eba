"""Takes the lengths as constants: values right, gradients not at right angles."""

EXERCISE = "nce-info-nce"
MUST_FAIL = ["test_info_nce_turns_both_inputs", "test_info_nce_gradients"]


def info_nce(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    logits = (
        (queries / queries.norm(dim=1, keepdim=True).detach())
        @ (keys / keys.norm(dim=1, keepdim=True).detach()).T
        / temperature
    )
    return F.cross_entropy(logits, torch.arange(len(queries), device=queries.device))
