"""Takes the last two numbers of a box for its bottom and right side."""

EXERCISE = "nce-crop-and-resize"
MUST_FAIL = ["test_crop_reads_height_and_width_rather_than_corners", "test_crop_agrees_with_a_loop"]


def crop_and_resize(images: Tensor, boxes: Tensor, size: int) -> Tensor:
    top, left, height, width = boxes.unsqueeze(-1).unbind(dim=1)
    steps = (torch.arange(size, device=boxes.device, dtype=boxes.dtype) + 0.5) / size
    y = (top + (height - top) * steps).unsqueeze(2).expand(-1, -1, size)
    x = (left + (width - left) * steps).unsqueeze(1).expand(-1, size, -1)
    grid = torch.stack([x, y], dim=-1).to(images.dtype) * 2 - 1
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
