"""Rescales the boxes in place."""

EXERCISE = "nce-crop-and-resize"
MUST_FAIL = ["test_crop_follows_the_dtype"]


def crop_and_resize(images: Tensor, boxes: Tensor, size: int) -> Tensor:
    boxes.mul_(2)
    top, left, height, width = boxes.unsqueeze(-1).unbind(dim=1)
    steps = (torch.arange(size, device=boxes.device, dtype=boxes.dtype) + 0.5) / size
    y = (top + height * steps).unsqueeze(2).expand(-1, -1, size) - 1
    x = (left + width * steps).unsqueeze(1).expand(-1, size, -1) - 1
    grid = torch.stack([x, y], dim=-1)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
