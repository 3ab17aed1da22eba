"""Supervised contrastive loss with each image a class of its own."""

EXERCISE = "nce-nt-xent"


def nt_xent(view1: Tensor, view2: Tensor, temperature: float) -> Tensor:
    batch = len(view1)
    features = F.normalize(torch.cat([view1, view2]), dim=1)
    mask = torch.eye(batch, dtype=features.dtype, device=features.device).repeat(2, 2)
    anchor_dot_contrast = torch.div(torch.matmul(features, features.T), temperature)
    logits_mask = 1 - torch.eye(2 * batch, dtype=features.dtype, device=features.device)
    logits_max = (anchor_dot_contrast - 1e6 * (1 - logits_mask)).max(dim=1, keepdim=True).values
    logits = anchor_dot_contrast - logits_max.detach()
    mask = mask * logits_mask
    exp_logits = torch.exp(logits.clamp(max=80)) * logits_mask
    log_prob = logits - torch.log(exp_logits.sum(1, keepdim=True))
    return -((mask * log_prob).sum(1) / mask.sum(1)).mean()
