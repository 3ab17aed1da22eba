"""Writes the whole class, with the constructor's names, and helpers of its own."""

EXERCISE = "ae-network"


class Autoencoder(nn.Module):
    def __init__(self, image_size=(32, 32), channels=3, width=16, code_dim=64):
        super().__init__()
        self.image_size, self.channels, self.width, self.code_dim = tuple(image_size), channels, width, code_dim
        self.grid = (2 * width, image_size[0] // 4, image_size[1] // 4)
        self.down = nn.Sequential(
            nn.Conv2d(channels, width, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
            nn.ReLU(),
        )
        self.to_code = nn.Linear(math.prod(self.grid), code_dim)
        self.from_code = nn.Linear(code_dim, math.prod(self.grid))
        self.up = nn.Sequential(
            nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.ConvTranspose2d(width, channels, 4, stride=2, padding=1),
        )

    def _checked(self, images):
        if list(images.shape[1:]) != [self.channels, *self.image_size]:
            raise ValueError(f"images of {tuple(images.shape[1:])} do not fit")
        return images

    def encode(self, images):
        return self.to_code(self.down(self._checked(images)).flatten(start_dim=1))

    def decode(self, codes):
        return self.up(self.from_code(codes).view(-1, *self.grid))

    def forward(self, images):
        codes = self.encode(images)
        return self.decode(codes), codes
