"""Newton steps by conjugate gradients on products with the Hessian."""

EXERCISE = "probe-fit"


def fit_linear_probe(features: Tensor, labels: Tensor, num_classes: int, l2: float = 1e-3) -> tuple[Tensor, Tensor]:
    x = torch.cat([features.double(), torch.ones(len(features), 1, dtype=torch.float64)], 1)
    y = F.one_hot(labels, num_classes).double()
    keep = torch.ones(x.shape[1], dtype=torch.float64)
    keep[-1] = 0
    w = torch.zeros(num_classes, x.shape[1], dtype=torch.float64)

    def value(w):
        return -((x @ w.T).log_softmax(1) * y).sum() / len(x) + l2 / 2 * (keep * w * w).sum()

    for _ in range(100):
        p = (x @ w.T).softmax(1)
        g = (p - y).T @ x / len(x) + l2 * keep * w
        if g.abs().max() < 1e-6:
            break

        def hvp(v, p=p):
            u = x @ v.T
            return (p * (u - (p * u).sum(1, keepdim=True))).T @ x / len(x) + l2 * keep * v

        d, r = torch.zeros_like(w), -g
        q, rr = r.clone(), (r * r).sum()
        for _ in range(500):
            hq = hvp(q)
            curvature = (q * hq).sum()
            if curvature <= 1e-300:
                break
            a = rr / curvature
            d, r = d + a * q, r - a * hq
            new = (r * r).sum()
            if new.sqrt() < 1e-3 * g.norm():
                break
            q, rr = r + new / rr * q, new
        step = 1.0
        while value(w + step * d) > value(w) and step > 1e-6:
            step /= 2
        w = w + step * d
    return w[:, :-1].to(features.dtype).contiguous(), w[:, -1].to(features.dtype).contiguous()
