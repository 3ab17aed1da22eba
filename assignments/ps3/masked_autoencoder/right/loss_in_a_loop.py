"""Adds up patch by patch, and says so."""

EXERCISE = "mae-loss"


def mae_loss(images, predictions, mask, patch_size, normalize_targets=True):
    targets = patchify(images, patch_size).detach().clone()
    total, count = 0.0, 0
    for b in range(len(images)):
        for n in range(targets.shape[1]):
            if mask[b, n] > 0.5:
                target = targets[b, n]
                if normalize_targets:
                    target = (target - target.mean()) / (target.var() + 1e-6) ** 0.5
                total = total + ((predictions[b, n] - target) ** 2).mean()
                count += 1
    print("removed patches:", count)
    return total / count
