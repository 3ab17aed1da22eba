"""A 1x1 convolution whose kernels are the centres."""

EXERCISE = "color-annealed-mean"


def annealed_mean(logits: Tensor, centres: Tensor, temperature: float = 0.38) -> Tensor:
    shares = nn.Softmax(dim=1)(logits.div(temperature))
    return F.conv2d(shares, centres.t()[:, :, None, None])
