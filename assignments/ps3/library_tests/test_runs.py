"""The script that measures the recipes: what it reads, and what it calls a failure."""

import importlib.util
import json

import pytest

from ps3 import data


@pytest.fixture(scope="module")
def runs():
    spec = importlib.util.spec_from_file_location("runs", data.PACKS.parent / "experiments" / "runs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def row(probe, knn=0.3):
    return {"dim": 128, "probe": {"500": [probe], "1000": [probe], "10000": [probe]}, "knn": knn}


@pytest.fixture
def results(tmp_path):
    """Writes results of one seed in which SimCLR reaches `accuracy`; returns the file's name."""

    def write(accuracy):
        simclr = {"random ResNet": row(0.36), "SimCLR": row(accuracy, 0.48) | {"images_per_second": 500}}
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
    assert runs.main(["--report", "--out", results(0.5)]) == 0
    out = capsys.readouterr().out
    assert "| SimCLR | 128 | 0.500 | 0.500 | 0.500 | 0.480 | 1 | 500 |" in out
    assert "| MAE over pixels | 0.06 | 0.220 | yes |" in out and "NO" not in out


def test_the_report_fails_where_one_does_not_hold(runs, results, capsys):
    assert runs.main(["--report", "--out", results(0.44)]) == 1
    assert "| SimCLR, probe at 10,000 labels | 0.45 | 0.440 | NO |" in capsys.readouterr().out
