"""torch.cdist over a flattened list of pixels, without its matrix products."""

EXERCISE = "color-nearest-bins"


def nearest_bins(ab: Tensor, centres: Tensor) -> Tensor:
    B, _, H, W = ab.shape
    pixels = ab.permute(0, 2, 3, 1).reshape(-1, 2)
    distances = torch.cdist(pixels, centres, compute_mode="donot_use_mm_for_euclid_dist")
    return distances.min(dim=1).indices.reshape(B, H, W)
