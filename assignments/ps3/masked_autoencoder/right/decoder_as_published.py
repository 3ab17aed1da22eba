"""The published MAE's forward_decoder."""

EXERCISE = "mae-decoder"


class MAEDecoder(MAEDecoderBase):
    def forward(self, x, ids_restore):
        x = self.embed(x)
        mask_tokens = self.mask_token.repeat(x.shape[0], ids_restore.shape[1] + 1 - x.shape[1], 1)
        x_ = torch.cat([x[:, 1:, :], mask_tokens], dim=1)
        x_ = torch.gather(x_, dim=1, index=ids_restore.unsqueeze(-1).repeat(1, 1, x.shape[2]))
        x = torch.cat([x[:, :1, :], x_], dim=1)
        x = x + self.pos_embed
        for blk in self.blocks:
            x = blk(x)
        x = self.norm(x)
        x = self.predict(x)
        x = x[:, 1:, :]
        return x
