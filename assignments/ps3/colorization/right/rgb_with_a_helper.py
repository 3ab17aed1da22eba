"""A helper for each step, matrices written out with full digits, in float64 on the way."""

EXERCISE = "color-lab-to-rgb"


def undo_f(t):
    return torch.where(t >= 6 / 29, t * t * t, (108 / 841) * (t - 4 / 29))


def compress(light):
    light = light.clamp(0, 1)
    return torch.where(light < 0.04045 / 12.92, light * 12.92, light.pow(1 / 2.4).mul(1.055).sub(0.055))


def lab_to_rgb(lab: Tensor) -> Tensor:
    wide = lab.double()
    y = (wide[:, 0] + 16.0) / 116.0
    tall = [undo_f(y + wide[:, 1] / 500.0), undo_f(y), undo_f(y - wide[:, 2] / 200.0)]
    xyz = [part * white for part, white in zip(tall, WHITE.tolist(), strict=True)]
    rows = RGB_TO_XYZ.inverse().tolist()
    light = torch.stack([sum(w * part for w, part in zip(row, xyz, strict=True)) for row in rows], dim=1)
    return compress(light).to(lab.dtype)
