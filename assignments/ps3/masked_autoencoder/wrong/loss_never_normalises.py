"""Never normalises the targets."""

EXERCISE = "mae-loss"
MUST_FAIL = ["test_loss_agrees_with_the_formula", "test_loss_of_knowing_only_the_mean"]


def mae_loss(
    images: Tensor, predictions: Tensor, mask: Tensor, patch_size: int, normalize_targets: bool = True
) -> Tensor:
    targets = patchify(images, patch_size).detach()
    error = (predictions - targets).square().mean(dim=-1)  # (B, N)
    return (error * mask).sum() / mask.sum()
