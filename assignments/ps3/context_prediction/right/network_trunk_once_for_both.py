"""Sends both through the trunk as one batch."""

EXERCISE = "context-network"


class ContextNetwork(ContextNetworkBase):
    def features(self, patches: Tensor) -> Tensor:
        return self.trunk(patches)

    def forward(self, centres: Tensor, neighbours: Tensor) -> Tensor:
        together = self.features(torch.cat([centres, neighbours]))
        return self.head(torch.cat(together.chunk(2), dim=1))
