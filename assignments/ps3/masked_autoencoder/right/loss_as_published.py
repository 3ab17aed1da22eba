"""The published MAE's forward_loss: a gradient may reach the images."""

EXERCISE = "mae-loss"


def mae_loss(imgs, pred, mask, patch_size, normalize_targets=True):
    target = patchify(imgs, patch_size)
    if normalize_targets:
        mean = target.mean(dim=-1, keepdim=True)
        var = target.var(dim=-1, keepdim=True)
        target = (target - mean) / (var + 1.0e-6) ** 0.5
    loss = (pred - target) ** 2
    loss = loss.mean(dim=-1)
    loss = (loss * mask).sum() / mask.sum()
    return loss
