"""Weights and features on disk, each with a record of the training they come from.

A finished training is one .npz file. A stopped one lies beside it, under another ending, and is never taken for it.
"""

import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

RECORD = "record.json"  # the entry of a file that holds its record
ENDING, STOPPED = ".npz", ".part"
VERSION = Path(__file__).with_name("version.txt")


class Pictures(Protocol):
    """What a training saw: a set of images that has a name and a digest of its files."""

    @property
    def name(self) -> str: ...

    @property
    def digest(self) -> str: ...


@dataclass(frozen=True)
class Record:
    """Which training made a file, and how far it had come. `loss`: mean of its last losses; `digest`: of the data."""

    name: str
    steps: int
    planned: int
    loss: float
    data: str
    digest: str
    preset: str = ""
    made: str = ""
    library: str = ""
    torch: str = ""

    @property
    def is_finished(self) -> bool:
        return self.steps >= self.planned > 0

    @property
    def progress(self) -> str:
        return f"{self.steps:,} of {self.planned:,} steps"

    def sentence(self) -> str:
        """What it is, in numbers."""
        loss = f"{self.loss:.2f}".removeprefix("0")
        library = f", library {self.library}" if self.library else ""
        return f"{self.name}: {self.progress}, loss {loss}, made {self.made}, {self.data} images{library}"

    def dated(self) -> "Record":
        """The same, made now with this library and this torch."""
        now = datetime.now().astimezone().isoformat(sep=" ", timespec="minutes")
        return replace(self, made=now[:16], library=library_version(), torch=str(torch.__version__))


@dataclass(frozen=True)
class Stored:
    """What stands in a file of a finished training."""

    tensors: dict[str, Tensor]
    record: Record


def library_version() -> str:
    """The version of the problem set that this library came with."""
    return VERSION.read_text(encoding="utf-8").strip() if VERSION.is_file() else ""


def path_of(name: str, preset: str, pictures: Pictures, folder: str | Path = "weights") -> Path:
    """Where the training of that name keeps its weights: a preset and a set of images each have their own."""
    images = "" if pictures.name == "cifar10_small" else f"-{pictures.name}"
    return Path(folder) / f"{name}-{preset}{images}{ENDING}"


def save(path: str | Path, record: Record, **modules: nn.Module) -> Path:
    """Write the weights of named modules to one file, as `save_tensors` does."""
    states = {name: module.state_dict() for name, module in modules.items()}
    tensors = {f"{name}/{key}": value for name, state in states.items() for key, value in state.items()}
    return save_tensors(path, tensors, record)


def save_tensors(path: str | Path, tensors: Mapping[str, Tensor], record: Record) -> Path:
    """Write named tensors to one file, whole or not at all; returns where.

    A file of a longer training stays: the shorter one then goes beside it, and a line says so. ValueError where the
    training is not finished.
    """
    if not record.is_finished:
        raise ValueError(f"{record.name} has done {record.progress}: only a finished training is saved as weights")
    path = _beside_a_longer_one(Path(path), record)
    arrays: dict[str, Any] = {name: value.detach().cpu().numpy() for name, value in tensors.items()}
    arrays[RECORD] = np.frombuffer(json.dumps(asdict(record.dated())).encode(), dtype=np.uint8)
    with Replacing(path) as stream:
        np.savez(stream, **arrays)
    return path


def _beside_a_longer_one(path: Path, record: Record) -> Path:
    try:
        there = read(path)
    except ValueError:
        return path
    if there is None or there.record.steps <= record.steps:
        return path
    other = path.with_name(f"{path.stem}-{record.steps}-steps{ENDING}")
    print(f"kept as {other}, since {path} holds a longer training ({there.record.progress}): delete that one first")
    return other


def read(path: str | Path) -> Stored | None:
    """What `save_tensors` wrote; None where there is no such file.

    ValueError, saying why, where it is damaged, or of a training that is not finished or says nothing of itself.
    """
    path = Path(path)
    if not path.exists():
        return None
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
    except (OSError, EOFError, AttributeError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"it is damaged ({error}): delete it and train again") from None
    record = _record(found.pop(RECORD, None))
    if not record.is_finished:
        raise ValueError(f"its training is not finished ({record.progress})")
    return Stored({name: torch.from_numpy(array) for name, array in found.items()}, record)


def _record(entry: Any) -> Record:
    try:
        return Record(**json.loads(bytes(entry)))
    except (TypeError, ValueError):
        raise ValueError("it does not say how far its training came: delete it and train again") from None


def load(path: str | Path, pictures: Pictures | None = None, **modules: nn.Module) -> Record | None:
    """Give named modules the weights that `save` wrote, say in numbers what they are, and return their record.

    None, saying why, where the file does not fit the modules, is damaged, not finished, or trained on other images
    than `pictures`; where there is none, a stopped training beside it is named.
    """
    try:
        found = read(path)
        if found is None:
            _name_stopped(Path(path))
            return None
        check_images(found.record, pictures)
        states = {name: _of_module(name, found.tensors) for name in modules}
        for name, module in modules.items():
            check_fit(module, states[name])
    except ValueError as error:
        print(f"{path} is not used: {error}")
        return None
    for name, module in modules.items():
        module.load_state_dict(states[name])
        module.eval()
    print(f"loaded {found.record.sentence()}")
    return found.record


def check_images(record: Record, pictures: Pictures | None) -> None:
    """ValueError where the record is of a training on other images."""
    if pictures is not None and record.digest != pictures.digest:
        raise ValueError(f"it was trained on other images ({record.data}, {record.digest or 'of unknown origin'})")


def check_fit(module: nn.Module, state: Mapping[str, Tensor]) -> None:
    """ValueError where a state does not fit a module."""
    wanted = {key: tuple(value.shape) for key, value in module.state_dict().items()}
    if wanted != {key: tuple(value.shape) for key, value in state.items()}:
        raise ValueError("it holds the weights of another network")


def _of_module(name: str, saved: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {key.split("/", 1)[1]: value for key, value in saved.items() if key.split("/", 1)[0] == name}


# --- stopped trainings ----------------------------------------------------------------------------------------------


def stopped_paths(path: Path) -> list[Path]:
    """The files of stopped trainings beside the file that a finished one would have."""
    return [place for place in _places(path) if place.is_file()]


def read_stopped(path: Path) -> tuple[Record, dict[str, Any]]:
    """The record and the state of a stopped training. ValueError where it is damaged."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        return Record(**content["record"]), content["state"]
    except Exception as error:  # torch's own errors for a damaged file are of many kinds
        raise ValueError(f"it is damaged ({type(error).__name__})") from None


def save_stopped(path: Path, record: Record, state: Mapping[str, Any], place: Path | None) -> Path:
    """Write a stopped training beside `path`, where it was before or where nothing is; returns where.

    A file that holds more steps is never replaced, even by the training that wrote it.
    """
    if place is None or (place.is_file() and _steps(place) > record.steps):
        place = next(place for place in _places(path) if not place.exists())
    with Replacing(place) as stream:
        torch.save({"record": asdict(record.dated()), "state": dict(state)}, stream)
    return place


def _places(path: Path) -> list[Path]:
    return [path.with_name(f"{path.stem}{'' if n == 1 else f'-{n}'}{STOPPED}") for n in range(1, 100)]


def _steps(place: Path) -> int:
    try:
        return read_stopped(place)[0].steps
    except ValueError:
        return 0


def _name_stopped(path: Path) -> None:
    for place in stopped_paths(path):
        try:
            record, _ = read_stopped(place)
        except ValueError:
            continue
        print(f"{place} is not finished ({record.progress}), so it is not used: run its training, which goes on there")


class Replacing:
    """A stream whose content takes the place of a file when it is written completely; before, nothing changes."""

    def __init__(self, path: Path):
        self.path, self.draft = path, path.with_name(f"{path.name}.{os.getpid()}.writing")

    def __enter__(self) -> Any:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.stream = self.draft.open("wb")
        return self.stream

    def __exit__(self, kind: object, *_: object) -> None:
        self.stream.close()
        if kind is None:
            os.replace(self.draft, self.path)
        else:
            self.draft.unlink(missing_ok=True)
