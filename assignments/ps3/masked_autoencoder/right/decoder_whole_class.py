"""Writes the whole class with the same names; gathers indices of class token and patches at once."""

EXERCISE = "mae-decoder"


class MAEDecoder(nn.Module):
    def __init__(self, image_size=(32, 32), patch_size=4, channels=3, encoder_dim=128, dim=64, depth=1, heads=4):
        super().__init__()
        grid = [size // patch_size for size in image_size]
        self.embed = nn.Linear(encoder_dim, dim)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, dim))
        positions = F.pad(sincos_positions(dim, *grid), (0, 0, 1, 0))
        self.register_buffer("pos_embed", positions[None])
        self.blocks = nn.ModuleList(Block(dim, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(dim, eps=1e-6)
        self.predict = nn.Linear(dim, patch_size * patch_size * channels)

    def forward(self, latent: Tensor, ids_restore: Tensor) -> Tensor:
        x = self.embed(latent)
        batch, seen, dim = x.shape
        x = torch.cat([x, self.mask_token.repeat(batch, ids_restore.shape[1] + 1 - seen, 1)], dim=1)
        ids = torch.cat([torch.zeros_like(ids_restore[:, :1]), ids_restore + 1], dim=1)
        x = torch.take_along_dim(x, ids.unsqueeze(-1), dim=1) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.predict(self.norm(x))[:, 1:, :]
