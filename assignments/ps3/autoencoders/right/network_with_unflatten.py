"""Leaves the reshaping to torch's layers."""

EXERCISE = "ae-network"


class Autoencoder(AutoencoderBase):
    def encode(self, images):
        if images.dim() != 4 or images.shape[1] != self.channels or tuple(images.shape[2:]) != self.image_size:
            raise ValueError(f"images should be {self.channels} x {self.image_size}, these are {tuple(images.shape)}")
        maps = self.down(images)
        return self.to_code(maps.reshape(maps.shape[0], -1))

    def decode(self, codes):
        size = (2 * self.width, *(side // 4 for side in self.image_size))
        return self.up(nn.Unflatten(1, size)(self.from_code(codes)))

    def forward(self, images):
        print("encoding", len(images))
        codes = self.encode(images)
        reconstructions = self.decode(codes)
        return reconstructions, codes
