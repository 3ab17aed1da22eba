"""Erases the visible patches in the caller's own predictions."""

EXERCISE = "mae-loss"
MUST_FAIL = ["test_loss_leaves_its_inputs_as_they_are"]


def mae_loss(
    images: Tensor, predictions: Tensor, mask: Tensor, patch_size: int, normalize_targets: bool = True
) -> Tensor:
    targets = patchify(images, patch_size).detach()
    if normalize_targets:
        mean = targets.mean(dim=-1, keepdim=True)
        variance = targets.var(dim=-1, keepdim=True)
        targets = (targets - mean) / (variance + 1e-6).sqrt()
    with torch.no_grad():
        predictions.data.mul_(mask.unsqueeze(-1))
    error = (predictions - targets).square().mean(dim=-1)  # (B, N)
    return (error * mask).sum() / mask.sum()
