"""The training loop, its schedules, and weights on disk."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ps3 import training
from ps3.linear_probe.parts import TinyEncoder

IMAGES = torch.randint(0, 256, (40, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(40) % 2


def silent(progress):
    pass


def classifier():
    torch.manual_seed(0)
    net = nn.Sequential(TinyEncoder(8), nn.Linear(8, 2))

    def step(batch, labels):
        return F.cross_entropy(net(batch / 255), labels)

    return net, step


def run(net, step, **more):
    settings: dict[str, Any] = {"steps": 6, "batch_size": 16, "precision": "float32", "watch": silent} | more
    return training.train(net, step, IMAGES, LABELS, **settings)


def test_the_same_seed_gives_the_same_losses_and_another_seed_others():
    first, again, other = (run(*classifier(), seed=seed).losses for seed in (3, 3, 4))
    assert first == again and first != other and len(first) == 6


def test_training_learns_what_can_be_learned():
    images = torch.zeros(64, 3, 8, 8, dtype=torch.uint8)
    labels = torch.arange(64) % 2
    images[labels == 1, 0] = 255
    net, step = classifier()
    progress = training.train(
        net, step, images, labels, steps=60, batch_size=16, lr=0.03, precision="float32", watch=silent
    )
    assert progress.losses[0] > 0.5 and progress.smooth_loss(5) < 0.2


def test_modules_are_in_eval_mode_afterwards_and_in_training_mode_meanwhile():
    net, inner = classifier()
    modes = []

    def step(batch, labels):
        modes.append(net.training)
        return inner(batch, labels)

    net.eval()
    run(net, step)
    assert all(modes) and not net.training and not net[0].norm.training


def test_stopping_by_hand_keeps_what_was_learned_and_says_so(capsys):
    net, step = classifier()
    before, seen = net[1].weight.clone(), []

    def stop(progress):
        seen.append((progress.step, progress.interrupted))
        if progress.step == 3 and not progress.interrupted:
            raise KeyboardInterrupt

    progress = run(net, step, steps=100, watch=stop)
    assert progress.interrupted and progress.step == 3 and not torch.equal(before, net[1].weight)
    assert seen[-1] == (3, True) and not net.training
    assert "stopped after 3 of 100 steps" in capsys.readouterr().out


def test_every_image_is_seen_once_a_round():
    images = torch.arange(24, dtype=torch.uint8).view(24, 1, 1, 1).expand(24, 3, 2, 2)
    batches = training._batches(images, None, 8, torch.device("cpu"), seed=0)
    rounds = [sorted(v for _ in range(3) for v in next(batches)[0][:, 0, 0, 0].tolist()) for _ in range(2)]
    assert rounds == [list(range(24))] * 2


def test_decay_shrinks_matrices_and_kernels_only():
    net = nn.ModuleDict({"conv": nn.Conv2d(3, 4, 3), "norm": nn.BatchNorm2d(4), "linear": nn.Linear(4, 2)})
    net.register_parameter("token", nn.Parameter(torch.zeros(1, 1, 4)))
    groups = training.adamw([net], 1e-3, (0.9, 0.99), 0.05).param_groups
    decayed = {id(p) for group in groups if group["weight_decay"] for p in group["params"]}
    assert decayed == {id(net["conv"].weight), id(net["linear"].weight)}
    assert sum(len(group["params"]) for group in groups) == len(list(net.parameters()))


def test_another_descent_takes_the_place_of_adamw_and_shrinks_every_weight():
    net, step = classifier()
    run(net, lambda batch, labels: 0 * step(batch, labels), lr=0.1, weight_decay=0.5, descent=training.sgd)
    other, step = classifier()
    run(other, lambda batch, labels: 0 * step(batch, labels), lr=0.1, weight_decay=0.5)
    norms = [network[0].norm.weight.detach() for network in (net, other)]
    assert (norms[0] < 0.99).all() and (norms[1] == 1).all()


@pytest.mark.parametrize("schedule", [training.plateau, training.cosine])
def test_a_schedule_rises_to_one_and_ends_at_zero(schedule):
    values = [schedule(step / 1000) for step in range(1, 1000)]
    assert values[0] < 0.05 and max(values) == pytest.approx(1) and values[-1] < 0.01
    top = values.index(max(values))
    assert values[: top + 1] == sorted(values[: top + 1]) and values[top:] == sorted(values[top:], reverse=True)


def test_the_plateau_is_flat_until_its_last_fifth():
    assert training.plateau(0.3) == training.plateau(0.79) == 1 and training.plateau(0.9) == pytest.approx(0.5)


def test_timing_leaves_weights_buffers_and_random_state_alone_and_says_first_what_it_does(capsys):
    net, step = classifier()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    torch.manual_seed(9)
    expected = torch.rand(3)
    torch.manual_seed(9)
    chosen = training.choose_speed([net], step, (IMAGES[:8], LABELS[:8]))
    assert torch.equal(torch.rand(3), expected) and chosen in ("float32", "bfloat16")
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(p.grad is None for p in net.parameters())
    first, last = capsys.readouterr().out.splitlines()
    assert first.startswith("timing a few steps") and f"{chosen} (a step takes" in last


def test_one_thread_is_taken_where_more_wait_for_each_other(monkeypatch, capsys):
    monkeypatch.setattr(training, "ALL_THREADS", 2)
    threads: list[int] = []
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads[-1])
    monkeypatch.setattr(torch, "set_num_threads", threads.append)
    seconds = {2: {"float32": 0.5, "bfloat16": 0.6}, 1: {"float32": 0.3, "bfloat16": 0.1}}
    monkeypatch.setattr(training, "shortest_time", lambda device, run, name, repeats: seconds[threads[-1]][name])
    net, step = classifier()
    assert training.choose_speed([net], step, (IMAGES[:8], LABELS[:8])) == "bfloat16"
    assert threads == [2, 1, 1] and "cpu with 1 thread, bfloat16" in capsys.readouterr().out


def test_the_precision_of_all_threads_is_taken_where_one_alone_is_slower(monkeypatch):
    monkeypatch.setattr(training, "ALL_THREADS", 2)
    threads: list[int] = []
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads[-1])
    monkeypatch.setattr(torch, "set_num_threads", threads.append)
    seconds = {2: {"float32": 0.1, "bfloat16": 0.2}, 1: {"float32": 0.4, "bfloat16": 0.15}}
    monkeypatch.setattr(training, "shortest_time", lambda device, run, name, repeats: seconds[threads[-1]][name])
    net, step = classifier()
    assert training.choose_speed([net], step, (IMAGES[:8], LABELS[:8])) == "float32" and threads == [2, 1, 2]


def test_all_threads_are_kept_where_one_alone_gains_little(monkeypatch):
    monkeypatch.setattr(training, "ALL_THREADS", 8)
    assert training.better_threads(together=1.0, alone=0.95) == 8 and training.better_threads(1.0, 0.5) == 1


def test_stopping_while_timing_gives_a_sentence_and_leaves_the_network_alone(capsys):
    net, inner = classifier()
    before, calls = net[1].weight.clone(), []

    def step(batch, labels):
        calls.append(len(batch))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return inner(batch, labels)

    progress = run(net, step, precision=None)
    assert progress.interrupted and progress.step == 0 and progress.smooth_loss() != progress.smooth_loss()
    assert torch.equal(before, net[1].weight) and not net.training
    assert "stopped after 0 of 6 steps" in capsys.readouterr().out


def test_float32_is_kept_where_bfloat16_gains_little():
    assert training.faster({"float32": 1.0, "bfloat16": 0.95}) == "float32"
    assert training.faster({"float32": 1.0, "bfloat16": 0.5}) == "bfloat16"
    assert training.faster({"float32": 1.0}) == "float32"


def test_bfloat16_reaches_the_step_and_full_precision_leaves_it():
    net, found = nn.Linear(4, 4), []

    def step(batch):
        found.append(net(batch.float().flatten(1)[:, :4]).dtype)
        with training.full_precision(batch.device):
            found.append(net(batch.float().flatten(1)[:, :4]).dtype)
        return net(batch.float().flatten(1)[:, :4]).float().sum()

    training.train(net, step, IMAGES, steps=1, batch_size=4, precision="bfloat16", watch=silent)
    assert found == [torch.bfloat16, torch.float32]


def test_ten_lines_are_printed_whatever_the_number_of_steps(capsys):
    run(*classifier(), steps=25, watch=training.print_tenths)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 10 and lines[-1].startswith("step 25 of 25 · loss ")


def test_presets_are_found_by_name_by_environment_and_by_default(monkeypatch):
    monkeypatch.delenv("PS3_PRESET", raising=False)
    assert training.preset().name == "small"
    monkeypatch.setenv("PS3_PRESET", "tiny")
    assert training.preset().name == "tiny" and training.preset("gpu").name == "gpu"
    with pytest.raises(ValueError, match="choose one of tiny, small, medium, gpu"):
        training.preset("huge")


def test_the_set_up_line_says_which_preset_it_is_and_how_to_choose_another():
    line = training.preset_line(training.preset("small"), torch.device("cpu"))
    assert line.startswith("preset small, cpu.") and "training.preset(NAME)" in line and '"medium", "gpu"' in line
    assert '"small", "medium"' in training.preset_line(training.preset("gpu"), torch.device("cuda"))


def test_a_preset_gives_the_steps_that_stand_in_a_problems_table():
    small, medium, tiny = (training.preset(name) for name in ("small", "medium", "tiny"))
    assert small.steps("masked_autoencoder") == 1_400 and medium.steps("contrastive_learning") == 5_000
    assert small.steps("linear_probe", "supervised") == 1_000 and tiny.steps("linear_probe", "rotation") == 4
    with pytest.raises(ValueError, match="no training 'steps' in its presets: supervised, rotation"):
        small.steps("linear_probe")
