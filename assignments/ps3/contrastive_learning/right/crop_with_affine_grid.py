"""Leaves the grid to affine_grid."""

EXERCISE = "nce-crop-and-resize"


def crop_and_resize(images: Tensor, boxes: Tensor, size: int) -> Tensor:
    top, left, height, width = boxes.to(images.dtype).T
    zero = torch.zeros_like(top)
    across = torch.stack([width, zero, 2 * left + width - 1], dim=1)
    down = torch.stack([zero, height, 2 * top + height - 1], dim=1)
    theta = torch.stack([across, down], dim=1)  # (B, 2, 3)
    grid = F.affine_grid(theta, [len(images), images.shape[1], size, size], align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)
