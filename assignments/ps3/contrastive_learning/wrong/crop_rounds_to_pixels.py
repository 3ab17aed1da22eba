"""Cuts whole pixels out and enlarges the piece."""

EXERCISE = "nce-crop-and-resize"
MUST_FAIL = [
    "test_crop_is_bilinear_between_pixels",
    "test_crop_agrees_with_a_loop",
    "test_crop_of_tiny_boxes_and_outputs",
]


def crop_and_resize(images: Tensor, boxes: Tensor, size: int) -> Tensor:
    H, W = images.shape[2:]
    crops = []
    for image, (top, left, height, width) in zip(images, boxes.tolist(), strict=True):
        y, x = round(top * H), round(left * W)
        piece = image[:, y : y + max(1, round(height * H)), x : x + max(1, round(width * W))]
        crops.append(F.interpolate(piece[None], (size, size), mode="bilinear", align_corners=False)[0])
    return torch.stack(crops)
