"""Cuts one patch after the other with slices; a helper, an extra default argument, and a non-contiguous answer."""

EXERCISE = "mae-patchify"


def flat_patch(images: Tensor, top: int, left: int, size: int) -> Tensor:
    patch = images[:, :, top : top + size, left : left + size]  # (B, C, P, P)
    return patch.permute(0, 2, 3, 1).flatten(1)


def patchify(images: Tensor, patch_size: int, stride: int | None = None) -> Tensor:
    stride = stride or patch_size
    height, width = images.shape[-2:]
    for name, size in (("height", height), ("width", width)):
        if size % patch_size != 0:
            raise ValueError(name + " is not a multiple of the patch size")
    corners = [(top, left) for top in range(0, height, stride) for left in range(0, width, stride)]
    patches = [flat_patch(images, top, left, patch_size) for top, left in corners]
    return torch.stack(patches, dim=-1).transpose(1, 2)
