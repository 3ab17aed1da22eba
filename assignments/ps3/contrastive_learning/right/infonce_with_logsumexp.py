"""Log of the sum minus the right logit, with cosine_similarity."""

EXERCISE = "nce-info-nce"


def info_nce(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    logits = F.cosine_similarity(queries[:, None], keys[None], dim=-1) / temperature  # (B, B)
    return (torch.logsumexp(logits, dim=1) - logits.diagonal()).mean()
