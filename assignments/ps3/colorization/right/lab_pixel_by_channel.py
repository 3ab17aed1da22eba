"""Channel by channel, with boolean masks written into new tensors, as older code does."""

EXERCISE = "color-rgb-to-lab"


def rgb_to_lab(images: Tensor) -> Tensor:
    low = images <= 0.04045
    safe = torch.where(low, torch.ones_like(images), images)
    linear = torch.where(low, images / 12.92, torch.pow((safe + 0.055) / 1.055, 2.4))
    R, G, B = linear[:, 0], linear[:, 1], linear[:, 2]
    planes = []
    for row, white in zip(RGB_TO_XYZ.tolist(), WHITE.tolist(), strict=True):
        t = (row[0] * R + row[1] * G + row[2] * B) / white
        small = t <= (6 / 29) ** 3
        root = torch.where(small, torch.ones_like(t), t).pow(1 / 3)
        planes.append(torch.where(small, t / (3 * (6 / 29) ** 2) + 4 / 29, root))
    fx, fy, fz = planes
    return torch.stack((116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)), 1)
