"""The published MAE's forward_encoder; features keep the tokens' order by their noise."""

EXERCISE = "mae-encoder"


class MAEEncoder(MAEEncoderBase):
    def forward(self, imgs, mask_ratio=0.75, noise=None):
        B, C, H, W = imgs.shape
        if C != self.channels or H != self.image_size[0] or W != self.image_size[1]:
            raise ValueError(f"Input image size ({H}*{W}) doesn't match model ({self.image_size}).")
        x = self.patch_embed(patchify(imgs, self.patch_size))
        x = x + self.pos_embed[:, 1:, :]
        x, mask, ids_restore = random_masking(x, mask_ratio, noise)
        cls_token = self.cls_token + self.pos_embed[:, :1, :]
        cls_tokens = cls_token.expand(x.shape[0], -1, -1)
        x = torch.cat((cls_tokens, x), dim=1)
        for blk in self.blocks:
            x = blk(x)
        x = self.norm(x)
        return x, mask, ids_restore

    def features(self, imgs):
        count = self.pos_embed.shape[1] - 1
        in_order = torch.arange(count, device=imgs.device).expand(imgs.shape[0], count)
        x, _, _ = self.forward(imgs, 0.0, in_order)
        return x[:, 1:, :].mean(dim=1)
