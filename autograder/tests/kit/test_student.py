"""The `student` fixture and the far side, over the local transport: the whole vocabulary of a test."""

import pytest
import torch
from torch import nn

from kit.far_side import Service
from kit.student import LocalTransport, Student, StudentError, StudentMissing
from kit.wire import Lib, Seed, WireError, encode

CODE = """
import torch
from torch import nn

def add(x, y, scale=1.0):
    return x + scale * y

def spoil(x):
    return x.add_(1)

def split(x):
    return {"half": x / 2, "parts": (x[0], [x[1], None, "text", True, 3])}

def draw(generator=None):
    return torch.rand(3, generator=generator)

def broken(x):
    y = x

    return y.no_such_thing

def refuse(kind):
    raise kind

def custom():
    class MyError(ValueError):
        pass
    raise MyError("mine")

def leave():
    raise SystemExit(3)

def apply(function, x):
    return function(x)

def thing():
    return object()

class Net(nn.Module):
    def __init__(self, dim=2):
        super().__init__()
        self.linear = nn.Linear(dim, 1)
        self.register_buffer("seen", torch.zeros(1))
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        return self.linear(x)

    def double_linear(self, x):
        return 2 * self.linear(x), x.detach()

    def blind(self, x):
        return self.linear(x).detach()
"""


@pytest.fixture
def student() -> Student:
    student = Student(LocalTransport(Service({}, "torch")))
    student.load_cell("demo", CODE)
    return student


def test_a_function_is_called_with_positions_and_names(student: Student) -> None:
    result = student.add(torch.ones(2), torch.ones(2), scale=2.0)
    assert result.tolist() == [3.0, 3.0]


def test_an_input_changed_in_place_is_noticed_and_the_test_keeps_its_own(student: Student) -> None:
    x = torch.zeros(2)
    student.add(x, 1)
    assert student.unchanged_inputs
    assert student.spoil(x).tolist() == [1.0, 1.0]
    assert not student.unchanged_inputs
    assert x.tolist() == [0.0, 0.0]


def test_nested_results_arrive(student: Student) -> None:
    result = student.split(torch.tensor([2.0, 4.0]))
    assert result["half"].tolist() == [1.0, 2.0]
    assert result["parts"][0].item() == 2.0 and result["parts"][1][1:] == [None, "text", True, 3]


def test_a_seed_becomes_a_generator_there(student: Student) -> None:
    expected = torch.rand(3, generator=torch.Generator().manual_seed(5))
    assert torch.equal(student.draw(generator=Seed(5)), expected)


def test_the_far_side_is_seeded_before_each_test(student: Student) -> None:
    draws = []
    for _ in range(2):
        student.begin(7)
        draws.append(student.draw())
    assert torch.equal(*draws)


def test_an_exception_arrives_as_its_own_kind_with_cell_and_line(student: Student) -> None:
    with pytest.raises(AttributeError) as caught:
        student.broken(torch.ones(1))
    error = caught.value
    assert isinstance(error, StudentError)
    assert (error.cell, error.line) == ("demo", 20)
    assert error.report().startswith("AttributeError in cell demo, line 20: 'Tensor' object has no attribute")


def test_an_exception_of_the_students_own_arrives_as_its_nearest_known_kind(student: Student) -> None:
    with pytest.raises(ValueError, match="mine") as caught:
        student.custom()
    assert isinstance(caught.value, StudentError) and caught.value.shown == "MyError"


def test_system_exit_ends_nothing_and_is_no_expected_error(student: Student) -> None:
    with pytest.raises(StudentError) as caught:
        student.leave()
    assert not isinstance(caught.value, ValueError) and caught.value.shown == "SystemExit"


def test_an_interrupt_at_the_keyboard_is_the_persons_own(student: Student) -> None:
    service = Service({}, "torch")
    with pytest.raises(KeyboardInterrupt):
        service.answer(encode({"op": "load", "cells": [["x", "raise KeyboardInterrupt"]]}))


def test_a_missing_function_is_missing_and_not_a_name_error_to_expect(student: Student) -> None:
    with pytest.raises(StudentMissing) as caught:
        student.nothing_here(1)
    assert caught.value.text == "nothing_here"


def test_a_result_that_cannot_cross_is_the_students_error(student: Student) -> None:
    with pytest.raises(TypeError, match="a value of type object cannot be graded"):
        student.thing()


def test_a_function_and_a_library_callable_can_be_arguments(student: Student) -> None:
    assert student.apply(Lib("torch.nn.functional.relu"), torch.tensor([-1.0, 1.0])).tolist() == [0.0, 1.0]
    assert student.apply(student.spoil, torch.zeros(1)).tolist() == [1.0]


def test_a_library_path_outside_the_library_is_refused(student: Student) -> None:
    with pytest.raises(TypeError, match="not part of the library"):
        student.run(Lib("os.getcwd"))


def test_a_module_is_built_loaded_called_and_read(student: Student) -> None:
    net = student.build("Net", dim=3)
    weights = {"linear.weight": torch.full((1, 3), 2.0), "linear.bias": torch.ones(1), "seen": torch.ones(1)}
    net.load(weights)
    assert net(torch.ones(2, 3)).tolist() == [[7.0], [7.0]]
    assert student.flags == {"requires_grad"}
    state = net.eval().state()
    assert state.parameters["linear.bias"].tolist() == [1.0] and state.buffers["seen"].tolist() == [1.0]
    assert state.training == {"": False, "linear": False, "drop": False}
    assert net.train().state().training["drop"]
    assert net.double()(torch.ones(1, 3, dtype=torch.float64)).dtype == torch.float64


def test_weights_with_a_missing_or_strange_name_are_refused(student: Student) -> None:
    net = student.build("Net")
    with pytest.raises(RuntimeError, match=r"Missing key|Unexpected key"):
        net.load({"linear.weight": torch.ones(1, 2), "other": torch.ones(1)})


def test_a_handle_can_be_an_argument(student: Student) -> None:
    net = student.build("Net")
    x = torch.ones(1, 2)
    assert torch.equal(student.apply(net, x), net(x))


def test_a_library_module_is_built_by_its_path(student: Student) -> None:
    layer = student.build(Lib("torch.nn.Linear"), 2, 3)
    assert layer(torch.ones(1, 2)).shape == (1, 3)


def test_modules_are_forgotten_between_tests(student: Student) -> None:
    net = student.build("Net")
    student.begin(0)
    with pytest.raises(StudentError):
        net(torch.ones(1, 2))


def test_gradients_of_arguments_and_parameters(student: Student) -> None:
    net = student.build("Net")
    weights = {"linear.weight": torch.tensor([[3.0, 4.0]]), "linear.bias": torch.ones(1), "seen": torch.ones(1)}
    net.load(weights)
    x = torch.tensor([[1.0, 2.0]])
    by_x, by_bias = student.vjp(net, [x], torch.ones(1, 1), wrt=[0, "linear.bias"])
    assert by_x.tolist() == [[3.0, 4.0]] and by_bias.tolist() == [1.0]
    parts = student.vjp(net.method("double_linear"), [x], (torch.ones(1, 1), None), wrt="parameters")
    assert parts["linear.weight"].tolist() == [[2.0, 4.0]]


def test_a_cut_gradient_is_none(student: Student) -> None:
    net = student.build("Net")
    assert student.vjp(net.method("blind"), [torch.ones(1, 2)], torch.ones(1, 1), wrt=[0]) == [None]
    assert student.vjp(net.method("blind"), [torch.ones(1, 2)], torch.ones(1, 1), wrt="parameters") == {
        "linear.weight": None,
        "linear.bias": None,
    }


def test_a_gradient_question_that_the_result_does_not_fit_is_the_students_error(student: Student) -> None:
    for cotangents in (None, torch.ones(3), (torch.ones(2), torch.ones(2))):
        with pytest.raises(TypeError, match=r"result"):
            student.vjp("add", [torch.ones(2), 1.0], cotangents, wrt=[0])


def test_shapes_alone_can_be_asked_for(student: Student) -> None:
    x = torch.empty(5, 2, device="meta")
    assert student.add(x, x).is_meta
    assert student.build("Net").meta()(x).shape == (5, 1)


def test_a_syntax_error_in_a_cell_names_its_line() -> None:
    student = Student(LocalTransport(Service({}, "torch")))
    with pytest.raises(SyntaxError) as caught:
        student.load_cell("mae-loss", "x = 1\ny = (\n")
    assert isinstance(caught.value, StudentError) and (caught.value.cell, caught.value.line) == ("mae-loss", 2)


class Liar:
    """A far side that answers with what it was given."""

    def __init__(self, reply: dict[str, object]) -> None:
        self.reply = encode(reply)

    def exchange(self, frame: bytes, seconds: float) -> bytes:
        return self.reply


@pytest.mark.parametrize(
    "reply",
    [
        {},
        {"status": "ok"},
        {"status": "ok", "value": 1, "flags": "none", "unchanged": True},
        {"status": "ok", "value": 1, "flags": [], "unchanged": 1},
        {"status": "error"},
        {"status": "error", "error": "ValueError"},
    ],
)
def test_a_reply_of_the_wrong_form_is_a_wire_error(reply: dict[str, object]) -> None:
    with pytest.raises(WireError):
        Student(Liar(reply)).anything(1)


def test_forged_gradients_and_states_are_wire_errors() -> None:
    for value in ([1, 2], {"a": torch.ones(1)}, [torch.ones(1)] * 2, None):
        with pytest.raises(WireError):
            Student(Liar({"status": "ok", "value": value})).vjp("f", [1], wrt=[0])
    with pytest.raises(WireError):
        Student(Liar({"status": "ok", "handle": "zero"})).build("Net")
    liar = Student(Liar({"status": "ok", "handle": 0, "parameters": 1}))
    with pytest.raises(WireError):
        liar.build("Net").state()


def test_forged_error_fields_cannot_be_large_or_of_another_type() -> None:
    error = {"type": "WireError", "shown": "x" * 9000, "text": 5, "cell": ["a"], "line": 10**9, "trace": None}
    with pytest.raises(StudentError) as caught:
        Student(Liar({"status": "error", "error": error})).anything(1)
    assert type(caught.value) is StudentError
    assert (len(caught.value.shown), caught.value.text, caught.value.cell, caught.value.line) == (80, "", None, None)


def test_a_live_module_is_found_by_its_namespace() -> None:
    namespace: dict[str, object] = {}
    exec(compile("def fail():\n\n    raise KeyError('k')", "/tmp/ipykernel_1/2.py", "exec"), namespace)
    student = Student(LocalTransport(Service(namespace, "torch")))
    with pytest.raises(KeyError) as caught:
        student.fail()
    assert isinstance(caught.value, StudentError) and caught.value.report() == "KeyError in your cell, line 3: 'k'"


def test_an_nn_module_of_the_namespace_need_not_be_the_students() -> None:
    student = Student(LocalTransport(Service({"Net": nn.Identity, "not_a_module": dict}, "torch")))
    assert student.build("Net")(torch.ones(1)).tolist() == [1.0]
    with pytest.raises(TypeError, match="not an nn.Module"):
        student.build("not_a_module")
