"""Chooses the removed patches by index, so that the visible ones never enter."""

EXERCISE = "mae-loss"


def mae_loss(
    images: Tensor, predictions: Tensor, mask: Tensor, patch_size: int, normalize_targets: bool = True
) -> Tensor:
    with torch.no_grad():
        targets = patchify(images, patch_size)
        if normalize_targets:
            deviation, mean = torch.std_mean(targets, dim=-1, keepdim=True)
            targets = (targets - mean) / torch.sqrt(deviation**2 + 1e-6)
    removed = mask == 1
    return F.mse_loss(predictions[removed], targets[removed])
