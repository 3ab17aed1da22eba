"""Writes the whole class, constructor included."""

EXERCISE = "moco-queue"


class Queue(nn.Module):
    def __init__(self, dim: int, size: int):
        super().__init__()
        self.dim, self.size = dim, size
        rows = torch.randn(size, dim)
        self.register_buffer("keys", rows / rows.norm(dim=1, keepdim=True))
        self.register_buffer("pointer", torch.zeros((), dtype=torch.long))

    def enqueue(self, keys: Tensor) -> None:
        if len(keys) > self.size:
            raise ValueError("too many")
        rows = torch.arange(len(keys)).to(self.pointer) + self.pointer
        self.keys.index_copy_(0, rows.remainder(self.size), keys.detach().to(self.keys))
        self.pointer.add_(len(keys)).remainder_(self.size)
