"""Returns the right value without a gradient."""

EXERCISE = "mae-loss"
MUST_FAIL = ["test_loss_has_no_gradient_on_visible_patches", "test_loss_has_the_gradient_of_the_formula"]


def mae_loss(
    images: Tensor, predictions: Tensor, mask: Tensor, patch_size: int, normalize_targets: bool = True
) -> Tensor:
    targets = patchify(images, patch_size).detach()
    if normalize_targets:
        mean = targets.mean(dim=-1, keepdim=True)
        variance = targets.var(dim=-1, keepdim=True)
        targets = (targets - mean) / (variance + 1e-6).sqrt()
    error = (predictions.detach() - targets).square().mean(dim=-1)  # (B, N)
    return (error * mask).sum() / mask.sum()
