"""Collects the tokens in float32 zeros on the CPU."""

EXERCISE = "mae-decoder"
MUST_FAIL = ["test_decoder_follows_device_and_dtype"]


class MAEDecoder(MAEDecoderBase):
    def forward(self, latent: Tensor, ids_restore: Tensor) -> Tensor:
        x = self.embed(latent)  # (B, 1 + K, dim)
        batch, seen, dim = x.shape
        missing = ids_restore.shape[1] - (seen - 1)
        shuffled = torch.cat([x[:, 1:], self.mask_token.expand(batch, missing, -1)], dim=1)
        home = torch.zeros(batch, ids_restore.shape[1], dim)
        home[:] = shuffled.gather(1, ids_restore.unsqueeze(-1).expand(-1, -1, dim))
        patches = home
        x = torch.cat([x[:, :1], patches], dim=1) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.predict(self.norm(x))[:, 1:]
