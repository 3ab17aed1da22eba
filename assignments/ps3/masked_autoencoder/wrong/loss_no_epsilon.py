"""Divides by the bare deviation: a patch of one colour gives NaN."""

EXERCISE = "mae-loss"
MUST_FAIL = ["test_loss_of_a_patch_of_one_colour"]


def mae_loss(
    images: Tensor, predictions: Tensor, mask: Tensor, patch_size: int, normalize_targets: bool = True
) -> Tensor:
    targets = patchify(images, patch_size).detach()
    if normalize_targets:
        mean = targets.mean(dim=-1, keepdim=True)
        variance = targets.var(dim=-1, keepdim=True)
        targets = (targets - mean) / (variance).sqrt()
    error = (predictions - targets).square().mean(dim=-1)  # (B, N)
    return (error * mask).sum() / mask.sum()
