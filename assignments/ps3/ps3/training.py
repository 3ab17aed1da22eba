"""One training loop for every notebook: presets in steps, device and precision by trying, runs that can be resumed."""

import contextlib
import json
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ps3 import stored

SECONDS_BETWEEN_KEEPING = 20.0
ALL_THREADS = torch.get_num_threads()
LABEL_COUNTS = (500, 1_000, 10_000)  # numbers of labels that features are judged with


@dataclass(frozen=True)
class Preset:
    """How long each training runs, in steps of one batch, and how many labels features are judged with."""

    name: str
    batch_size: int = 128
    label_counts: tuple[int, ...] = LABEL_COUNTS
    test_images: int | None = None  # the first so many are loaded; None: all
    at_most: int | None = None

    def steps(self, problem: str, training: str = "steps") -> int:
        """Steps of one of a problem's trainings, from the table that ships with its lesson.

        A preset without a table of its own takes those of "small". ValueError where there is no such training.
        """
        tables = json.loads((LESSONS / problem / "presets.json").read_text(encoding="utf-8"))
        table = tables.get(self.name, tables["small"])
        if training not in table:
            raise ValueError(f"{problem} has no training {training!r} in its presets: {', '.join(table)}")
        return min(int(table[training]), self.at_most or int(table[training]))


LESSONS = Path(__file__).resolve().parent
PRESETS = {
    preset.name: preset
    for preset in (
        # Shows that everything runs; learns nothing. Lessons name test images up to number 1,970.
        Preset("tiny", label_counts=(100, 200, 500), test_images=2_000, at_most=4),
        Preset("small"),
        Preset("medium"),
        Preset("gpu", batch_size=256),
    )
}


def preset(name: str | None = None) -> Preset:
    """The preset of that name, else the one that $PS3_PRESET names, else "small"."""
    name = name or os.environ.get("PS3_PRESET") or "small"
    if name not in PRESETS:
        raise ValueError(f"no preset {name!r}: choose one of {', '.join(PRESETS)}")
    return PRESETS[name]


def preset_line(chosen: Preset, device: torch.device) -> str:
    """What the set-up cell says: the preset in use, and how to choose another."""
    others = ", ".join(f'"{name}"' for name in PRESETS if name not in (chosen.name, "tiny"))
    return (
        f"preset {chosen.name}, {device.type}. Longer or shorter trainings: preset = training.preset(NAME) in this "
        f"cell, with NAME one of {others} (see handout.md)"
    )


def best_device() -> torch.device:
    """A GPU if there is one, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def plateau(done: float, warmup: float = 0.05, decay: float = 0.2) -> float:
    """Learning-rate factor after a share `done` of the steps: linear rise, constant, linear fall to 0."""
    return min(1.0, done / warmup, (1 - done) / decay)


def cosine(done: float, warmup: float = 0.05) -> float:
    """Learning-rate factor after a share `done` of the steps: linear rise, then half a cosine to 0."""
    if done < warmup:
        return done / warmup
    return 0.5 * (1 + math.cos(math.pi * (done - warmup) / (1 - warmup)))


@dataclass
class Progress:
    """What a training has done so far; `losses` has one entry a step, `measured` what a watch measured."""

    steps: int
    losses: list[float] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False
    precision: str = "float32"
    measured: list[tuple[int, float]] = field(default_factory=list)

    @property
    def step(self) -> int:
        return len(self.losses)

    @property
    def seconds_left(self) -> float:
        return self.seconds / max(self.step, 1) * (self.steps - self.step)

    def smooth_loss(self, over: int = 50) -> float:
        """Mean of the last losses; nan where there is none."""
        last = self.losses[-over:]
        return sum(last) / len(last) if last else math.nan


def print_tenths(progress: Progress) -> None:
    """Print ten lines in the course of a training."""
    if not progress.interrupted and progress.step * 10 // progress.steps > (progress.step - 1) * 10 // progress.steps:
        print(
            f"step {progress.step:,} of {progress.steps:,} · loss {progress.smooth_loss():.3f}"
            f" · {progress.seconds_left:.0f} s left"
        )


def train(
    modules: nn.Module | Sequence[nn.Module],
    step: Callable[..., Tensor],
    images: Tensor,
    labels: Tensor | None = None,
    *,
    steps: int,
    batch_size: int = 128,
    lr: float = 2e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    weight_decay: float = 0.05,
    schedule: Callable[[float], float] = plateau,
    seed: int = 0,
    precision: str | None = None,
    watch: Callable[[Progress], None] = print_tenths,
    run: "Run | None" = None,
    descent: Callable[..., torch.optim.Optimizer] | None = None,
) -> Progress:
    """Train `modules` for a fixed number of steps with AdamW and return the losses.

    step(batch) -> scalar loss, where batch is uint8 (B, C, H, W) on the modules' device; with `labels`, step(batch,
    labels). Random numbers come from torch's global state, which `seed` sets. `precision` is "float32", "bfloat16",
    or None: the faster of the two, by trying, and with as many threads as are fastest. Stopping by hand ends it after
    the step that is being done; the modules keep what they learned so far. A `run` that was stopped goes on from there.
    `descent` makes another optimiser than AdamW, called as `adamw` is: descent(modules, lr, betas, weight_decay).
    """
    modules = [modules] if isinstance(modules, nn.Module) else list(modules)
    device = next(modules[0].parameters()).device
    recipe = {"steps": steps, "batch_size": batch_size, "lr": lr, "betas": list(betas), "weight_decay": weight_decay}
    recipe |= {"schedule": getattr(schedule, "__name__", "own"), "seed": seed}
    recipe |= {"descent": getattr(descent, "__name__", "own")} if descent else {}
    optimizer = (descent or adamw)(modules, lr, betas, weight_decay)
    torch.manual_seed(seed)
    earlier = run.earlier(recipe) if run else None
    precision = earlier["precision"] if earlier else precision or os.environ.get("PS3_PRECISION")
    timed = earlier["timed"] if earlier else precision is None  # the first batch serves to choose the precision
    batches = _batches(images, labels, batch_size, device, seed, skip=timed + len(earlier["losses"]) if earlier else 0)
    progress = Progress(steps)
    if earlier:
        _go_on(earlier, modules, optimizer, progress)

    def keep() -> None:
        if run:
            run.keep(progress, _state(modules, optimizer, progress, timed) | {"recipe": recipe})

    for module in modules:
        module.train()
    whole = False
    with stops_between_steps() as stop:
        try:
            progress.precision = precision = precision or choose_speed(modules, step, next(batches))
            stop.if_asked()
            started = time.perf_counter() - progress.seconds
            while progress.step < steps:
                whole = False
                for group in optimizer.param_groups:
                    group["lr"] = lr * schedule((progress.step + 1) / (steps + 1))
                optimizer.zero_grad()
                with autocast(device, precision):
                    loss = step(*next(batches))
                loss.backward()
                optimizer.step()
                progress.losses.append(loss.item())
                whole = True
                progress.seconds = time.perf_counter() - started
                watch(progress)
                if progress.step < steps:
                    if run and run.is_due():
                        keep()
                    stop.if_asked()
        except KeyboardInterrupt:
            progress.interrupted = progress.step < steps
            if whole and progress.interrupted:
                keep()
    if progress.interrupted:
        print(f"stopped after {progress.step:,} of {steps:,} steps: {_where_kept(run)}")
        if progress.losses:
            watch(progress)
    for module in modules:
        module.eval()
    return progress


def _where_kept(run: "Run | None") -> str:
    if run is None:
        return "the network keeps what it learned until then"
    if run.place is None:
        return "nothing is kept; run this cell again to start anew"
    return f"kept in {run.place}; run this cell again to go on from there"


class Stop:
    """Whether somebody asked to stop."""

    asked = False

    def if_asked(self) -> None:
        if self.asked:
            raise KeyboardInterrupt


@contextlib.contextmanager
def stops_between_steps() -> Iterator[Stop]:
    """The first interrupt is only noted, so that no step is torn in two; the second does not wait."""
    stop = Stop()
    before = signal.getsignal(signal.SIGINT)
    if before is None or threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def note(number: int, frame: object) -> None:
        stop.if_asked()
        stop.asked = True

    signal.signal(signal.SIGINT, note)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def _state(
    modules: Sequence[nn.Module], optimizer: torch.optim.Optimizer, progress: Progress, timed: bool
) -> dict[str, Any]:
    """Everything that decides how a training goes on."""
    return {
        "modules": [module.state_dict() for module in modules],
        "optimizer": optimizer.state_dict(),
        "random": _random_states(),
        "losses": list(progress.losses),
        "measured": [list(pair) for pair in progress.measured],
        "seconds": progress.seconds,
        "precision": progress.precision,
        "timed": timed,
    }


def _go_on(
    state: Mapping[str, Any], modules: Sequence[nn.Module], optimizer: torch.optim.Optimizer, progress: Progress
) -> None:
    for module, values in zip(modules, state["modules"], strict=True):
        module.load_state_dict(values)
    optimizer.load_state_dict(state["optimizer"])
    progress.losses, progress.seconds = list(state["losses"]), state["seconds"]
    progress.measured = [(int(step), float(value)) for step, value in state["measured"]]
    for name, values in state["random"].items():
        if name in _RANDOM and len(values) == len(_RANDOM[name][0]()):
            _RANDOM[name][1](values)


def _random_states() -> dict[str, list[Tensor]]:
    return {name: read() for name, (read, _) in _RANDOM.items()}


# Torch's random numbers on each kind of device: how their states are read and set.
_RANDOM: dict[str, tuple[Callable[[], list[Tensor]], Callable[[list[Tensor]], None]]] = {
    "cpu": (lambda: [torch.get_rng_state()], lambda states: torch.set_rng_state(states[0])),
}
if torch.cuda.is_available():
    _RANDOM["cuda"] = (torch.cuda.get_rng_state_all, torch.cuda.set_rng_state_all)
if torch.backends.mps.is_available():
    _RANDOM["mps"] = (lambda: [torch.mps.get_rng_state()], lambda states: torch.mps.set_rng_state(states[0]))


def adamw(
    modules: Iterable[nn.Module], lr: float, betas: tuple[float, float], weight_decay: float
) -> torch.optim.Optimizer:
    """AdamW that shrinks matrices and kernels only, never biases, norms, tokens or positions."""
    parameters = [p for module in modules for p in module.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim in (2, 4)], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim not in (2, 4)], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=lr, betas=betas)


def sgd(
    modules: Iterable[nn.Module], lr: float, betas: tuple[float, float], weight_decay: float
) -> torch.optim.Optimizer:
    """Descent along the slope itself with Nesterov's momentum betas[0]; every weight shrinks."""
    parameters = [p for module in modules for p in module.parameters() if p.requires_grad]
    return torch.optim.SGD(parameters, lr=lr, momentum=betas[0], nesterov=True, weight_decay=weight_decay)


def autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager:
    """Where precision is "bfloat16", matrix products and convolutions run in it; elsewhere nothing changes."""
    if precision == "float32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=getattr(torch, precision))


def full_precision(device: torch.device) -> contextlib.AbstractContextManager:
    """Inside a step: no bfloat16 here. For a loss whose logarithms need more than three digits."""
    return torch.autocast(device.type, enabled=False)


def choose_speed(modules: Sequence[nn.Module], step: Callable[..., Tensor], batch: Sequence[Tensor]) -> str:
    """Time a few steps in float32 and in bfloat16, and on a CPU with one thread; say what was found.

    Returns the faster precision; the faster number of threads is set. Parameters, buffers and random state are
    afterwards as before.
    """
    device = batch[0].device
    print("timing a few steps: which precision, how many threads?")
    random_state = torch.get_rng_state()
    with _as_before(modules):

        def run() -> None:
            step(*batch).backward()

        torch.set_num_threads(ALL_THREADS)
        times = seconds_by_precision(device, run, repeats=3)
        best, found = faster(times), _in_milliseconds(times)
        if device.type == "cpu" and ALL_THREADS > 1:
            torch.set_num_threads(1)
            alone = seconds_by_precision(device, run, repeats=3)
            found += f"; with one thread {_in_milliseconds(alone)}"
            torch.set_num_threads(better_threads(times[best], alone[faster(alone)]))
            best = faster(alone) if torch.get_num_threads() == 1 else best
    torch.set_rng_state(random_state)
    threads = torch.get_num_threads()
    where = f"cpu with {threads} thread{'s' * (threads > 1)}" if device.type == "cpu" else device.type
    print(f"{where}, {best} (a step takes {found})")
    return best


def _in_milliseconds(times: Mapping[str, float]) -> str:
    return ", ".join(f"{1e3 * seconds:.0f} ms in {name}" for name, seconds in times.items())


def better_threads(together: float, alone: float) -> int:
    """All threads, unless one alone gains a tenth: on a busy machine they wait for each other."""
    return 1 if alone < 0.9 * together else ALL_THREADS


@contextlib.contextmanager
def _as_before(modules: Sequence[nn.Module]) -> Iterator[None]:
    """Modules in training mode inside; afterwards they have their weights and buffers of before, and no gradients."""
    kept = [{name: value.clone() for name, value in module.state_dict().items()} for module in modules]
    try:
        for module in modules:
            module.train()
        yield
    finally:
        for module, state in zip(modules, kept, strict=True):
            module.load_state_dict(state)
            module.zero_grad()


def faster(times: Mapping[str, float]) -> str:
    """The faster precision; float32 where bfloat16 gains less than a tenth."""
    return "bfloat16" if times.get("bfloat16", math.inf) < 0.9 * times["float32"] else "float32"


def seconds_by_precision(device: torch.device, run: Callable[[], object], repeats: int) -> dict[str, float]:
    """The shortest time that `run` takes in each precision, after one run to warm up."""
    names = ("float32",) if device.type == "mps" else ("float32", "bfloat16")
    return {name: shortest_time(device, run, name, repeats) for name in names}


def shortest_time(device: torch.device, run: Callable[[], object], precision: str, repeats: int) -> float:
    """The shortest time in seconds that `run` takes, after one run to warm up."""
    shortest = math.inf
    for attempt in range(repeats + 1):
        started = time.perf_counter()
        with autocast(device, precision):
            run()
        if device.type == "cuda":
            torch.cuda.synchronize()
        if attempt:
            shortest = min(shortest, time.perf_counter() - started)
    return shortest


def _batches(
    images: Tensor, labels: Tensor | None, batch_size: int, device: torch.device, seed: int, skip: int = 0
) -> Iterator[tuple[Tensor, ...]]:
    """Endless shuffled batches after the first `skip`; the last images of a round that fill no batch are left out."""
    generator = torch.Generator().manual_seed(seed)
    batch_size = min(batch_size, len(images))
    while True:
        order = torch.randperm(len(images), generator=generator)
        for chosen in order[: len(order) // batch_size * batch_size].split(batch_size):
            if skip:
                skip -= 1
                continue
            batch = (images[chosen],) if labels is None else (images[chosen], labels[chosen])
            yield tuple(part.to(device, non_blocking=True) for part in batch)


class NotFinished(Exception):
    """A training was stopped, and what comes next needs it. In a notebook it shows as one line."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class Run:
    """A training that is kept: loaded where it was finished, gone on with where it was stopped.

    name: "mae", and its files are weights/mae-small.npz (finished) and weights/mae-small.part (stopped), for the preset
    "small". modules: what is trained, by the names under which it is kept. `record` says how far it came.
    """

    def __init__(
        self, name: str, preset: Preset, pictures: stored.Pictures, folder: str | Path = "weights", **modules: Any
    ):
        self.name, self.preset, self.pictures, self.modules = f"{name}-{preset.name}", preset, pictures, modules
        self.path = stored.path_of(name, preset.name, pictures, folder)
        self.record: stored.Record | None = None
        self.progress: Progress | None = None
        self.place: Path | None = None  # of what a stopped training left
        self.written = 0.0

    @property
    def loss(self) -> float:
        """Mean of the last losses of the finished training."""
        return self.record.loss if self.record else math.nan

    def load(self, again: bool = False) -> bool:
        """Whether a finished training of these modules was there; says in numbers what was loaded.

        With `again` nothing is loaded, and the file stays until a new training is finished.
        """
        if again:
            there = ", the earlier one stays until then" if self.path.exists() else ""
            print(f"again = True: {self.name} is trained anew{there}")
            return False
        self.record = stored.load(self.path, self.pictures, **self.modules)
        return self.record is not None

    def train(self, step: Callable[..., Tensor], images: Tensor, labels: Tensor | None = None, **settings: Any) -> bool:
        """Train as `train` does, from where it was stopped if it was; whether it was finished, and so saved."""
        self.progress = train(list(self.modules.values()), step, images, labels, run=self, **settings)
        if self.progress.interrupted:
            return False
        self.record = self._record(self.progress)
        stored.save(self.path, self.record, **self.modules)
        if self.place is not None:
            self.place.unlink(missing_ok=True)
        return True

    def earlier(self, recipe: Mapping[str, Any]) -> dict[str, Any] | None:
        """The state of the longest stopped training that this one can go on from; says what it uses and what not."""
        self.written = time.monotonic()
        fitting = []
        for place in stored.stopped_paths(self.path):
            try:
                record, state = stored.read_stopped(place)
                self._check(record, state, recipe)
                fitting.append((record.steps, place, record, state))
            except (ValueError, KeyError) as error:
                print(f"{place} is left alone: {error}")
        if not fitting:
            return None
        _, self.place, record, state = max(fitting, key=lambda found: found[0])
        print(f"going on with {record.name} after {record.progress} (delete {self.place} to start anew)")
        return state

    def _check(self, record: stored.Record, state: Mapping[str, Any], recipe: Mapping[str, Any]) -> None:
        stored.check_images(record, self.pictures)
        for name, value in recipe.items():
            if state["recipe"].get(name) != value:
                raise ValueError(f"its {name.replace('_', ' ')} is {state['recipe'].get(name)}, not {value}")
        for module, values in zip(self.modules.values(), state["modules"], strict=True):
            stored.check_fit(module, values)

    def is_due(self) -> bool:
        """Whether the last time that it was written down is long ago."""
        return time.monotonic() - self.written >= SECONDS_BETWEEN_KEEPING

    def keep(self, progress: Progress, state: Mapping[str, Any]) -> None:
        """Write down an unfinished training, so that it can go on after a stop, a restart or a lost connection."""
        if progress.losses:
            self.place = stored.save_stopped(self.path, self._record(progress), state, self.place)
        self.written = time.monotonic()

    def _record(self, progress: Progress) -> stored.Record:
        return stored.Record(
            name=self.name,
            steps=progress.step,
            planned=progress.steps,
            loss=progress.smooth_loss(),
            data=self.pictures.name,
            digest=self.pictures.digest,
            preset=self.preset.name,
        )
