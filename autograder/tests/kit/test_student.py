"""The `student` fixture and the far side, over the local transport: the whole vocabulary of a test."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from kit.compare import assert_raises
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

def keep_grad_off(x):
    torch.set_grad_enabled(False)
    return x

def stay_in_inference(x):
    global left
    left = torch.inference_mode()
    left.__enter__()
    return x

def compute_in_double(x):
    torch.set_default_dtype(torch.float64)
    raise ValueError("after all")

def two_threads():
    torch.set_num_threads(2)
    return object()

def within(x):
    with torch.no_grad():
        return x + 1

def meddle(kind, values, names):
    exec(kind)

class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Linear(2, 2), nn.Linear(2, 2)
        self.b.weight = self.a.weight
        self.b.bias.data = self.a.bias.data

    def replace_weight(self):
        self.a.weight = nn.Parameter(self.a.weight.detach().clone())

    def new_memory(self):
        self.a.weight.data = self.a.weight.data.clone()

    def write_in_place(self):
        self.a.weight.data.mul_(2)

    def learn(self):
        self.a.bias.requires_grad_(False)
        self.a(torch.ones(2)).sum().backward()

    def watch(self):
        for _ in range(2):
            self.a.register_forward_hook(lambda *_: None)
        self.register_full_backward_hook(lambda *_: None)
        self.a.bias.register_hook(lambda g: g)

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


CHANGES = [
    "values.append(1)", "values.pop()", "values.reverse()", "values[0] = values[0] + 1", "values[1][0].add_(1)",
    "values[0] = values[0].clone()", "values[1].append(None)", "names['a'] = 3", "del names['a']",
    "names['b']['deep'].zero_()", "names['a'] = names.pop('a')", "names['new'] = 0", "names['b'] = dict(names['b'])",
    "names['a'] = float(names['a'])", "values[1][0].resize_(1)",
]  # fmt: skip
NO_CHANGES = [
    "pass", "values[0] + 1", "list(reversed(values))", "values = []", "dict(names, a=5)", "names['a'] = 1",
    "values[0].clone().add_(1)",
]  # fmt: skip


@pytest.mark.parametrize("statement", [*CHANGES, *NO_CHANGES])
def test_a_change_inside_a_list_or_dict_is_noticed(student: Student, statement: str) -> None:
    values = [torch.ones(2), [torch.zeros(2), 2.5]]
    names = {"a": 1, "b": {"deep": torch.ones(1)}}
    student.meddle(statement, values, names)
    assert student.unchanged_inputs == (statement in NO_CHANGES)
    student.meddle(statement, values, names=names)
    assert student.unchanged_inputs == (statement in NO_CHANGES)


def test_modes_of_torch_that_are_left_changed_are_told_and_put_back_before_the_next_test(student: Student) -> None:
    before = (torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.get_default_dtype())
    x = torch.ones(1)
    student.begin(1)
    student.within(x)
    assert student.changed_modes == set()
    student.keep_grad_off(x)
    assert student.changed_modes == {"grad"}
    student.within(x)
    assert student.changed_modes == set()  # by that call
    student.begin(2)
    student.within(x)
    assert (torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.get_default_dtype()) == before


def test_inference_mode_left_on_is_told_and_left_before_the_next_test(student: Student) -> None:
    student.begin(1)
    student.stay_in_inference(torch.ones(1))
    assert student.changed_modes == {"inference", "grad"}
    student.begin(2)
    student.add(1, 1)
    assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()


def test_modes_are_told_also_where_the_code_raises_or_returns_what_cannot_cross(student: Student) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    student.begin(1)
    with pytest.raises(ValueError, match="after all"):
        student.compute_in_double(torch.ones(1))
    assert student.changed_modes == {"default dtype"}
    with pytest.raises(TypeError, match="cannot be graded"):
        student.two_threads()
    assert student.changed_modes == {"threads"}
    student.begin(2)
    student.add(1, 1)
    assert (torch.get_default_dtype(), torch.get_num_threads()) == (torch.float32, 1)
    torch.set_num_threads(threads)


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


def test_a_state_tells_which_parameters_learn_and_which_have_a_gradient(student: Student) -> None:
    tied = student.build("Tied")
    state = tied.state()
    assert state.requires_grad == {"a.weight": True, "a.bias": True, "b.bias": True}
    assert not any(state.has_gradient.values()) and state.hooks == {}
    tied.call("learn")
    state = tied.state()
    assert state.requires_grad == {"a.weight": True, "a.bias": False, "b.bias": True}
    assert state.has_gradient == {"a.weight": True, "a.bias": False, "b.bias": False}


def test_a_state_counts_hooks_of_parts_and_parameters(student: Student) -> None:
    tied = student.build("Tied")
    tied.call("watch")
    assert tied.state().hooks == {"": 1, "a": 2, "a.bias": 1}


def test_tied_parameters_have_one_number_and_shared_memory_has_one(student: Student) -> None:
    state = student.build("Tied").state()
    assert set(state.objects) == set(state.storages) == {"a.weight", "a.bias", "b.weight", "b.bias"}
    assert state.objects["a.weight"] == state.objects["b.weight"] and len(set(state.objects.values())) == 3
    assert state.storages["a.bias"] == state.storages["b.bias"] and len(set(state.storages.values())) == 2


@pytest.mark.parametrize(
    ("method", "same_object", "same_storage"),
    [("write_in_place", True, True), ("new_memory", True, False), ("replace_weight", False, False)],
)
def test_a_parameter_is_known_again_after_a_call(
    student: Student, method: str, same_object: bool, same_storage: bool
) -> None:
    tied, other = student.build("Tied"), student.build("Tied")
    before = tied.state()
    tied.call(method)
    after = tied.state()
    assert (before.objects["a.weight"] == after.objects["a.weight"]) == same_object
    assert (before.storages["a.weight"] == after.storages["a.weight"]) == same_storage
    assert before.objects["a.bias"] == after.objects["a.bias"]
    assert not set(other.state().objects.values()) & set(after.objects.values())


def test_weights_with_a_missing_or_strange_name_are_refused_at_the_next_request(student: Student) -> None:
    net = student.build("Net").load({"linear.weight": torch.ones(1, 2), "other": torch.ones(1)})
    with pytest.raises(RuntimeError, match=r"Missing key|Unexpected key") as caught:
        net.state()
    assert isinstance(caught.value, StudentError) and caught.value.preparing


def test_weights_that_do_not_fit_are_not_the_error_that_a_test_expects(student: Student) -> None:
    net = student.build("Net")
    with pytest.raises(RuntimeError, match=r"Missing key|Unexpected key"):
        net.load({"other": torch.ones(1)})
        assert_raises(RuntimeError, lambda: net(torch.ones(1, 5)), what="five columns")
    assert_raises(RuntimeError, lambda: net(torch.ones(1, 5)), what="five columns")


def test_what_is_done_to_a_module_travels_with_the_next_request_in_order(student: Student) -> None:
    net = student.build("Net").train().double().eval()
    state = net.state()
    assert state.parameters["linear.weight"].dtype == torch.float64 and not any(state.training.values())


def test_what_no_request_took_along_is_forgotten_with_the_test(student: Student) -> None:
    student.build("Net").meta()
    student.begin(1)
    assert not student.build("Net").state().parameters["linear.weight"].is_meta


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
        {"status": "ok", "value": 1, "flags": "none", "unchanged": True, "modes": []},
        {"status": "ok", "value": 1, "flags": ["a word of the student's"], "unchanged": True, "modes": []},
        {"status": "ok", "value": 1, "flags": [["subclass"]], "unchanged": True, "modes": []},
        {"status": "ok", "value": 1, "flags": [], "unchanged": True},
        {"status": "ok", "value": 1, "flags": [], "unchanged": True, "modes": "grad"},
        {"status": "ok", "value": 1, "flags": [], "unchanged": True, "modes": ["a word of the student's"]},
        {"status": "ok", "value": 1, "flags": [], "unchanged": True, "modes": [["grad"]]},
        {"status": "ok", "value": 1, "flags": [], "unchanged": 1, "modes": []},
        {"status": "error"},
        {"status": "error", "modes": []},
        {"status": "error", "error": "ValueError", "modes": []},
        {"status": "error", "error": {"type": "ValueError", "text": "no"}},
    ],
)
def test_a_reply_of_the_wrong_form_is_a_wire_error(reply: dict[str, object]) -> None:
    with pytest.raises(WireError):
        Student(Liar(reply)).anything(1)


class NeverText:
    """Refuses to be turned into text, as what would take long should never be."""

    def __str__(self) -> str:
        raise AssertionError("turned into text")

    __repr__ = __format__ = __str__  # type: ignore[assignment]


@pytest.mark.parametrize("name", ["flags", "modes", "unchanged", "handle", "status"])
@pytest.mark.parametrize(
    "wrapped", [lambda one: one, lambda one: [one], lambda one: {"grad": one}, lambda one: [[one]]]
)
def test_what_a_worker_says_about_itself_is_never_turned_into_text(
    name: str, wrapped: Callable[[object], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    good: dict[str, object] = {"status": "ok", "value": 1, "flags": [], "unchanged": True, "modes": [], "handle": 0}
    monkeypatch.setattr("kit.student.decode", lambda frame, **_: good | {name: wrapped(NeverText())})
    student = Student(Liar({}))
    with pytest.raises(WireError):
        student.build("Net") if name == "handle" else student.anything(1)


@pytest.mark.parametrize("part", ["type", "shown", "text", "cell", "line", "trace"])
def test_no_part_of_a_forged_error_is_turned_into_text(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    forged = {"type": "ValueError", "text": "no"} | {part: [NeverText()]}
    monkeypatch.setattr("kit.student.decode", lambda frame, **_: {"status": "error", "modes": [], "error": forged})
    with pytest.raises(StudentError) as caught:
        Student(Liar({})).anything(1)
    assert len(str(caught.value)) < 100


def test_forged_gradients_and_states_are_wire_errors() -> None:
    for value in ([1, 2], {"a": torch.ones(1)}, [torch.ones(1)] * 2, None):
        with pytest.raises(WireError):
            Student(Liar({"status": "ok", "value": value, "modes": []})).vjp("f", [1], wrt=[0])
    with pytest.raises(WireError):
        Student(Liar({"status": "ok", "handle": "zero", "modes": []})).build("Net")


GOOD_STATE = {
    "parameters": {"w": torch.ones(1)}, "buffers": {}, "training": {"": True}, "requires_grad": {"w": True},
    "has_gradient": {"w": False}, "hooks": {}, "objects": {"w": 0}, "storages": {"w": 1},
}  # fmt: skip


@pytest.mark.parametrize("part", GOOD_STATE)
@pytest.mark.parametrize("forged", [None, 1, [], {"w": "text"}, {"w": None}, {"w": 1.5}, {"w": [1]}, {"w": {"w": 1}}])
def test_a_forged_part_of_a_state_is_a_wire_error(part: str, forged: object) -> None:
    reply = {"status": "ok", "handle": 0, "modes": [], **GOOD_STATE}
    assert Student(Liar(reply)).build("Net").state().objects == {"w": 0}
    with pytest.raises(WireError):
        Student(Liar(reply | {part: forged})).build("Net").state()


@pytest.mark.parametrize(("part", "value"), [("training", 1), ("hooks", True), ("objects", False)])
def test_a_flag_is_no_count_and_a_count_no_flag(part: str, value: object) -> None:
    reply = {"status": "ok", "handle": 0, "modes": [], **GOOD_STATE, part: {"w": value}}
    with pytest.raises(WireError):
        Student(Liar(reply)).build("Net").state()


def test_forged_error_fields_cannot_be_large_or_of_another_type() -> None:
    error = {"type": "WireError", "shown": "x" * 9000, "text": 5, "cell": ["a"], "line": 10**9, "trace": None}
    with pytest.raises(StudentError) as caught:
        Student(Liar({"status": "error", "error": error, "modes": []})).anything(1)
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
