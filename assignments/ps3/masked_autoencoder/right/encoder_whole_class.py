"""Writes the whole class, constructor included, with the same names, and keeps a constant of its own."""

EXERCISE = "mae-encoder"


class MAEEncoder(nn.Module):
    def __init__(self, image_size=(32, 32), patch_size=4, channels=3, dim=128, depth=4, heads=4):
        super().__init__()
        self.shape = (channels, image_size[0], image_size[1])
        self.patch_size = patch_size
        rows, columns = image_size[0] // patch_size, image_size[1] // patch_size
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.blocks = nn.ModuleList([Block(dim, heads) for _ in range(depth)])
        self.cls_token = nn.Parameter(torch.randn(1, 1, dim) / 50)
        self.patch_embed = nn.Linear(channels * patch_size * patch_size, dim)
        self.register_buffer("pos_embed", torch.zeros(1, 1 + rows * columns, dim))
        self.pos_embed[0, 1:] = sincos_positions(dim, rows, columns)
        self.register_buffer("count", torch.tensor(rows * columns), persistent=False)

    def forward(self, images: Tensor, mask_ratio: float = 0.75, noise: Tensor | None = None):
        if images.shape[1:] != self.shape:
            raise ValueError("this image does not fit this encoder")
        x = self.patch_embed(patchify(images, self.patch_size))
        x = x + self.pos_embed[:, 1:, :]
        x, mask, ids_restore = random_masking(x, mask_ratio, noise=noise)
        cls = self.cls_token.expand(x.shape[0], -1, -1) + self.pos_embed[:, :1, :]
        x = torch.cat((cls, x), dim=1)
        for block in self.blocks:
            x = block(x)
        return self.norm(x), mask, ids_restore

    def features(self, images: Tensor) -> Tensor:
        return self.forward(images, mask_ratio=0.0)[0][:, 1:].mean(1)
