"""Uses F.unfold (channel slowest) and then moves the channel to the end."""

EXERCISE = "mae-patchify"


def patchify(images: Tensor, patch_size: int) -> Tensor:
    if images.shape[2] % patch_size != 0 or images.shape[3] % patch_size != 0:
        raise ValueError("image and patch size do not go together")
    x = F.unfold(images, kernel_size=patch_size, stride=patch_size)  # (B, C*P*P, N)
    x = x.unflatten(1, (images.shape[1], patch_size * patch_size))  # (B, C, P*P, N)
    return x.permute(0, 3, 2, 1).flatten(2)
