"""Reads black beyond the outermost pixel centres."""

EXERCISE = "nce-crop-and-resize"
MUST_FAIL = ["test_crop_repeats_the_edge", "test_crop_at_the_border"]


def crop_and_resize(images: Tensor, boxes: Tensor, size: int) -> Tensor:
    top, left, height, width = boxes.unsqueeze(-1).unbind(dim=1)
    steps = (torch.arange(size, device=boxes.device, dtype=boxes.dtype) + 0.5) / size
    y = (top + height * steps).unsqueeze(2).expand(-1, -1, size)
    x = (left + width * steps).unsqueeze(1).expand(-1, size, -1)
    grid = torch.stack([x, y], dim=-1).to(images.dtype) * 2 - 1
    return F.grid_sample(images, grid, mode="bilinear", align_corners=False)
