"""Sends tokens home with a permutation matrix, and splits the sequence into two lists."""

EXERCISE = "mae-decoder"


class MAEDecoder(MAEDecoderBase):
    def forward(self, latent: Tensor, ids_restore: Tensor) -> Tensor:
        tokens = self.embed(latent)
        first, seen = tokens[:, :1], tokens[:, 1:]
        holes = self.mask_token.expand(len(tokens), ids_restore.shape[1] - seen.shape[1], -1)
        shuffled = torch.cat([seen, holes], dim=1)
        home = F.one_hot(ids_restore, ids_restore.shape[1]).to(tokens.dtype) @ shuffled
        x = torch.cat([first + self.pos_embed[:, :1], home + self.pos_embed[:, 1:]], dim=1)
        for block in self.blocks:
            x = block(x)
        return self.predict(self.norm(x[:, 1:]))
