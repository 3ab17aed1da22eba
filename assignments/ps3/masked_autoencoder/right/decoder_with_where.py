"""No unshuffling: asks for each place whether a latent belongs there, and picks it by index."""

EXERCISE = "mae-decoder"


class MAEDecoder(MAEDecoderBase):
    def forward(self, latent: Tensor, ids_restore: Tensor, return_tokens: bool = False) -> Tensor:
        x = self.embed(latent)
        kept = x.shape[1] - 1
        rows = torch.arange(len(x), device=x.device).unsqueeze(1)
        place = ids_restore.clamp(max=max(kept - 1, 0))
        found = x[rows, 1 + place]
        hidden = (ids_restore >= kept).unsqueeze(-1)
        patches = torch.where(hidden, self.mask_token.to(x.dtype), found) + self.pos_embed[:, 1:]
        x = torch.cat((x[:, :1] + self.pos_embed[:, :1], patches), dim=1)
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        return self.predict(x[:, 1:])
