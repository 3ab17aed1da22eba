"""Cuts the targets itself, with the channel slowest inside a patch."""

EXERCISE = "mae-loss"
MUST_FAIL = ["test_loss_of_a_perfect_prediction_is_zero", "test_loss_agrees_with_the_formula"]


def mae_loss(
    images: Tensor, predictions: Tensor, mask: Tensor, patch_size: int, normalize_targets: bool = True
) -> Tensor:
    batch, channels = images.shape[:2]
    x = F.unfold(images, kernel_size=patch_size, stride=patch_size)  # (B, C*P*P, N)
    targets = x.transpose(1, 2).detach()
    if normalize_targets:
        mean = targets.mean(dim=-1, keepdim=True)
        variance = targets.var(dim=-1, keepdim=True)
        targets = (targets - mean) / (variance + 1e-6).sqrt()
    error = (predictions - targets).square().mean(dim=-1)  # (B, N)
    return (error * mask).sum() / mask.sum()
