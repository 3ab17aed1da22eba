"""Takes row r of the image to lie at r / H, without the half pixel, when it mixes neighbours by hand."""

EXERCISE = "nce-crop-and-resize"
MUST_FAIL = ["test_crop_knows_the_centres_of_the_pixels", "test_crop_agrees_with_a_loop"]


def crop_and_resize(images: Tensor, boxes: Tensor, size: int) -> Tensor:
    def hat_weights(start, extent, count):
        steps = (torch.arange(size, device=boxes.device, dtype=boxes.dtype) + 0.5) / size
        place = ((start[:, None] + extent[:, None] * steps) * count).clamp(0, count - 1)
        centres = torch.arange(count, device=boxes.device, dtype=boxes.dtype)
        return (1 - (place[..., None] - centres).abs()).clamp(min=0).to(images.dtype)  # (B, size, count)

    rows = hat_weights(boxes[:, 0], boxes[:, 2], images.shape[2])
    columns = hat_weights(boxes[:, 1], boxes[:, 3], images.shape[3])
    return torch.einsum("bih,bchw,bjw->bcij", rows, images, columns)
