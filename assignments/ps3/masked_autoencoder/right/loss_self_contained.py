"""Cuts the targets itself with unfold, and takes the mean of chosen rows."""

EXERCISE = "mae-loss"


def mae_loss(images: Tensor, predictions: Tensor, mask: Tensor, patch_size: int, normalize_targets: bool = True):
    windows = images.unfold(2, patch_size, patch_size).unfold(3, patch_size, patch_size)
    targets = windows.permute(0, 2, 3, 4, 5, 1).flatten(3).flatten(1, 2)
    if normalize_targets:
        variance, mean = torch.var_mean(targets, dim=2, keepdim=True)
        targets = (targets - mean) * torch.rsqrt(variance + 1e-6)
    chosen = mask.bool()
    return F.mse_loss(predictions, targets, reduction="none")[chosen].mean()
