"""As MoCo's published code has it, with einsum."""

EXERCISE = "moco-loss"


def moco_loss(queries: Tensor, keys: Tensor, queue: Tensor, temperature: float) -> Tensor:
    q = F.normalize(queries, dim=1)
    with torch.no_grad():
        k = F.normalize(keys, dim=1)
        rows = F.normalize(queue, dim=1).T
    l_pos = torch.einsum("nc,nc->n", [q, k]).unsqueeze(-1)
    l_neg = torch.einsum("nc,ck->nk", [q, rows])
    logits = torch.cat([l_pos, l_neg], dim=1)
    logits /= temperature
    labels = torch.zeros(logits.shape[0], dtype=torch.long, device=logits.device)
    return nn.CrossEntropyLoss()(logits, labels)
