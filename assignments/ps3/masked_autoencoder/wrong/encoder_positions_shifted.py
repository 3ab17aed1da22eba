"""Gives patch n the position of row n: the class token's row goes to the first patch."""

EXERCISE = "mae-encoder"
MUST_FAIL = [
    "test_encoder_agrees_with_the_sequence_written_out",
    "test_encoder_features_agree_with_the_sequence_written_out",
]


class MAEEncoder(MAEEncoderBase):
    def forward(self, images: Tensor, mask_ratio: float = 0.75, noise: Tensor | None = None):
        self._check(images)
        tokens = self.patch_embed(patchify(images, self.patch_size)) + self.pos_embed[:, :-1]
        visible, mask, ids_restore = random_masking(tokens, mask_ratio, noise)
        cls_token = (self.cls_token + self.pos_embed[:, :1]).expand(len(images), -1, -1)
        x = torch.cat([cls_token, visible], dim=1)
        for block in self.blocks:
            x = block(x)
        return self.norm(x), mask, ids_restore

    def features(self, images: Tensor) -> Tensor:
        self._check(images)
        tokens = self.patch_embed(patchify(images, self.patch_size)) + self.pos_embed[:, :-1]
        cls_token = (self.cls_token + self.pos_embed[:, :1]).expand(len(images), -1, -1)
        x = torch.cat([cls_token, tokens], dim=1)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)[:, 1:].mean(dim=1)

    def _check(self, images: Tensor) -> None:
        if tuple(images.shape[1:]) != (self.channels, *self.image_size):
            raise ValueError(f"this encoder reads {self.channels} channels of {self.image_size}")
