"""Files of weights: what safetensors writes is read alike, and nothing else is."""

from __future__ import annotations

import json
import pickle
import struct
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from torch import nn

from kit.probe import ridge_accuracy
from kit.weights import MAX_HEADER, MAX_WEIGHTS, WeightsError, read_weights, save_weights, weights_file

ONE = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


def file(header: Any, body: bytes = bytes(8), length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


STATE = {
    "layer.weight": torch.arange(6.0).reshape(2, 3).T,
    "half": torch.tensor([1.5], dtype=torch.bfloat16),
    "steps": torch.tensor(7),
    "mask": torch.tensor([True, False]),
    "empty": torch.empty(0, 3),
}


def same(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    pairs = [(left[name], right[name]) for name in left]
    return left.keys() == right.keys() and all(a.dtype == b.dtype and torch.equal(a, b) for a, b in pairs)


def test_what_safetensors_writes_is_read_and_the_other_way_round() -> None:
    contiguous = {name: tensor.contiguous() for name, tensor in STATE.items()}
    assert same(read_weights(safetensors.torch.save(contiguous, metadata={"a": "b"})), STATE)
    assert same(safetensors.torch.load(weights_file(STATE)), STATE)


def test_a_module_is_saved_and_fits_into_another_one(tmp_path: Path) -> None:
    first, second = nn.BatchNorm1d(3), nn.BatchNorm1d(3)
    with torch.no_grad():
        first(torch.randn(8, 3))
    save_weights(first, tmp_path / "norm.safetensors")
    second.load_state_dict(read_weights((tmp_path / "norm.safetensors").read_bytes()))
    assert same(dict(first.named_buffers()), dict(second.named_buffers()))


def test_what_could_not_be_handed_in_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "bad.safetensors"
    for state in ({"a": torch.tensor([float("nan")])}, {"a": torch.ones(1, dtype=torch.complex64)}, {}):
        with pytest.raises(WeightsError):
            save_weights(state, path)
    assert not path.exists()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x08",
        pickle.dumps({"a": [1.0, 2.0]}),
        b"PK\x03\x04" + bytes(100),
        file({"a": ONE}, length=2**63),
        file({"a": ONE}, length=MAX_HEADER + 1),
        file(b"[" * 100_000),
        file(b"\xff\xfe"),
        file([1]),
        file({}, b""),
        file({"__metadata__": {"a": "b"}}, b""),
        file({f"t{number}": {**ONE, "shape": [0], "data_offsets": [0, 0]} for number in range(2_001)}, b""),
        file(b'{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}, "a": 1}'),
        file(b'{"a": {"dtype": "F32", "dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}'),
        file({"a": 3}),
        file({"a": {**ONE, "more": 1}}),
        file({"a": {"dtype": "F32", "shape": [2]}}),
        file({"a": {**ONE, "dtype": "O"}}),
        file({"a": {**ONE, "dtype": ["F32"]}}),
        file({"a": {**ONE, "shape": [-2]}}),
        file({"a": {**ONE, "shape": [True, 2]}}),
        file({"a": {**ONE, "shape": [2.0]}}),
        file({"a": {**ONE, "shape": [1] * 9 + [2]}}),
        file({"a": {**ONE, "shape": [2**62, 4]}}),
        file({"a": {**ONE, "shape": [2**62, 0], "data_offsets": [0, 0]}}, b""),
        file({"a": {**ONE, "shape": [3]}}),
        file({"a": {**ONE, "data_offsets": [8, 0]}}),
        file({"a": {**ONE, "data_offsets": [0, 8, 8]}}),
        file({"a": {**ONE, "data_offsets": [0, 2**40]}}),
        file({"a": {**ONE, "data_offsets": [4, 12]}}, bytes(12)),
        file({"a": ONE, "b": ONE}),
        file({"a": ONE, "b": {**ONE, "data_offsets": [4, 12]}}, bytes(12)),
        file({"a": ONE, "b": {**ONE, "data_offsets": [12, 20]}}, bytes(20)),
        file({"a": ONE}, bytes(7)),
        file({"a": ONE}, bytes(9)),
        file({"a": {"dtype": "BOOL", "shape": [8], "data_offsets": [0, 8]}}, b"\x07" + bytes(7)),
        file({"a": ONE}, struct.pack("<ff", 1.0, float("nan"))),
        file({"a": ONE}, struct.pack("<ff", 1.0, float("-inf"))),
        bytes(MAX_WEIGHTS + 1),
        file({"a": {"dtype": "F32", "shape": [0, *[MAX_WEIGHTS] * 7], "data_offsets": [0, 0]}}, b""),
        file({"a": {"dtype": "F32", "shape": [*[MAX_WEIGHTS] * 7, 0], "data_offsets": [0, 0]}}, b""),
    ],
    ids=range(41),
)
def test_a_hostile_file_is_refused_in_words_of_ours(data: bytes) -> None:
    with pytest.raises(WeightsError) as refused:
        read_weights(data)
    assert 10 < len(str(refused.value)) < 100 and str(refused.value).isascii()


def test_the_probe_tells_features_that_separate_from_those_that_do_not() -> None:
    draw = torch.Generator().manual_seed(3)
    labels = torch.arange(3).repeat(40)
    centres = torch.tensor([[4.0, 0.0], [0.0, 4.0], [-4.0, -4.0]])
    features = centres[labels] + torch.randn(120, 2, generator=draw)
    assert ridge_accuracy(features[:60], labels[:60], features[60:], labels[60:]) > 0.95
    assert ridge_accuracy(1e6 * features[:60] + 7, labels[:60], 1e6 * features[60:] + 7, labels[60:]) > 0.95
    constant = torch.ones(60, 2)
    assert ridge_accuracy(constant, labels[:60], constant, labels[60:]) == pytest.approx(1 / 3, abs=0.01)
