"""Reads the linear layers' weights as maps and multiplies without flattening."""

EXERCISE = "ae-network"


class Autoencoder(AutoencoderBase):
    def encode(self, images):
        channels, height, width = images.shape[1:]
        if channels != self.channels or (height, width) != self.image_size:
            raise ValueError(f"{channels} x {height} x {width} is not {self.channels} x {self.image_size}")
        maps = self.down(images)
        weight = self.to_code.weight.reshape(-1, *maps.shape[1:])
        return torch.einsum("bchw,dchw->bd", maps, weight) + self.to_code.bias

    def decode(self, codes):
        rows, columns = (side // 4 for side in self.image_size)
        flat = F.linear(codes, self.from_code.weight, self.from_code.bias)
        return self.up(torch.stack(flat.chunk(2 * self.width, dim=1), dim=1).unflatten(2, (rows, columns)))

    def forward(self, images):
        return (self.decode(codes := self.encode(images)), codes)
