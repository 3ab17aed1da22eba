"""Weights on disk and their records; trainings that are stopped, resumed, done again."""

import json
import signal
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ps3 import data, stored, training
from ps3.linear_probe import networks
from ps3.linear_probe.parts import TinyEncoder

IMAGES = torch.randint(0, 256, (40, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(40) % 2
TINY = training.preset("tiny")
RECORD = stored.Record("net-tiny", 12, 12, 0.62, "made", "abc", preset="tiny")


def pictures(name="made", digest="abc"):
    split = data.Split(IMAGES, LABELS)
    return data.ImageSet(name, ("a", "b"), (0.5,) * 3, (0.25,) * 3, split, split, IMAGES, digest)


class Training:
    """A small network with dropout and BatchNorm, and its run; as a notebook's cell makes it anew each time."""

    def __init__(self, folder, images=None):
        torch.manual_seed(7)
        self.net = nn.Sequential(TinyEncoder(8), nn.Linear(8, 2))
        self.run = training.Run("net", TINY, images or pictures(), folder, net=self.net)

    def step(self, batch, labels):
        return F.cross_entropy(self.net(batch / 255 + 0.1 * torch.rand(())), labels)

    def start(self, stop_after=None, **more):
        def watch(progress):
            if progress.step == stop_after and not progress.interrupted:
                raise KeyboardInterrupt

        settings: dict[str, Any] = {"steps": 30, "batch_size": 16, "precision": "float32", "watch": watch} | more
        return self.run.train(self.step, IMAGES, LABELS, **settings)

    @property
    def weights(self):
        return {name: value.clone() for name, value in self.net.state_dict().items()}


def same(one, two):
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def finished(folder, **more):
    made = Training(folder)
    assert made.start(**more)
    return made


# --- a stopped training ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stops", [(1,), (11,), (29,), (4, 5, 23)])
def test_a_resumed_training_is_bit_for_bit_the_uninterrupted_one(tmp_path, capsys, stops):
    whole = finished(tmp_path / "whole")
    for stop in stops:
        assert not Training(tmp_path / "parts").start(stop_after=stop)
    capsys.readouterr()
    resumed = finished(tmp_path / "parts")
    assert f"going on with net-tiny after {stops[-1]} of 30 steps" in capsys.readouterr().out
    assert same(whole.weights, resumed.weights)
    assert whole.run.progress.losses == resumed.run.progress.losses and whole.run.loss == resumed.run.loss


def test_it_is_resumed_in_the_precision_that_was_chosen_and_with_the_batches_that_come_next(tmp_path, monkeypatch):
    monkeypatch.delenv("PS3_PRECISION", raising=False)
    monkeypatch.setattr(training, "choose_speed", lambda *_: "bfloat16")
    whole = finished(tmp_path / "whole", precision=None)
    assert not Training(tmp_path / "parts").start(stop_after=11, precision=None)
    monkeypatch.setattr(training, "choose_speed", lambda *_: "float32")
    resumed = finished(tmp_path / "parts", precision=None)
    assert resumed.run.progress.precision == "bfloat16" and same(whole.weights, resumed.weights)


@pytest.fixture
def ctrl_c():
    """Ctrl-C raises, also where the tests run in the background, which are started without it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_stop_waits_for_the_end_of_a_step_and_the_second_does_not(tmp_path, ctrl_c):
    whole, made = finished(tmp_path / "whole"), Training(tmp_path / "parts")
    inner, calls = made.step, []

    def step(batch, labels):
        calls.append(len(batch))
        if len(calls) == 8:
            signal.raise_signal(signal.SIGINT)
        return inner(batch, labels)

    made.__dict__["step"] = step
    assert not made.start() and made.run.progress and made.run.progress.step == len(calls) == 8
    assert same(whole.weights, finished(tmp_path / "parts").weights)
    with training.stops_between_steps(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_training_is_written_down_meanwhile_so_that_a_dead_kernel_loses_little(tmp_path, monkeypatch):
    whole, made = finished(tmp_path / "whole"), Training(tmp_path / "parts")
    monkeypatch.setattr(training, "SECONDS_BETWEEN_KEEPING", 0.0)

    def die(progress):
        if progress.step == 9:
            raise SystemExit

    with pytest.raises(SystemExit):
        made.start(watch=die)
    assert files(tmp_path / "parts") == ["net-tiny-made.part"]
    assert made.run.place and stored.read_stopped(made.run.place)[0].steps == 8
    assert same(whole.weights, finished(tmp_path / "parts").weights)


def test_a_stopped_training_is_never_loaded_and_says_how_far_it_came(tmp_path, capsys):
    assert not Training(tmp_path).start(stop_after=11)
    assert "stopped after 11 of 30 steps: kept in" in capsys.readouterr().out
    after = Training(tmp_path)
    before = after.weights
    assert not after.run.load() and same(before, after.weights)
    assert "net-tiny-made.part is not finished (11 of 30 steps)" in capsys.readouterr().out
    finished(tmp_path)
    assert "going on with net-tiny after 11 of 30 steps" in capsys.readouterr().out
    assert files(tmp_path) == ["net-tiny-made.npz"] and Training(tmp_path).run.load()


def test_a_stopped_file_under_the_name_of_a_finished_one_is_not_taken_for_it(tmp_path, capsys):
    assert not Training(tmp_path).start(stop_after=11)
    (tmp_path / "net-tiny-made.part").rename(tmp_path / "net-tiny-made.npz")
    assert not Training(tmp_path).run.load()
    assert "is not used: it does not say how far its training came" in capsys.readouterr().out


def test_a_shorter_stop_never_replaces_a_longer_one(tmp_path):
    assert not Training(tmp_path).start(stop_after=20)
    longer = (tmp_path / "net-tiny-made.part").read_bytes()
    assert not Training(tmp_path).start(stop_after=5, seed=3)
    assert files(tmp_path) == ["net-tiny-made-2.part", "net-tiny-made.part"]
    assert (tmp_path / "net-tiny-made.part").read_bytes() == longer
    assert stored.read_stopped(tmp_path / "net-tiny-made-2.part")[0].steps == 5


def test_two_kernels_that_resume_the_same_stop_do_not_replace_the_one_that_is_further(tmp_path):
    record = stored.Record("net-tiny", 9, 30, 0.6, "made", "abc")
    place = stored.save_stopped(tmp_path / "w.npz", record, {}, None)
    further = stored.save_stopped(tmp_path / "w.npz", stored.Record("net-tiny", 20, 30, 0.6, "made", "abc"), {}, place)
    assert further == place
    assert stored.save_stopped(tmp_path / "w.npz", record, {}, place) == tmp_path / "w-2.part"


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"steps": 31}, "its steps is 30, not 31"),
        ({"lr": 1e-3}, "its lr is 0.002, not 0.001"),
        ({"batch_size": 8}, "its batch size is 16, not 8"),
        ({"schedule": training.cosine}, "its schedule is plateau, not cosine"),
        ({"seed": 5}, "its seed is 0, not 5"),
    ],
)
def test_a_stop_of_another_recipe_is_left_alone_and_the_reason_is_said(tmp_path, capsys, other, why):
    assert not Training(tmp_path).start(stop_after=11)
    capsys.readouterr()
    assert not Training(tmp_path).start(stop_after=3, **other)
    assert why in capsys.readouterr().out and len(files(tmp_path)) == 2


def test_a_stop_on_other_images_or_a_damaged_one_is_left_alone(tmp_path, capsys):
    assert not Training(tmp_path).start(stop_after=11)
    other = Training(tmp_path, pictures(digest="def"))
    assert not other.start(stop_after=3)
    assert "is left alone: it was trained on other images" in capsys.readouterr().out
    (tmp_path / "net-tiny-made.part").write_bytes(b"PK nonsense")
    assert Training(tmp_path).start()
    assert "is left alone: it is damaged" in capsys.readouterr().out


# --- a finished training --------------------------------------------------------------------------------------------


def test_what_is_loaded_is_said_in_numbers(tmp_path, capsys):
    first = finished(tmp_path)
    second = Training(tmp_path)
    capsys.readouterr()
    assert second.run.load() and same(first.weights, second.weights) and not second.net.training
    said = capsys.readouterr().out
    assert said.startswith(
        f"loaded net-tiny: 30 of 30 steps, loss {first.run.loss:.2f}".replace(" 0.", " .") + ", made 2"
    )
    assert "made images" in said and f"library {stored.library_version()}" in said and second.run.loss == first.run.loss


def test_a_file_holds_steps_loss_date_data_preset_and_versions(tmp_path):
    finished(tmp_path)
    with np.load(tmp_path / "net-tiny-made.npz") as arrays:
        record = json.loads(bytes(arrays[stored.RECORD]))
    assert (record["steps"], record["planned"], record["data"], record["digest"]) == (30, 30, "made", "abc")
    assert record["preset"] == "tiny" and record["torch"] == torch.__version__ and record["made"].startswith("20")
    assert record["library"] == stored.library_version() == "1.0" and 0 < record["loss"] < 2


def test_training_again_leaves_the_good_file_until_it_is_finished(tmp_path, capsys):
    finished(tmp_path)
    good = (tmp_path / "net-tiny-made.npz").read_bytes()
    anew = Training(tmp_path)
    assert not anew.run.load(again=True) and "the earlier one stays until then" in capsys.readouterr().out
    assert not anew.start(stop_after=29)
    assert (tmp_path / "net-tiny-made.npz").read_bytes() == good and Training(tmp_path).run.load()
    assert Training(tmp_path).start()
    assert files(tmp_path) == ["net-tiny-made.npz"]


def test_a_shorter_training_goes_beside_a_longer_one(tmp_path, capsys):
    finished(tmp_path)
    good = (tmp_path / "net-tiny-made.npz").read_bytes()
    finished(tmp_path, steps=4)
    assert files(tmp_path) == ["net-tiny-made-4-steps.npz", "net-tiny-made.npz"]
    assert (tmp_path / "net-tiny-made.npz").read_bytes() == good
    assert "holds a longer training (30 of 30 steps)" in capsys.readouterr().out


def test_a_stop_in_the_last_step_is_a_finished_training(tmp_path):
    assert Training(tmp_path).start(stop_after=30)


def test_other_images_and_other_presets_have_files_of_their_own(pack):
    made = {
        stored.path_of("mae", preset, images).name
        for preset in ("small", "gpu")
        for images in (pack, pictures("stl10"))
    }
    assert made == {"mae-small.npz", "mae-gpu.npz", "mae-small-stl10.npz", "mae-gpu-stl10.npz"}


def test_weights_come_back_with_their_buffers(tmp_path):
    torch.manual_seed(1)
    one, two, other = TinyEncoder(4), nn.Linear(3, 2), nn.Linear(3, 2)
    one(torch.rand(4, 3, 5, 5))
    stored.save(tmp_path / "weights" / "w.npz", RECORD, encoder=one, head=two)
    fresh = TinyEncoder(4)
    assert stored.load(tmp_path / "weights" / "w.npz", encoder=fresh, head=other)
    assert same(one.state_dict(), fresh.state_dict()) and torch.equal(two.weight, other.weight) and not fresh.training
    assert files(tmp_path / "weights") == ["w.npz"]


def test_weights_that_are_missing_damaged_or_of_another_network_are_not_used(tmp_path, capsys):
    path, net = tmp_path / "w.npz", TinyEncoder(4)
    before = net.conv.weight.clone()
    assert not stored.load(path, encoder=net)
    stored.save(path, RECORD, encoder=TinyEncoder(8))
    assert not stored.load(path, encoder=net)
    assert "weights of another network" in capsys.readouterr().out
    stored.save(path, RECORD, encoder=TinyEncoder(4))
    assert not stored.load(path, pictures(digest="def"), encoder=net)
    assert "trained on other images" in capsys.readouterr().out
    path.write_bytes(path.read_bytes()[:100])
    assert not stored.load(path, encoder=net)
    assert "is not used: it is damaged" in capsys.readouterr().out
    assert torch.equal(before, net.conv.weight)


def test_weights_without_a_record_or_of_an_unfinished_training_are_not_used(tmp_path, capsys):
    path, net = tmp_path / "w.npz", TinyEncoder(4)
    tensors = {f"encoder/{name}": value.numpy() for name, value in TinyEncoder(4).state_dict().items()}
    np.savez(path, **tensors)
    assert not stored.load(path, encoder=net)
    assert "does not say how far its training came" in capsys.readouterr().out
    unfinished = json.dumps({"name": "net", "steps": 6, "planned": 12, "loss": 1.0, "data": "made", "digest": ""})
    record: Any = {stored.RECORD: np.frombuffer(unfinished.encode(), dtype=np.uint8)}
    np.savez(path, **tensors, **record)
    assert not stored.load(path, encoder=net)
    assert "its training is not finished (6 of 12 steps)" in capsys.readouterr().out
    with pytest.raises(ValueError, match="only a finished training"):
        stored.save(path, stored.Record("net", 6, 12, 1.0, "made", ""), encoder=net)


def test_a_file_that_could_not_be_written_completely_leaves_the_one_before(tmp_path):
    path = tmp_path / "w.npz"
    stored.save(path, RECORD, encoder=TinyEncoder(4))
    good = path.read_bytes()
    with pytest.raises(RuntimeError), stored.Replacing(path) as stream:
        stream.write(b"half")
        raise RuntimeError("disk full")
    assert path.read_bytes() == good and files(tmp_path) == ["w.npz"]


# --- what the notebook on linear probes says ------------------------------------------------------------------------


def test_the_next_notebook_refuses_an_unfinished_training_in_a_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("mae", "simclr"):
        state = stored.Record(f"{name}-tiny", 620, 1400, 0.7, "made", "abc")
        stored.save_stopped(stored.path_of(name, "tiny", pictures()), state, {}, None)
    assert not networks.stored_features(TINY, pictures())
    assert networks.learned(pictures(), TINY, torch.device("cpu"), {"MAE": (IMAGES, IMAGES)}) == {}
    said = capsys.readouterr().out
    assert "MAE: no weights/mae-features-tiny-made.npz" in said and said.count("not finished") >= 2
    assert "weights/simclr-tiny-made.part is not finished (620 of 1,400 steps), so it is not used" in said
