"""A convolution with stride P whose filters each pick one number."""

EXERCISE = "mae-patchify"


def patchify(images: Tensor, patch_size: int) -> Tensor:
    channels, height, width = images.shape[1:]
    if height % patch_size or width % patch_size:
        raise ValueError(f"{height}x{width} images cannot be cut into patches of {patch_size}")
    length = channels * patch_size**2
    pick = torch.eye(length, dtype=images.dtype, device=images.device)
    pick = pick.reshape(length, patch_size, patch_size, channels).permute(0, 3, 1, 2)
    return F.conv2d(images, pick, stride=patch_size).flatten(2).transpose(1, 2)
