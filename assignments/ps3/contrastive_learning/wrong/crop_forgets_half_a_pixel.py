"""Takes row r of the image to lie at r / H, without the half pixel, when it mixes neighbours by hand."""

EXERCISE = "nce-crop-and-resize"
MUST_FAIL = ["test_crop_of_whole_pixels_returns_these_pixels", "test_crop_agrees_with_a_loop"]


def crop_and_resize(images: Tensor, boxes: Tensor, size: int) -> Tensor:
    def between(start, extent, count):
        steps = (torch.arange(size, device=boxes.device, dtype=boxes.dtype) + 0.5) / size
        place = ((start[:, None] + extent[:, None] * steps) * count).clamp(0, count - 1)
        centres = torch.arange(count, device=boxes.device, dtype=boxes.dtype)
        return (1 - (place[..., None] - centres).abs()).clamp(min=0).to(images.dtype)  # (B, size, count)

    top, left, height, width = boxes.unbind(dim=1)
    rows, columns = between(top, height, images.shape[2]), between(left, width, images.shape[3])
    return torch.einsum("bih,bchw,bjw->bcij", rows, images, columns)
