"""The lesson on momentum contrast: its views, its ages, its snapshot, its figures' numbers."""

import math

import pytest
import torch
from torch import nn

from ps3 import training
from ps3.momentum_contrast import figures, parts


class Keys(nn.Module):
    """A queue's buffers, without what students write."""

    keys: torch.Tensor

    def __init__(self, keys, pointer):
        super().__init__()
        self.register_buffer("keys", keys)
        self.register_buffer("pointer", torch.tensor(pointer))


def follow_fully(online, target, momentum):
    """A target that is online at once."""
    target.load_state_dict(online.state_dict())


def test_views_keep_shape_and_range_and_are_new_each_time(pack):
    images = pack.test.images[:6].float() / 255
    views, again = (parts.Views()(images, torch.Generator().manual_seed(seed)) for seed in (1, 2))
    assert views.shape == images.shape and views.min() >= 0 and views.max() <= 1
    assert not torch.equal(views, again)
    assert torch.equal(views, parts.Views()(images, torch.Generator().manual_seed(1)))


def test_views_of_images_that_are_not_square_have_boxes_inside():
    ramp = torch.arange(12.0).view(1, 1, 1, 12).expand(40, 3, 8, 12) / 11
    views = parts.Views(scale=(0.05, 0.2), jitter=0, grey=0)(ramp, torch.Generator().manual_seed(0))
    assert views.shape == ramp.shape and views.isfinite().all()
    assert len({round(float(view.mean()), 3) for view in views}) > 10  # each image has a box of its own


def test_the_target_starts_as_a_frozen_copy():
    online, target = parts.new_networks(seed=3)
    state = target.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in online.state_dict().items())
    assert all(p.requires_grad for p in online.parameters()) and not any(p.requires_grad for p in target.parameters())
    assert online(torch.randn(2, 3, 32, 32)).shape == (2, parts.DIM)


def test_a_diary_forgets_all_but_the_last_batches():
    diary = parts.Diary(2)
    views = [torch.full((3, 1, 1, 2), float(n)) for n in range(4)]
    assert all(diary.note(view) is view for view in views)
    assert [float(view[0, 0, 0, 0]) for view in diary.views] == [2.0, 3.0]


def test_keys_of_a_target_that_never_changed_do_not_age():
    target, diary = parts.Plane(), parts.Diary(3)
    views = [torch.randn(2, 1, 1, 2) for _ in range(3)]
    keys = torch.cat([target(diary.note(view)).detach() for view in views])
    queue = Keys(torch.cat([keys[4:], torch.zeros(1, 2), keys[:4]]), 2)  # seven rows, written round the end
    similarity, _ = parts.similarity_by_age(queue, target, diary)
    assert similarity.shape == (3,) and (similarity - 1).abs().max() < 1e-3


def test_keys_of_the_oldest_batch_stand_last():
    target, diary = parts.Plane(), parts.Diary(2)
    old, new = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    for view in (old, new):
        diary.note(view.view(1, 1, 1, 2))
    similarity, _ = parts.similarity_by_age(Keys(torch.cat([-old, new]), 0), target, diary)
    assert similarity.tolist() == [1.0, -1.0]


def test_a_key_is_fresh_until_another_photos_key_is_nearer():
    assert parts.fresh_for(torch.tensor([1.0, 0.9, 0.4, 0.8]), 0.5) == 2
    assert parts.fresh_for(torch.ones(4), 0.5) == 4


def test_images_of_some_classes_are_numbered_anew():
    images, labels = torch.arange(6), torch.tensor([0, 3, 1, 3, 2, 1])
    chosen, numbers = parts.of_classes(images, labels, (3, 1))
    assert chosen.tolist() == [1, 2, 3, 5] and numbers.tolist() == [0, 1, 0, 1]


def test_finetuning_leaves_the_start_alone_and_repeats_for_a_draw(pack):
    start = parts.new_networks()[0].encoder
    before = {name: value.clone() for name, value in start.state_dict().items()}
    images, labels, looked_at = pack.train.images[:20], torch.arange(20) % 5, torch.ones(2, 3, 8, 8)
    networks = [parts.finetuned(start, pack, images, labels, 2, seed) for seed in (0, 0, 1)]
    found = [network(looked_at) for network in networks]
    assert torch.equal(found[0], found[1]) and not torch.equal(found[0], found[2])
    assert all(torch.equal(value, before[name]) for name, value in start.state_dict().items())


def test_supervised_weights_are_kept_and_found_again(pack, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PS3_PRECISION", "float32")
    preset = training.Preset("tiny", at_most=1)
    first, again = (parts.supervised(pack, preset, torch.device("cpu")) for _ in range(2))
    assert "training with the labels of 5 classes" in capsys.readouterr().out
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))


@pytest.mark.parametrize("momentum, said", [(0.75, "target: turned"), (0.0, "requires_grad as before")])
def test_what_moved_is_named(momentum, said, capsys):
    figures.who_moved(follow_fully, momentum)
    out = capsys.readouterr().out
    assert said in out and "target: norm.running_mean" in out  # the state holds buffers, and this follower copies them
    assert "online:" not in out


def test_a_target_that_does_not_follow_stays_at_0(capsys):
    figures.following(lambda online, target, momentum: None)
    assert "m = 0.99: 0.00" in capsys.readouterr().out


def test_the_opening_counts_negatives_and_names_the_guess(pack, capsys):
    figures.batch_and_queue(pack, 63)
    assert (
        "126 negatives in the batch, two views of 63 photos; 4,096 in the queue; your guess: 63"
        in capsys.readouterr().out
    )


def test_gradients_of_a_loss_that_moves_keys_are_seen(capsys):
    figures.gradients(lambda queries, keys, queue, t: keys.sum())
    out = capsys.readouterr().out
    assert "queries 0.000, keys 5.657, queue 0.000" in out and math.isclose(32**0.5, 5.657, abs_tol=1e-3)


def test_the_rows_of_the_queue_are_drawn_after_each_batch(capsys):
    class Stuck(Keys):
        def __init__(self, dim, size):
            super().__init__(torch.zeros(size, dim), 0)

        def enqueue(self, keys):
            self.keys[: len(keys)] = keys

    figures.queue_over_time(Stuck)
    assert "the pointer: 0, 0, 0, 0, 0, 0" in capsys.readouterr().out


def test_ages_and_snapshot_say_their_numbers(capsys):
    figures.ages({0.0: torch.linspace(1, 0, 64), 0.99: torch.ones(64)}, {0.0: 0.25, 0.99: 0.1})
    figures.snapshot({("MoCo", 20): [0.5, 0.6], ("random ResNet", 20): [0.3, 0.4]}, 0.2, "MoCo")
    out = capsys.readouterr().out
    assert "m = 0: 1.00 after 0 steps" in out and "0.00 after 63 steps, strangers 0.25" in out
    assert "MoCo, 20: 0.550 (0.500 to 0.600)" in out and "your guess: MoCo" in out
    assert (
        "random ResNet, 20: 0.350" in out and "supervised, 20: 0.5" in out
    )  # the course's start, where none was trained
