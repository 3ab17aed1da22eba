"""Starts from mask tokens everywhere and scatters the latents home, image by image."""

EXERCISE = "mae-decoder"


def send_home(latents: Tensor, ids_restore: Tensor, mask_token: Tensor) -> Tensor:
    order = ids_restore.argsort()
    home = mask_token.reshape(1, -1).repeat(len(ids_restore), 1)
    return home.index_copy(0, order[: len(latents)], latents)


class MAEDecoder(MAEDecoderBase):
    def forward(self, latent, ids_restore):
        x = self.embed(latent)
        images = [send_home(own[1:], ids, self.mask_token) for own, ids in zip(x, ids_restore, strict=True)]
        x = torch.cat([x[:, 0:1], torch.stack(images)], 1)
        x = self.norm(nn.Sequential(*self.blocks)(x + self.pos_embed))
        everything = self.predict(x)
        return everything.narrow(1, 1, everything.shape[1] - 1)
