"""Takes mean and deviation over the whole batch."""

EXERCISE = "mae-loss"
MUST_FAIL = ["test_loss_normalises_each_patch_by_itself", "test_loss_agrees_with_the_formula"]


def mae_loss(
    images: Tensor, predictions: Tensor, mask: Tensor, patch_size: int, normalize_targets: bool = True
) -> Tensor:
    targets = patchify(images, patch_size).detach()
    if normalize_targets:
        mean = targets.mean()
        variance = targets.var()
        targets = (targets - mean) / (variance + 1e-6).sqrt()
    error = (predictions - targets).square().mean(dim=-1)  # (B, N)
    return (error * mask).sum() / mask.sum()
