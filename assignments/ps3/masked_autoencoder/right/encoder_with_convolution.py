"""Embeds with a convolution, masks by itself: calls no earlier function."""

EXERCISE = "mae-encoder"


class MAEEncoder(MAEEncoderBase):
    def embed(self, images: Tensor) -> Tensor:
        if images.dim() != 4 or images.shape[1] != self.channels or images.shape[2:] != self.image_size:
            raise ValueError(f"expected images of {self.channels} x {self.image_size}")
        p = self.patch_size
        filters = self.patch_embed.weight.reshape(-1, p, p, self.channels).permute(0, 3, 1, 2)
        tokens = F.conv2d(images, filters, self.patch_embed.bias, stride=p).flatten(2).transpose(1, 2)
        return tokens + self.pos_embed[:, 1:]

    def run(self, tokens: Tensor) -> Tensor:
        first = self.cls_token + self.pos_embed[:, :1, :]
        x = torch.cat((first.expand(tokens.shape[0], -1, -1), tokens), dim=1)
        for blk in self.blocks:
            x = blk(x)
        return self.norm(x)

    def forward(self, images, mask_ratio=0.75, noise=None):
        x = self.embed(images)
        count = x.shape[1]
        if noise is None:
            noise = torch.rand(x.shape[:2], device=x.device)
        ids_shuffle = torch.argsort(noise, dim=1)
        ids_restore = torch.argsort(ids_shuffle, dim=1)
        ids_keep = ids_shuffle[:, : int(count * (1 - mask_ratio))]
        mask = torch.ones(x.shape[:2], device=x.device).scatter(1, ids_keep, 0.0)
        return self.run(torch.take_along_dim(x, ids_keep.unsqueeze(-1), dim=1)), mask, ids_restore

    def features(self, images):
        return self.run(self.embed(images))[:, 1:, :].mean(dim=1)
