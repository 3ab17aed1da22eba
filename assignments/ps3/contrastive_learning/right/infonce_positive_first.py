"""MoCo's way: the positive logit first, the negatives behind it, label 0."""

EXERCISE = "nce-info-nce"


def info_nce(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    q, k = F.normalize(queries, dim=1), F.normalize(keys, dim=1)
    B = q.shape[0]
    l_pos = torch.einsum("nc,nc->n", [q, k]).unsqueeze(-1)
    everything = torch.einsum("nc,kc->nk", [q, k])
    l_neg = everything[~torch.eye(B, dtype=torch.bool, device=q.device)].view(B, B - 1)
    logits = torch.cat([l_pos, l_neg], dim=1) / temperature
    labels = torch.zeros(B, dtype=torch.long).to(q.device)
    return nn.CrossEntropyLoss()(logits, labels)
