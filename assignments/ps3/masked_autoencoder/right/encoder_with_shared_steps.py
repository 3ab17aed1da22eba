"""One helper method for embedding, one for the blocks; class token concatenated before its position is added."""

EXERCISE = "mae-encoder"


class MAEEncoder(MAEEncoderBase):
    def embed(self, images: Tensor) -> Tensor:
        batch, channels, height, width = images.shape
        if channels != self.channels or (height, width) != self.image_size:
            raise ValueError(
                f"expected {self.channels} channels of {self.image_size}, got {channels} of {height, width}"
            )
        patches = patchify(images, self.patch_size)
        return F.linear(patches, self.patch_embed.weight, self.patch_embed.bias) + self.pos_embed[0, 1:]

    def think(self, tokens: Tensor) -> Tensor:
        first = self.cls_token.repeat(tokens.size(0), 1, 1) + self.pos_embed[:, 0:1]
        return self.norm(nn.Sequential(*self.blocks)(torch.hstack([first, tokens])))

    def forward(self, images, mask_ratio=0.75, noise=None, verbose=False):
        visible, mask, ids_restore = random_masking(self.embed(images), mask_ratio, noise)
        if verbose:
            print("visible:", visible.shape[1])
        return [self.think(visible), mask, ids_restore]

    def features(self, images):
        all_tokens = self.think(self.embed(images))
        patches = all_tokens.size(1) - 1
        return (all_tokens.sum(dim=1) - all_tokens[:, 0]) / patches
