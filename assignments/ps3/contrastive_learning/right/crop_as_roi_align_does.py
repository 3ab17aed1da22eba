"""Clamps places and gathers the four neighbours from the flattened image, as RoIAlign does."""

EXERCISE = "nce-crop-and-resize"


def crop_and_resize(images: Tensor, boxes: Tensor, size: int) -> Tensor:
    B, C, H, W = images.shape
    scale = boxes.new_tensor([H, W, H, W])
    top, left, height, width = (boxes * scale).split(1, dim=1)
    offsets = torch.arange(size, dtype=boxes.dtype, device=boxes.device).add(0.5).div(size)[None]
    y = (top + offsets * height - 0.5).clamp(min=0, max=H - 1)[:, :, None].expand(B, size, size)
    x = (left + offsets * width - 0.5).clamp(min=0, max=W - 1)[:, None, :].expand(B, size, size)
    y0, x0 = y.floor(), x.floor()
    flat, result = images.flatten(2), 0
    for dy in (0, 1):
        for dx in (0, 1):
            weight = (1 - (y - y0 - dy).abs()) * (1 - (x - x0 - dx).abs())
            index = (y0 + dy).clamp(max=H - 1) * W + (x0 + dx).clamp(max=W - 1)
            index = index.long().flatten(1)[:, None].expand(B, C, size * size)
            result = result + flat.gather(2, index).view(B, C, size, size) * weight[:, None].to(images.dtype)
    return result
