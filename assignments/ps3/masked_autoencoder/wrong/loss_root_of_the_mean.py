"""Takes the root of the mean squared error."""

EXERCISE = "mae-loss"
MUST_FAIL = ["test_loss_of_one_removed_patch", "test_loss_of_plain_targets_agrees_with_the_formula"]


def mae_loss(
    images: Tensor, predictions: Tensor, mask: Tensor, patch_size: int, normalize_targets: bool = True
) -> Tensor:
    targets = patchify(images, patch_size).detach()
    if normalize_targets:
        mean = targets.mean(dim=-1, keepdim=True)
        variance = targets.var(dim=-1, keepdim=True)
        targets = (targets - mean) / (variance + 1e-6).sqrt()
    error = (predictions - targets).square().mean(dim=-1)  # (B, N)
    return ((error * mask).sum() / mask.sum()).sqrt()
