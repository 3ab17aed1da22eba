"""Takes any image that has the right number of patches."""

EXERCISE = "mae-encoder"
MUST_FAIL = ["test_encoder_refuses_images_of_another_size", "test_encoder_refuses_what_does_not_fit"]


class MAEEncoder(MAEEncoderBase):
    def forward(self, images: Tensor, mask_ratio: float = 0.75, noise: Tensor | None = None):
        tokens = self.patch_embed(patchify(images, self.patch_size)) + self.pos_embed[:, 1:]
        visible, mask, ids_restore = random_masking(tokens, mask_ratio, noise)
        cls_token = (self.cls_token + self.pos_embed[:, :1]).expand(len(images), -1, -1)
        x = torch.cat([cls_token, visible], dim=1)
        for block in self.blocks:
            x = block(x)
        return self.norm(x), mask, ids_restore

    def features(self, images: Tensor) -> Tensor:
        tokens = self.patch_embed(patchify(images, self.patch_size)) + self.pos_embed[:, 1:]
        cls_token = (self.cls_token + self.pos_embed[:, :1]).expand(len(images), -1, -1)
        x = torch.cat([cls_token, tokens], dim=1)
        for block in self.blocks:
            x = block(x)
        return self.norm(x)[:, 1:].mean(dim=1)
