"""The scripts that measure the recipes: what they read, what they compare, and what they call a failure."""

import dataclasses
import importlib.util
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from ps3 import data, training
from ps3.plots import METHODS

EXPERIMENTS = Path(__file__).resolve().parents[1] / "experiments"


def script(name, file=""):
    spec = importlib.util.spec_from_file_location(name, EXPERIMENTS / (file or f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def course():
    return script("course")


@pytest.fixture
def runs(course, monkeypatch):
    monkeypatch.setitem(sys.modules, "course", course)
    monkeypatch.setitem(sys.modules, "methods", script("methods", "methods/__init__.py"))
    return script("runs")


@pytest.fixture
def speed(course, runs, monkeypatch):
    monkeypatch.setitem(sys.modules, "runs", runs)
    return script("speed")


@pytest.fixture
def finetune(course, runs, monkeypatch):
    monkeypatch.setitem(sys.modules, "runs", runs)
    return script("finetune")


@pytest.fixture
def uncertainty(course, runs, monkeypatch):
    monkeypatch.setitem(sys.modules, "runs", runs)
    return script("uncertainty")


@pytest.fixture
def lecture(course, runs, monkeypatch):
    monkeypatch.setitem(sys.modules, "runs", runs)
    return script("lecture")


def row(accuracy, knn=0.3):
    counts = {str(count): [accuracy] for count in (500, 1_000, 5_000, 10_000)}
    return {"dim": 128, "ridge": counts, "probe": counts, "knn": knn}


@pytest.fixture
def results(tmp_path):
    """Writes results of one seed in which SimCLR reaches `accuracy`; returns the file's name."""

    def write(accuracy):
        simclr = {"random ResNet": row(0.36), "SimCLR": row(accuracy, 0.48)}
        mae = {"random transformer": row(0.41), "MAE": row(0.52)}
        controls = {"pixels": row(0.30)}
        path = tmp_path / "results.json"
        path.write_text(json.dumps({"seeds": {"0": {"simclr": simclr, "mae": mae, "controls": controls}}}))
        return str(path)

    return write


def test_the_functions_of_a_problem_are_read_from_its_notebook(course):
    names = course.reference("masked_autoencoder")
    assert {"patchify", "MAEEncoder", "MAEDecoder", "mae_loss"} <= set(names) and "check" not in names


def test_the_report_ends_well_where_all_thresholds_hold(runs, results, capsys):
    assert runs.main(["--report", "--out", results(0.52)]) == 0
    out = capsys.readouterr().out
    assert "| SimCLR | 128 | 0.520 | 0.520 | 0.520 | 0.520 | 0.480 | 1 |" in out
    assert "| ridge: MAE over pixels at 10,000 labels | 0.06 | 0.220 | yes |" in out and "NO" not in out


def test_the_report_fails_where_one_does_not_hold(runs, results, capsys):
    assert runs.main(["--report", "--out", results(0.44)]) == 1
    assert "| probe: SimCLR at 10,000 labels | 0.50 | 0.440 | NO |" in capsys.readouterr().out


def test_what_an_extra_problem_must_show_is_judged_and_where_its_rows_are_missing_left_out(runs, results, monkeypatch):
    demands = [
        ("SimCLR over MAE", lambda rows: rows["SimCLR"]["knn"] - rows["MAE"]["knn"], 0.2),
        ("colour", lambda rows: rows["colorization"]["knn"], 0.3),
    ]
    monkeypatch.setattr(runs, "EXTRAS", {"an_extra": SimpleNamespace(DEMANDS=demands)})
    rows = json.loads(Path(results(0.52)).read_text())["seeds"]["0"]
    assert runs.demands_of_extras(rows["simclr"] | rows["mae"]) == [("SimCLR over MAE", pytest.approx(0.18), 0.2)]
    assert runs.main(["--report", "--out", results(0.52)]) == 1


def test_numbers_of_a_method_without_features_are_kept(runs, pack, monkeypatch):
    def emoji(pictures, preset, seed):
        yield "words", None, {"measured": {"zero-shot": 0.4}}

    monkeypatch.setitem(runs.RUNS, "emoji", emoji)
    assert runs.judged("emoji", pack, training.preset("tiny"), 0, None) == {"words": {"measured": {"zero-shot": 0.4}}}


def test_results_of_one_judge_alone_are_reported(runs, tmp_path, capsys):
    rows = {"MAE": row(0.6), "SimCLR": row(0.6, 0.5), "random ResNet": row(0.3)}
    for found in rows.values():
        del found["ridge"]
    path = tmp_path / "results.json"
    path.write_text(json.dumps({"seeds": {"0": {"mae": rows}}}))
    assert runs.main(["--report", "--out", str(path)]) == 0
    out = capsys.readouterr().out
    assert "| MAE | 128 | 0.600 |" in out and "ridge: MAE" not in out


def test_features_are_kept_and_judged_again_without_training(runs, pack, tmp_path, monkeypatch):
    known = pack.with_labels(20)
    known = dataclasses.replace(known, test=data.Split(pack.test.images[:30], pack.test.labels[:30]))
    monkeypatch.setattr(runs, "LABEL_COUNTS", (10, 20))
    preset = training.preset("tiny")

    def supervised(pictures, preset, seed):
        features = torch.rand(20, 3), torch.rand(30, 3)
        yield "supervised", features, {"steps": 12}

    monkeypatch.setitem(runs.RUNS, "supervised", supervised)
    first = runs.judged("supervised", known, preset, 0, tmp_path / "kept")
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["supervised-0.pt"]
    monkeypatch.delitem(runs.RUNS, "supervised")
    assert runs.judged("supervised", known, preset, 0, tmp_path / "kept") == first
    row = first["supervised"]
    assert row["steps"] == 12 and set(row["ridge"]) == set(row["probe"]) == {"10", "20"}


def test_a_shortened_preset_keeps_its_batch_size():
    short = dataclasses.replace(training.preset("gpu"), at_most=4)
    assert short.steps("masked_autoencoder") == 4 and short.batch_size == 256


def test_the_published_arrangement_that_speed_is_compared_with_is_the_same_model(course, speed):
    names = course.reference("masked_autoencoder")
    torch.manual_seed(0)
    ours, (theirs, _) = names["MAEEncoder"](), speed.published(names)
    weights = ours.state_dict()
    weights["patch_embed.weight"] = weights["patch_embed.weight"].reshape(128, 4, 4, 3).permute(0, 3, 1, 2)
    theirs.load_state_dict(weights)
    images = torch.rand(2, 3, 32, 32)
    torch.manual_seed(1)
    latent, mask, _ = ours(images)
    torch.manual_seed(1)
    torch.testing.assert_close(theirs(images)[:2], (latent, mask), rtol=1e-4, atol=1e-4)


def test_a_head_and_all_weights_are_reported_from_the_lowest_to_the_highest_seed(finetune, capsys):
    seeds = {
        str(seed): {
            "hand-crafted": {"linear head": 0.42},
            "MAE": {"linear head": 0.46, "all weights": 0.5 + seed / 100},
        }
        for seed in range(3)
    }
    finetune.report(seeds)
    out = capsys.readouterr().out
    assert "| hand-crafted | linear head | 0.420 | 3 |" in out
    assert "| MAE | all weights | 0.500 to 0.520 | 3 |" in out


def test_weights_that_are_not_there_are_named_with_the_fix(finetune, pack, tmp_path):
    with pytest.raises(SystemExit, match=r"no .*simclr-tiny.npz: run the first two notebooks"):
        finetune.learned_encoder("SimCLR", pack, training.preset("tiny"), tmp_path)


def test_a_transformer_is_finetuned_through_its_features(finetune):
    encoder = finetune.random_encoder("MAE", 0)
    assert encoder(torch.rand(2, 3, 32, 32)).shape == (2, 128)


def test_a_difference_on_the_same_images_counts_only_where_two_methods_disagree(uncertainty, pack, tmp_path):
    known = dataclasses.replace(pack.with_labels(20), test=data.Split(pack.test.images[:30], pack.test.labels[:30]))
    features = torch.rand(20, 3), torch.rand(30, 3)
    torch.save([("pixels", features, {}), ("hand-crafted", features, {})], tmp_path / "controls-0.pt")
    torch.save([("supervised", (torch.rand(20, 3), torch.rand(30, 3)), {})], tmp_path / "supervised-0.pt")
    found = uncertainty.differences(tmp_path, known)
    assert found["pixels and hand-crafted"] == 0 and found["pixels and supervised"] > 0


def test_the_lectures_picture_shows_every_method_that_was_measured_at_all_label_counts(lecture, results, tmp_path):
    found = lecture.curves(json.loads(Path(results(0.52)).read_text()), ["SimCLR", "MoCo", "pixels"])
    assert found == {"SimCLR": [[0.52]] * 4, "pixels": [[0.3]] * 4}
    lecture.draw(found, tmp_path / "pictures" / "lecture.png")
    assert (tmp_path / "pictures" / "lecture.png").stat().st_size > 10_000


def test_every_method_in_the_lectures_picture_has_a_look_of_its_own(lecture):
    lecture.import_lessons()
    looks = [METHODS[name] for name in lecture.SHOWN]
    assert len(set(looks)) == len(looks)
