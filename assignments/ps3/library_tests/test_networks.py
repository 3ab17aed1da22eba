"""The transformer parts and the small ResNet."""

import math

import pytest
import torch

from ps3.networks.resnet import ProjectionHead, ResNet8
from ps3.networks.transformer import Attention, Block, sincos_positions


def test_attention_is_the_weighted_mean_of_the_values_over_all_tokens():
    """Against a loop over heads and tokens in float64."""
    torch.manual_seed(0)
    layer, x = Attention(6, 2).double().requires_grad_(False), torch.randn(2, 5, 6, dtype=torch.float64)
    qkv = (x @ layer.qkv.weight.T + layer.qkv.bias).view(2, 5, 3, 2, 3)
    mixed = torch.zeros(2, 5, 6, dtype=torch.float64)
    for b in range(2):
        for head in range(2):
            for i in range(5):
                scores = [float(qkv[b, i, 0, head] @ qkv[b, j, 1, head]) / math.sqrt(3) for j in range(5)]
                weights = [math.exp(s) / sum(map(math.exp, scores)) for s in scores]
                value = sum(w * qkv[b, j, 2, head] for j, w in enumerate(weights))
                mixed[b, i, 3 * head : 3 * head + 3] = value
    assert torch.allclose(layer(x), mixed @ layer.proj.weight.T + layer.proj.bias)


def test_a_block_has_an_mlp_four_times_as_wide_and_starts_without_biases():
    block = Block(8, 2)
    assert sum(p.numel() for p in block.parameters()) == 12 * 8 * 8 + 9 * 8 + 4 * 8
    assert block.mlp[0].out_features == 32
    assert all(not p.any() for name, p in block.named_parameters() if name.endswith("bias"))


def test_a_block_moves_with_its_tokens():
    """Without positions, exchanging two tokens exchanges two results and changes nothing else."""
    torch.manual_seed(1)
    block, x, order = Block(8, 2), torch.randn(1, 4, 8), torch.tensor([2, 1, 0, 3])
    assert torch.allclose(block(x[:, order]), block(x)[:, order], atol=1e-6)


def test_heads_that_do_not_divide_the_width_are_refused():
    with pytest.raises(ValueError, match="10 cannot be split over 4 heads"):
        Block(10, 4)


def test_positions_hold_the_column_in_the_first_half_and_the_row_in_the_second():
    table = sincos_positions(16, 3, 5).view(3, 5, 16)
    assert table.dtype == torch.float32
    assert torch.equal(table[0, :, :8], table[2, :, :8]) and torch.equal(table[:, 0, 8:], table[:, 4, 8:])


def test_positions_are_sines_then_cosines_of_falling_frequencies():
    table = sincos_positions(16, 2, 5).view(2, 5, 16)
    frequencies = [10_000 ** (-k / 4) for k in range(4)]
    column = [math.sin(3 * f) for f in frequencies] + [math.cos(3 * f) for f in frequencies]
    row = [math.sin(1 * f) for f in frequencies] + [math.cos(1 * f) for f in frequencies]
    assert torch.allclose(table[1, 3], torch.tensor(column + row), atol=1e-6)


def test_a_width_that_four_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="4 divides, got 18"):
        sincos_positions(18, 2, 2)


def test_the_resnet_has_303_thousand_parameters_and_gives_128_features_whatever_the_size():
    net = ResNet8()
    assert sum(p.numel() for p in net.parameters()) == 302_864
    assert net(torch.zeros(2, 3, 32, 48)).shape == (2, 128) and net.eval()(torch.zeros(1, 3, 8, 8)).shape == (1, 128)


def test_every_parameter_of_resnet_and_head_gets_a_gradient():
    torch.manual_seed(0)
    net, head = ResNet8(), ProjectionHead()
    head(net(torch.rand(4, 3, 16, 16))).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in [*net.parameters(), *head.parameters()])
