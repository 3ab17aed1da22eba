"""Reads rows, then columns, with numpy's interp, whose ends repeat."""

EXERCISE = "nce-crop-and-resize"


def crop_and_resize(images: Tensor, boxes: Tensor, size: int) -> Tensor:
    from functools import partial

    import numpy as np

    pictures, middles = images.cpu().numpy(), (np.arange(size) + 0.5) / size
    crops = []
    for picture, (top, left, height, width) in zip(pictures, boxes.cpu().numpy(), strict=True):
        H, W = picture.shape[1:]
        y, x = (top + height * middles) * H - 0.5, (left + width * middles) * W - 0.5
        rows = np.apply_along_axis(partial(np.interp, y, np.arange(H)), 1, picture)
        crops.append(np.apply_along_axis(partial(np.interp, x, np.arange(W)), 2, rows))
    return torch.from_numpy(np.stack(crops)).to(images)
