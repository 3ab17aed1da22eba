"""CLIP's logits with one of its two directions; exp of a log scale."""

EXERCISE = "nce-info-nce"


def info_nce(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    queries = queries / queries.norm(dim=1, keepdim=True)
    keys = keys / keys.norm(dim=1, keepdim=True)
    logit_scale = math.exp(math.log(1 / temperature))
    logits_per_query = logit_scale * queries @ keys.t()
    return F.cross_entropy(
        logits_per_query, torch.arange(len(logits_per_query), device=queries.device, dtype=torch.long)
    )
