"""The lesson on transfer: its tasks, its trainings, its figures' numbers, its given parts."""

import copy
import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ps3 import training
from ps3.transfer import figures, parts, trainings


def take_everything(network, state):
    """A load_backbone as short as can be."""
    network.backbone.load_state_dict({name[9:]: value for name, value in state.items() if name.startswith("backbone.")})
    return ["head.bias", "head.weight"]


def two_groups(network, head_rate, backbone_rate, decay):
    rates = ((network.head, head_rate), (network.backbone, backbone_rate))
    return [{"params": list(part.parameters()), "lr": rate, "weight_decay": decay} for part, rate in rates if rate]


def plain_step(network, images, labels, head_rate, backbone_rate):
    network.train()
    network.backbone.train(backbone_rate > 0)
    loss = F.cross_entropy(network(images), labels)
    network.zero_grad()
    loss.backward()
    torch.optim.SGD(two_groups(network, head_rate, backbone_rate, 0.0)).step()
    return loss.item()


def first_ones(labels, per_class, generator=None):
    return torch.cat([(labels == label).nonzero().flatten()[:per_class] for label in labels.unique()])


def small_set(pack, images=300):
    return dataclasses.replace(
        pack,
        **{
            name: dataclasses.replace(part, images=part.images[:images], labels=part.labels[:images])
            for name, part in (("train", pack.train), ("test", pack.test))
        },
    )


def test_the_two_tasks_share_no_class_and_together_have_all(pack):
    assert sorted(trainings.FIRST + trainings.SECOND) == sorted(pack.classes)


def test_a_task_has_the_images_of_its_classes_numbered_anew(pack):
    second = trainings.task(pack, trainings.SECOND)
    assert second.train.labels.bincount().tolist() == [2_500] * 5 and len(second.test) == 2_500
    dogs = pack.train.images[pack.train.labels == pack.classes.index("dog")]
    assert torch.equal(second.train.images[second.train.labels == trainings.SECOND.index("dog")], dogs)


def test_new_networks_are_the_same_for_the_same_seed():
    one, same, other = (trainings.new_network(seed=seed).head.weight for seed in (0, 0, 1))
    assert torch.equal(one, same) and not torch.equal(one, other)


def test_batches_go_through_all_places_before_any_comes_again():
    batches = trainings.shuffled(6, 2, seed=0)
    for _ in range(2):
        assert sorted(torch.cat([next(batches) for _ in range(3)]).tolist()) == list(range(6))
    assert len(next(trainings.shuffled(3, 64, seed=0))) == 3


def test_only_training_from_scratch_begins_with_another_backbone():
    network = trainings.new_network(seed=5)
    weight = "backbone.stem.0.weight"
    for way in trainings.WAYS:
        begun = trainings.begun(way, network, take_everything, seed=0)
        taken = torch.equal(begun.state_dict()[weight], network.state_dict()[weight])
        assert taken is (way != "from scratch")
        assert not torch.equal(begun.head.weight, network.head.weight)


def test_accuracy_leaves_every_part_in_its_mode(pack):
    network = trainings.new_network().train()
    network.head.eval()
    reached = trainings.accuracy(network, pack, trainings.task(small_set(pack), trainings.SECOND).test)
    assert 0 <= reached <= 1
    assert network.training and network.backbone.training and not network.head.training


@pytest.mark.parametrize("freeze", [True, False])
def test_finetuning_moves_the_backbone_unless_it_is_frozen(pack, freeze):
    network, labelled = trainings.new_network(), trainings.task(small_set(pack, 60), trainings.SECOND).train
    before = copy.deepcopy(network.state_dict())
    trainings.finetune(network, two_groups, pack, labelled, 2, freeze=freeze)
    after = network.state_dict()
    moved = [name for name in before if not torch.equal(before[name], after[name])]
    assert any(name.startswith("head") for name in moved)
    assert any(name.startswith("backbone") for name in moved) is not freeze


def test_the_curve_goes_on_where_it_was_stopped(pack, monkeypatch, capsys):
    tiny = dataclasses.replace(training.preset("tiny"), at_most=1)
    monkeypatch.setattr(trainings, "COUNTS", (2,))
    known, network = {("from scratch", 2): 0.125}, trainings.new_network()
    small = small_set(pack, 200)
    assert trainings.measure_curve(known, network, first_ones, take_everything, two_groups, small, tiny)
    assert known["from scratch", 2] == 0.125 and set(known) == {(way, 2) for way in trainings.WAYS}
    assert "2 labels a class: from scratch 0.125" in capsys.readouterr().out

    def stopped(*arguments):
        raise KeyboardInterrupt

    assert not trainings.measure_curve({}, network, first_ones, stopped, two_groups, small, tiny)
    assert "run this cell again to go on" in capsys.readouterr().out


def test_a_race_is_measured_from_its_start_to_its_end(pack):
    line = trainings.race("frozen", trainings.new_network(), plain_step, take_everything, small_set(pack, 200), 2)
    assert list(line) == [0, 1, 2]


def test_races_go_on_where_they_were_stopped(pack, capsys):
    known = {way: {0: 0.25} for way in ("from scratch", "finetuned")}
    tiny, network = dataclasses.replace(training.preset("tiny"), at_most=1), trainings.new_network()

    def stopped(*arguments):
        raise KeyboardInterrupt

    small = small_set(pack, 200)
    assert not trainings.race_all(known, network, stopped, take_everything, small, tiny)
    assert "stopped: 2 of 3 races are run" in capsys.readouterr().out
    assert trainings.race_all(known, network, plain_step, take_everything, small, tiny)
    assert known["finetuned"] == {0: 0.25} and list(known["frozen"]) == [0, 1]


def test_steps_to_a_height_asks_for_more_than_one_lucky_measure():
    line = {0: 0.2, 10: 0.6, 20: 0.3, 30: 0.55, 40: 0.6}
    assert trainings.steps_to(line, 0.5) == 30
    assert trainings.steps_to(line, 0.7) is None
    assert trainings.end_of(line, over=2) == pytest.approx(0.575)


def test_the_puzzle_says_which_curve_was_pretrained(capsys):
    drawn = figures.two_curves()
    assert {"A", "B"} <= {text.get_text() for text in drawn.axes[0].texts}
    assert sum(figures.CURVES[figures.PRETRAINED]) == max(map(sum, figures.CURVES.values()))
    for guess, said in (
        ("a", "(right)"),
        ("B", "(not this one)"),
        (None, "no guess made"),
        ("the upper one", "no guess"),
    ):
        capsys.readouterr()
        figures.reveal(guess)
        assert "curve A had seen" in (told := capsys.readouterr().out) and said in told


def test_chosen_places_are_counted_by_class(capsys):
    labels = torch.arange(3).repeat(4)
    figures.chosen_places([torch.tensor([0, 3, 1])], labels)
    assert "draw 1: 2, 1, 0 of each class" in capsys.readouterr().out


def test_loading_shows_what_moved_what_was_named_and_what_was_refused(capsys):
    figures.loaded(take_everything)
    said = capsys.readouterr().out
    assert "2 as it was, 7 as in the state, 0 neither; 2 named" in said and "RuntimeError" in said
    figures.loaded(lambda network, state: [])
    said = capsys.readouterr().out
    assert "9 as it was" in said and said.count("accepted, no entries changed") == 3


def test_groups_are_counted_and_empty_ones_named(capsys):
    drawn = figures.grouped(two_groups)
    said = capsys.readouterr().out
    assert "2 groups (0 empty), 6 of 6 parameters" in said and "1 groups (0 empty), 2 of 6" in said
    crosses = [line for line in drawn.axes[1].lines if line.get_marker() == "x"]
    assert len(crosses) == 4
    figures.grouped(lambda *given: [{"params": [], "lr": 0.1, "weight_decay": 0}])
    assert "1 groups (1 empty), 0 of 6 parameters" in capsys.readouterr().out


def test_moves_of_a_frozen_backbone_are_none(capsys):
    network = parts.small_classifier("tiny", 4, 3, 5)
    before = copy.deepcopy(network.state_dict())
    figures.moved(plain_step, network, torch.rand(6, 3, 5, 4), torch.arange(6) % 5)
    lines = capsys.readouterr().out.split("; ")
    assert all(line.strip().endswith("0.00000") for line in lines[1:]) and not lines[0].endswith("0.00000")
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_the_race_says_how_many_times_faster(capsys):
    lines = {"from scratch": {0: 0.2, 50: 0.5, 100: 0.6}, "finetuned": {0: 0.2, 50: 0.7, 100: 0.7}}
    figures.race(lines | {"frozen": {0: 0.2, 50: 0.3, 100: 0.3}})
    said = capsys.readouterr().out
    assert "finetuned: after 50 (2 times faster)" in said and "frozen: never" in said


def test_the_gap_of_the_curve_is_told_and_guesses_are_drawn(capsys):
    heights = {"from scratch": 0.5, "finetuned": 0.6, "frozen": 0.55}
    found = {(way, count): height for way, height in heights.items() for count in trainings.COUNTS}
    drawn: Any = figures.label_curve(found, {20: 0.07, 2_500: None}, 2_500)
    said = capsys.readouterr().out
    assert "+0.100 at 20, +0.100 at 100" in said and "your guess at 20: +0.07" in said
    diamonds = [line for line in drawn.axes[0].lines if line.get_marker() == "D" and len(np.asarray(line.get_xdata()))]
    assert [float(np.asarray(line.get_ydata())[0]) for line in diamonds] == pytest.approx([0.57])
    figures.label_curve({key: value for key, value in found.items() if key[1] < 500}, {20: None, 2_500: None}, 2_500)
    assert "no guess made" in capsys.readouterr().out


def test_the_drawn_architecture_says_what_is_new():
    assert "new: other classes" in " ".join(text.get_text() for text in figures.architecture().axes[0].texts)


def test_small_networks_of_the_checks_give_scores():
    for kind in parts.BACKBONES:
        assert parts.small_classifier(kind, 4, 2, 3)(torch.rand(5, 2, 3, 4)).shape == (5, 3)
    assert parts.small_classifier("tiny", 4, 2, 3, head_bias=False).head.bias is None
    asleep: Any = parts.half_asleep("watched", 4, 2, 3)
    assert not asleep.head.training and not asleep.backbone.norm.training and asleep.backbone.training
    asleep(torch.rand(1, 2, 3, 3))
    assert parts.watched_modes(asleep) == [True]


def test_gradients_that_are_left_are_seen():
    network = parts.small_classifier("tiny", 4, 2, 3)
    assert parts.largest_gradient(network) == 0
    parts.leave_gradients(network, -2.0)
    assert parts.largest_gradient(network) == 2


def test_one_descent_moves_every_parameter_of_the_groups_by_its_rate():
    network: Any = parts.small_classifier("tiny", 4, 2, 3)
    before = copy.deepcopy(network.state_dict())
    parts.descend(two_groups, network, 0.5, 0.25, 0.0)
    torch.testing.assert_close(network.head.bias, before["head.bias"] - 0.5)
    torch.testing.assert_close(network.backbone.conv.bias, before["backbone.conv.bias"] - 0.25)
