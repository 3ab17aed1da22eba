"""Makes the steps on the CPU, wherever the images are."""

EXERCISE = "nce-crop-and-resize"
MUST_FAIL = ["test_crop_follows_the_device"]


def crop_and_resize(images: Tensor, boxes: Tensor, size: int) -> Tensor:
    top, left, height, width = boxes.unsqueeze(-1).unbind(dim=1)
    steps = (torch.arange(size, dtype=boxes.dtype) + 0.5) / size
    y = (top + height * steps).unsqueeze(2).expand(-1, -1, size)
    x = (left + width * steps).unsqueeze(1).expand(-1, size, -1)
    grid = torch.stack([x, y], dim=-1).to(images.dtype) * 2 - 1
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
