"""PyTorch Metric Learning's way: lists of positive and negative pairs, less the maximum."""

EXERCISE = "nce-info-nce"


def info_nce(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    mat = F.normalize(queries, dim=1) @ F.normalize(keys, dim=1).t()
    dtype, B = mat.dtype, len(mat)
    matches = torch.eye(B, dtype=torch.uint8, device=mat.device)
    a1, p = torch.where(matches)
    a2, n = torch.where(matches ^ 1)
    pos_pairs = mat[a1, p].unsqueeze(1) / temperature
    neg_pairs = mat[a2, n] / temperature
    n_per_p = (a2.unsqueeze(0) == a1.unsqueeze(1)).to(dtype)
    neg_pairs = neg_pairs * n_per_p
    neg_pairs[n_per_p == 0] = torch.finfo(dtype).min
    max_val = torch.max(pos_pairs, torch.max(neg_pairs, dim=1, keepdim=True)[0]).detach()
    numerator = torch.exp(pos_pairs - max_val).squeeze(1)
    denominator = torch.sum(torch.exp(neg_pairs - max_val), dim=1) + numerator
    return -(pos_pairs.squeeze(1) - max_val.squeeze(1) - torch.log(denominator)).mean()
