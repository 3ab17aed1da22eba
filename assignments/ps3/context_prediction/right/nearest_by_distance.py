"""Takes the distance of vectors of length 1, which goes the other way than their cosine."""

EXERCISE = "context-nearest"


def nearest_neighbours(queries: Tensor, gallery: Tensor, k: int, exclude: Tensor | None = None) -> Tensor:
    q = queries / queries.norm(dim=1, keepdim=True)
    g = gallery / gallery.norm(dim=1, keepdim=True)
    distance = (q[:, None] - g[None]).square().sum(dim=2)
    if exclude is not None:
        distance[torch.arange(len(q), device=q.device), exclude] = float("inf")
    return distance.sort(dim=1).indices[:, :k].clone()
