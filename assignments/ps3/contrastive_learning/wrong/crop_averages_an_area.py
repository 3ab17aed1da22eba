"""Averages over all the pixels that an output pixel covers, as a good thumbnail does."""

EXERCISE = "nce-crop-and-resize"
MUST_FAIL = ["test_crop_does_not_antialias", "test_crop_agrees_with_a_loop"]


def crop_and_resize(images: Tensor, boxes: Tensor, size: int) -> Tensor:
    H, W = images.shape[2:]
    crops = []
    for image, (top, left, height, width) in zip(images, boxes.tolist(), strict=True):
        y, x = round(top * H), round(left * W)
        piece = image[:, y : y + max(1, round(height * H)), x : x + max(1, round(width * W))]
        crops.append(F.interpolate(piece[None], (size, size), mode="bilinear", antialias=True)[0])
    return torch.stack(crops)
