"""The published MAE's lines, with rows and columns of their own."""

EXERCISE = "mae-unpatchify"


def unpatchify(x, patch_size, image_size):
    p = patch_size
    h, w = image_size[0] // p, image_size[1] // p
    if h * w != x.shape[1] or h * p != image_size[0] or w * p != image_size[1] or x.shape[2] % p**2:
        raise ValueError("these patches do not make this image")
    x = x.reshape(shape=(x.shape[0], h, w, p, p, -1))
    x = torch.einsum("nhwpqc->nchpwq", x)
    return x.reshape(shape=(x.shape[0], x.shape[1], h * p, w * p))
