"""What crosses the wire, and what a hostile far side cannot make it do."""

import contextlib
import json
import math
import random
import struct
from typing import Any

import pytest
import torch

from kit import wire
from kit.far_side import Service
from kit.student import LocalTransport, Student
from kit.wire import (
    FunctionRef,
    Generated,
    HandleRef,
    Lib,
    ObjectRef,
    RecordedRef,
    Seed,
    SliceRef,
    Unsent,
    WireError,
    decode,
    encode,
    flags_of,
)


def frame(header: object, body: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack(">I", len(text)) + text + body


def message(value: object, body: bytes = b"") -> bytes:
    return frame({"k": "dict", "v": [["value", value]]}, body)


def there_and_back(value: object) -> object:
    return decode(encode({"value": value}))["value"]


@pytest.mark.parametrize("dtype", [dtype for dtype in wire.DTYPES.values()])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 4), (2, 3, 1)])
def test_a_tensor_of_every_dtype_and_shape_arrives_as_it_left(dtype: torch.dtype, shape: tuple[int, ...]) -> None:
    tensor = torch.randint(0, 2, shape, generator=torch.Generator().manual_seed(0)).to(dtype)
    arrived = there_and_back(tensor)
    assert isinstance(arrived, torch.Tensor)
    assert arrived.dtype == dtype and arrived.shape == tensor.shape and torch.equal(arrived, tensor)


def test_the_bits_of_special_floats_survive() -> None:
    tensor = torch.tensor([math.nan, math.inf, -math.inf, -0.0, 1e-45])
    arrived = there_and_back(tensor)
    assert isinstance(arrived, torch.Tensor)
    assert torch.equal(arrived.view(torch.int32), tensor.view(torch.int32))


def test_nested_plain_values_arrive_with_their_types() -> None:
    value = {"a": (1, 2.5, None), "b": [True, "text", {"c": (-(2**63), 2**63 - 1)}]}
    assert there_and_back(value) == value


def test_floats_that_json_lacks_arrive() -> None:
    assert there_and_back((math.inf, -math.inf)) == (math.inf, -math.inf)
    nan = there_and_back(math.nan)
    assert isinstance(nan, float) and math.isnan(nan)


def test_views_and_transposes_arrive_as_their_values() -> None:
    base = torch.arange(12.0).reshape(3, 4)
    for view in (base.T, base[:, ::2], base[1:], base.expand(2, 3, 4), torch.view_as_complex(torch.ones(2, 2)).conj()):
        assert torch.equal(there_and_back(view), view)  # type: ignore[arg-type]


def test_a_parameter_arrives_as_a_plain_tensor_with_its_flags() -> None:
    parameter = torch.nn.Parameter(torch.ones(2))
    arrived = there_and_back(parameter)
    assert type(arrived) is torch.Tensor and not arrived.requires_grad
    assert flags_of((parameter,)) == {"requires_grad", "parameter"}


def test_a_subclass_that_equals_everything_arrives_as_what_it_holds() -> None:
    class Chameleon(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func: object, types: object, args: object = (), kwargs: object = None) -> object:
            return torch.Tensor.__torch_function__(func, types, args, kwargs or {})

        def __eq__(self, other: object) -> bool:  # type: ignore[override]
            return True

    tensor = torch.zeros(2).as_subclass(Chameleon)
    arrived = there_and_back(tensor)
    assert type(arrived) is torch.Tensor and arrived.tolist() == [0.0, 0.0]
    assert flags_of([tensor]) == {"subclass"}


def test_meta_tensors_cross_as_shapes() -> None:
    arrived = there_and_back(torch.empty(3, 4, device="meta"))
    assert isinstance(arrived, torch.Tensor) and arrived.is_meta and arrived.shape == (3, 4)


def test_references_arrive_where_they_are_allowed_and_nowhere_else() -> None:
    value = (Seed(3), Lib("ps3.a"), FunctionRef("f"), HandleRef(0))
    sent = encode({"value": value})
    assert decode(sent, references=True)["value"] == value
    with pytest.raises(WireError, match="unknown kind"):
        decode(sent)


@pytest.mark.parametrize(
    "value",
    [
        object(), {1: 2}, 2**63, "x" * 200_000, torch.zeros(2).to_sparse(), torch.zeros((1,) * 9), [[[[[[[1]]]]]]],
        {1, 2}, b"x",
    ],
    ids=["object", "int keys", "big int", "long text", "sparse", "rank 9", "deep", "set", "bytes"],
)  # fmt: skip
def test_what_cannot_cross_is_refused_with_a_reason(value: object) -> None:
    with pytest.raises(TypeError, match=r"\w{4}"):
        encode({"value": value})


TENSOR = {"k": "tensor", "d": "float32", "s": [2]}


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"\0\0\0",
        struct.pack(">I", 1 << 30) + b"{}",
        frame(b"not json"),
        frame(b"[" * 100_000),
        frame(b'{"k": "float", "v": NaN}'),
        frame(b'{"k":"dict","v":[["value",' + b"9" * 5000 + b"]]}"),
        frame([1]),
        frame(5),
        frame({"k": "list", "v": []}),
        message({"k": "pickle", "v": "x"}),
        message([1, 2]),
        message({"k": "tuple", "v": 7}),
        message({"k": "float", "v": "1"}),
        message(2**70),
        message({"k": "list", "v": [0] * 10_000}),
        message(TENSOR, b"\0" * 7),
        message(TENSOR, b"\0" * 9),
        message(TENSOR | {"s": [-1]}),
        message(TENSOR | {"s": [2.0]}, b"\0" * 8),
        message(TENSOR | {"s": [True, 2]}, b"\0" * 8),
        message(TENSOR | {"s": [2**62, 0]}),
        message(TENSOR | {"s": [2**39, 2**39], "meta": True}),
        message(TENSOR | {"s": [1] * 9}, b"\0" * 4),
        message(TENSOR | {"d": "object"}, b"\0" * 8),
        message(TENSOR | {"d": ["float32"]}, b"\0" * 8),
        frame({"k": "dict", "v": [["a"]]}),
        frame({"k": "dict", "v": [[1, 2]]}),
        frame({"k": "dict", "v": "ab"}),
    ],
)
def test_a_malformed_frame_is_a_wire_error_and_nothing_else(bad: bytes) -> None:
    with pytest.raises(WireError):
        decode(bad)


def test_a_bool_byte_of_seven_is_true_and_nothing_stranger() -> None:
    arrived = decode(message({"k": "tensor", "d": "bool", "s": [3]}, b"\0\1\7"))["value"]
    assert arrived.view(torch.uint8).tolist() == [0, 1, 1]


def test_a_huge_shape_is_refused_before_memory_is_set_aside() -> None:
    with pytest.raises(WireError, match="larger than its bytes"):
        decode(message(TENSOR | {"s": [2**22]}))


LARGE = 1_500_000  # elements: two such tensors may cross, three may not


@pytest.mark.parametrize(
    "tensor",
    [
        torch.empty(LARGE, dtype=torch.uint8),
        torch.empty(LARGE, device="meta"),
        torch.zeros(1).expand(LARGE),
        torch.empty(0, LARGE),
        torch.empty(LARGE, 1, dtype=torch.bool),
    ],
    ids=["small numbers", "meta", "expanded", "empty", "bool"],
)
def test_tensors_of_more_elements_than_a_test_should_make_cross_in_no_form(tensor: torch.Tensor) -> None:
    assert isinstance(there_and_back((tensor, tensor)), tuple)
    for value in ([tensor] * 3, {"a": (tensor,), "b": [tensor, tensor]}):
        with pytest.raises(TypeError, match="too large to be sent"):
            encode({"value": value})


@pytest.mark.parametrize("node", [TENSOR | {"s": [LARGE], "meta": True}, TENSOR | {"s": [0, LARGE]}])
def test_elements_are_counted_over_a_whole_forged_reply(node: dict[str, object]) -> None:
    decode(message({"k": "list", "v": [node] * 2}))
    with pytest.raises(WireError, match="more than 4,194,304 elements"):
        decode(message({"k": "list", "v": [node] * 3}))


@pytest.mark.parametrize("kind", [["lib"], {"k": "list"}, 7, None])
def test_a_kind_that_is_no_text_is_refused_unlooked_at(kind: object) -> None:
    with pytest.raises(WireError, match="without a kind"):
        decode(message({"k": kind, "v": []}), references=True)


def test_a_wire_error_is_not_an_error_that_a_test_could_expect() -> None:
    assert not issubclass(WireError, (ValueError, TypeError, RuntimeError, OSError))


LAYOUTS = {
    "transposed": torch.arange(6.0).reshape(2, 3).t(),
    "expanded": torch.arange(3.0).expand(4, 3),
    "every other column": torch.arange(8.0).reshape(2, 4)[:, ::2],
    "permuted": torch.arange(24.0).reshape(2, 3, 4).permute(2, 0, 1),
    "channels last": torch.arange(16.0).reshape(1, 2, 2, 4).to(memory_format=torch.channels_last),
    "behind others": torch.arange(9.0)[4:],
    "conjugate": torch.arange(3.0).to(torch.complex64).conj(),
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_tensor_of_any_strides_arrives_contiguous_with_its_numbers(name: str) -> None:
    arrived = decode(encode({"x": LAYOUTS[name]}))["x"]
    assert arrived.is_contiguous() and torch.equal(arrived, LAYOUTS[name].resolve_conj())


def test_a_view_of_a_transposed_input_works_at_home_as_at_grading() -> None:
    for strict in (True, False):  # saved notebooks, and the worker
        student = Student(LocalTransport(Service({}, "torch", strict=strict)))
        student.load_cell("flat", "def flat(x): return x.view(-1)")
        assert student.flat(torch.arange(6.0).reshape(2, 3).t()).tolist() == [0, 3, 1, 4, 2, 5]


# --- what stands for objects, callbacks and generators ----------------------------------------------------------------

STANDING: dict[str, Any] = {
    "generated": Generated([1, (2.5, None), Generated([], False)], True),
    "unsent": Unsent("Stack"),
    "object": ObjectRef(3, "Stack"),
    "recorded": RecordedRef(0, ("results", [1, ObjectRef(1), Lib("abs")]), "f"),
    "slice": SliceRef(None, 3, (1,)),
}
COMES_BACK = ("generated", "unsent")  # without having been asked for


@pytest.mark.parametrize("kind", STANDING)
def test_what_stands_for_a_value_crosses_where_it_may(kind: str) -> None:
    frame_of_it = encode({"value": [STANDING[kind]]})
    assert decode(frame_of_it, references=True)["value"] == [STANDING[kind]]
    for objects in (True, False):
        if kind in COMES_BACK or (objects and kind == "object"):
            assert decode(frame_of_it, objects=objects)["value"] == [STANDING[kind]]
        else:
            with pytest.raises(WireError):
                decode(frame_of_it, objects=objects)


ODD_VALUES: tuple[object, ...] = (None, 3, [[]], {"k": "list"})


@pytest.mark.parametrize(
    "node",
    [
        *({"k": kind} for kind in STANDING),
        *({"k": kind, "v": value, "e": True} for kind in STANDING for value in ODD_VALUES),
        *({"k": "generated", "v": [1], "e": end} for end in (1, None, "true", [True])),
        {"k": "generated", "v": [1]},
        {"k": "generated", "v": [[1]], "e": True},
        {"k": "generated", "v": [{"k": "object", "v": [0, [], 5]}], "e": True},
        *({"k": "unsent", "v": name} for name in ("x" * 201, 3, ["x"])),
        *({"k": "object", "v": [number, "X"]} for number in (-1, 2**31, 1.0, True, "0", None, [0])),
        *({"k": "object", "v": [0, name]} for name in ("x" * 201, None, 5, ["X"])),
        *({"k": "recorded", "v": [0, word, 1, "f"]} for word in (None, 1, ["returns"])),
        *({"k": "recorded", "v": [number, "returns", 1, "f"]} for number in (-1, "0", True)),
        {"k": "slice", "v": [1, 2]},
    ],
)
def test_another_form_of_what_stands_for_a_value_is_refused(node: object) -> None:
    with pytest.raises(WireError):
        decode(message(node), references=True)


@pytest.mark.parametrize("kind", ["generated", "slice", "recorded"])
def test_what_stands_for_a_value_can_be_nested_no_deeper_than_others(kind: str) -> None:
    def wrapped(node: Any) -> Any:
        parts = {"generated": [node], "slice": [None, None, node], "recorded": [0, "returns", node, "f"]}
        return {"k": kind, "v": parts[kind], "e": True}

    node: Any = 1
    for _ in range(wire.MAX_DEPTH + 1):
        node = wrapped(node)
    decode(message(node), references=True)
    with pytest.raises(WireError, match="too many parts"):
        decode(message(wrapped(node)), references=True)
    text: Any = b"1"
    for _ in range(5_000):
        text = b'{"k":"generated","e":true,"v":[' + text + b"]}"
    with pytest.raises(WireError):
        decode(frame(b'{"k":"dict","v":[["value",' + text + b"]]}"))


def test_generated_items_are_counted_as_parts() -> None:
    node = {"k": "generated", "v": [0] * wire.MAX_NODES, "e": False}
    with pytest.raises(WireError, match="too many parts"):
        decode(message(node))


def test_no_garbled_frame_of_these_kinds_does_anything_but_raise_wire_error() -> None:
    generator = random.Random(13)
    whole = [encode({"value": [value], "n": 3}) for value in STANDING.values()]
    for _ in range(3_000):
        garbled = bytearray(generator.choice(whole))
        for _ in range(generator.randint(1, 4)):
            garbled[generator.randrange(4, len(garbled))] = generator.choice(b'0123456789-.eE[]{},:"knvaltrue')
        for objects, allowed in ((True, {Generated, Unsent, ObjectRef}), (False, {Generated, Unsent})):
            with contextlib.suppress(WireError):
                assert kinds_in(decode(bytes(garbled), objects=objects)) <= allowed
        with contextlib.suppress(WireError):
            decode(bytes(garbled), references=True)


def kinds_in(value: Any) -> set[type]:
    """The classes of this package that a decoded value holds."""
    if isinstance(value, dict):
        return set().union(*map(kinds_in, value.values()))
    if isinstance(value, (list, tuple)):
        return set().union(*map(kinds_in, value))
    inner = kinds_in(value.items) if isinstance(value, Generated) else set()
    return inner | ({type(value)} if type(value).__module__ == "kit.wire" else set())
