"""Gathers with the sorting instead of its inverse."""

EXERCISE = "mae-decoder"
MUST_FAIL = ["test_decoder_sends_each_latent_home", "test_decoder_agrees_with_the_sequence_written_out"]


class MAEDecoder(MAEDecoderBase):
    def forward(self, latent: Tensor, ids_restore: Tensor) -> Tensor:
        x = self.embed(latent)  # (B, 1 + K, dim)
        batch, seen, dim = x.shape
        missing = ids_restore.shape[1] - (seen - 1)
        shuffled = torch.cat([x[:, 1:], self.mask_token.expand(batch, missing, -1)], dim=1)
        patches = shuffled.gather(1, ids_restore.argsort(dim=1).unsqueeze(-1).expand(-1, -1, dim))
        x = torch.cat([x[:, :1], patches], dim=1) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.predict(self.norm(x))[:, 1:]
