"""Calls nothing that was written before: a convolution embeds, a mask of its own chooses."""

EXERCISE = "mae-encoder"


class MAEEncoder(MAEEncoderBase):
    def tokens(self, images: Tensor) -> Tensor:
        if list(images.shape[1:]) != [self.channels, *self.image_size]:
            raise ValueError(f"images should be {self.channels} x {self.image_size}")
        p = self.patch_size
        kernel = self.patch_embed.weight.unflatten(1, (p, p, self.channels)).permute(0, 3, 1, 2)
        maps = F.conv2d(images, kernel, self.patch_embed.bias, stride=p)  # (B, D, rows, columns)
        return maps.flatten(2).transpose(1, 2) + self.pos_embed[:, 1:]

    def encoded(self, tokens: Tensor) -> Tensor:
        first = (self.cls_token + self.pos_embed[:, :1]).expand(len(tokens), -1, -1)
        x = torch.cat([first, tokens], dim=1)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)

    def forward(self, images: Tensor, mask_ratio: float = 0.75, noise: Tensor | None = None):
        tokens = self.tokens(images)
        batch, count, _ = tokens.shape
        if noise is None:
            noise = torch.rand(batch, count, device=images.device)
        order = noise.argsort(dim=1)
        kept = order[:, : int(count * (1 - mask_ratio))]
        mask = torch.ones(batch, count, device=images.device, dtype=images.dtype).scatter(1, kept, 0)
        visible = torch.take_along_dim(tokens, kept.unsqueeze(-1), dim=1)
        return self.encoded(visible), mask, order.argsort(dim=1)

    def features(self, images: Tensor) -> Tensor:
        return self.encoded(self.tokens(images))[:, 1:].mean(dim=1)
