"""Loops over the trunk's layers, and writes into a tensor that it made."""

EXERCISE = "context-network"


class ContextNetwork(ContextNetworkBase):
    def features(self, patches: Tensor) -> Tensor:
        x = patches
        for layer in self.trunk:
            x = layer(x)
        return x

    def forward(self, centres: Tensor, neighbours: Tensor) -> Tensor:
        first, second = (self.features(patches) for patches in (centres, neighbours))
        both = first.new_empty(len(first), 2 * self.dim)
        both[:, : self.dim] = first
        both[:, self.dim :] = second
        return self.head(both)
