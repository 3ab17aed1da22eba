"""The published MAE's lines, for images that need not be square."""

EXERCISE = "mae-patchify"


def patchify(imgs, patch_size):
    p = patch_size
    if imgs.shape[2] % p != 0 or imgs.shape[3] % p != 0:
        raise ValueError("cannot cut these images")
    h, w = imgs.shape[2] // p, imgs.shape[3] // p
    x = imgs.reshape(shape=(imgs.shape[0], imgs.shape[1], h, p, w, p))
    x = torch.einsum("nchpwq->nhwpqc", x)
    x = x.reshape(shape=(imgs.shape[0], h * w, p**2 * imgs.shape[1]))
    return x
