"""The scripts that measure the recipes: what they read, what they compare, and what they call a failure."""

import importlib.util
import json
import sys

import pytest
import torch

from ps3 import data, training


def script(name):
    spec = importlib.util.spec_from_file_location(name, data.PACKS.parent / "experiments" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def runs():
    return script("runs")


@pytest.fixture
def speed(runs, monkeypatch):
    monkeypatch.setitem(sys.modules, "runs", runs)
    return script("speed")


def row(probe, knn=0.3):
    return {"dim": 128, "probe": {"500": [probe], "1000": [probe], "10000": [probe]}, "knn": knn}


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


def test_the_functions_of_a_problem_are_read_from_its_notebook(runs):
    names = runs.reference("masked_autoencoder")
    assert {"patchify", "MAEEncoder", "MAEDecoder", "mae_loss"} <= set(names) and "check" not in names


def test_the_report_ends_well_where_all_thresholds_hold(runs, results, capsys):
    assert runs.main(["--report", "--out", results(0.52)]) == 0
    out = capsys.readouterr().out
    assert "| SimCLR | 128 | 0.520 | 0.520 | 0.520 | 0.480 | 1 |" in out
    assert "| MAE over pixels | 0.10 | 0.220 | yes |" in out and "NO" not in out


def test_the_report_fails_where_one_does_not_hold(runs, results, capsys):
    assert runs.main(["--report", "--out", results(0.44)]) == 1
    assert "| SimCLR, probe at 10,000 labels | 0.50 | 0.440 | NO |" in capsys.readouterr().out


def test_a_shortened_preset_keeps_its_batch_size(runs):
    short = runs.shorter(training.preset("gpu"), 4)
    assert (short.mae, short.simclr, short.supervised, short.batch_size) == (4, 4, 4, 256)
    assert runs.shorter(training.preset("gpu"), None) == training.preset("gpu")


def test_the_published_arrangement_that_speed_is_compared_with_is_the_same_model(runs, speed):
    names = runs.reference("masked_autoencoder")
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
