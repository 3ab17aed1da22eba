"""Repeats the edge by hand before grid_sample, corners aligned."""

EXERCISE = "nce-crop-and-resize"


def crop_and_resize(images: Tensor, boxes: Tensor, size: int) -> Tensor:
    H, W = images.shape[-2:]
    padded = F.pad(images, (1, 1, 1, 1), mode="replicate")
    t = (torch.arange(size, device=images.device, dtype=images.dtype) + 0.5) / size
    boxes = boxes.to(images.dtype)
    y = (boxes[:, 0:1] + t * boxes[:, 2:3]) * H + 0.5  # in padded pixels
    x = (boxes[:, 1:2] + t * boxes[:, 3:4]) * W + 0.5
    gy, gx = 2 * y / (H + 1) - 1, 2 * x / (W + 1) - 1
    grid = torch.stack([gx[:, None, :].repeat(1, size, 1), gy[:, :, None].repeat(1, 1, size)], -1)
    return F.grid_sample(padded, grid, align_corners=True)
