"""One training loop for every notebook: presets in steps, device and precision by trying, weights on disk."""

import contextlib
import json
import math
import os
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

ALL_THREADS = torch.get_num_threads()
LABEL_COUNTS = (500, 1_000, 10_000)  # numbers of labels that features are judged with


@dataclass(frozen=True)
class Preset:
    """How long each training runs, in steps of one batch, and how many labels features are judged with."""

    name: str
    batch_size: int = 128
    label_counts: tuple[int, ...] = LABEL_COUNTS
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
        Preset("tiny", label_counts=(100, 200, 500), at_most=12),  # shows that everything runs; learns nothing
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
    """What a training has done so far; `losses` has one entry a step."""

    steps: int
    losses: list[float] = field(default_factory=list)
    seconds: float = 0.0
    interrupted: bool = False
    precision: str = "float32"

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
) -> Progress:
    """Train `modules` for a fixed number of steps with AdamW and return the losses.

    step(batch) -> scalar loss, where batch is uint8 (B, C, H, W) on the modules' device; with `labels`, step(batch,
    labels). Random numbers come from torch's global state, which `seed` sets. `precision` is "float32", "bfloat16",
    or None: the faster of the two, by trying, and with as many threads as are fastest. Stopping by hand keeps what was
    learned so far.
    """
    modules = [modules] if isinstance(modules, nn.Module) else list(modules)
    device = next(modules[0].parameters()).device
    torch.manual_seed(seed)
    batches = _batches(images, labels, batch_size, device, seed)
    progress = Progress(steps)
    optimizer = adamw(modules, lr, betas, weight_decay)
    for module in modules:
        module.train()
    try:
        precision = precision or os.environ.get("PS3_PRECISION") or choose_speed(modules, step, next(batches))
        progress.precision, started = precision, time.perf_counter()
        for done in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = lr * schedule((done + 1) / (steps + 1))
            optimizer.zero_grad()
            with autocast(device, precision):
                loss = step(*next(batches))
            loss.backward()
            optimizer.step()
            progress.losses.append(loss.item())
            progress.seconds = time.perf_counter() - started
            watch(progress)
    except KeyboardInterrupt:
        progress.interrupted = True
        print(f"stopped after {progress.step:,} of {steps:,} steps: what was learned until then is kept")
        if progress.losses:
            watch(progress)
    for module in modules:
        module.eval()
    return progress


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
        best = faster(times)
        found = [f"{1e3 * seconds:.0f} ms in {name}" for name, seconds in times.items()]
        if device.type == "cpu" and ALL_THREADS > 1:
            torch.set_num_threads(1)
            alone = shortest_time(device, run, best, repeats=3)
            found.append(f"{1e3 * alone:.0f} ms in {best} with one thread")
            torch.set_num_threads(better_threads(times[best], alone))
    torch.set_rng_state(random_state)
    threads = torch.get_num_threads()
    where = f"cpu with {threads} thread{'s' * (threads > 1)}" if device.type == "cpu" else device.type
    print(f"{where}, {best} (a step takes {', '.join(found)})")
    return best


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
    images: Tensor, labels: Tensor | None, batch_size: int, device: torch.device, seed: int
) -> Iterator[tuple[Tensor, ...]]:
    """Endless shuffled batches; the last images of a round that do not fill a batch are left out."""
    generator = torch.Generator().manual_seed(seed)
    batch_size = min(batch_size, len(images))
    while True:
        order = torch.randperm(len(images), generator=generator)
        for chosen in order[: len(order) // batch_size * batch_size].split(batch_size):
            batch = (images[chosen],) if labels is None else (images[chosen], labels[chosen])
            yield tuple(part.to(device, non_blocking=True) for part in batch)


def save(path: str | Path, **modules: nn.Module) -> None:
    """Write the weights of named modules to one .npz file, whole or not at all."""
    states = {name: module.state_dict() for name, module in modules.items()}
    save_tensors(path, {f"{name}/{key}": value for name, state in states.items() for key, value in state.items()})


def save_tensors(path: str | Path, tensors: Mapping[str, Tensor]) -> None:
    """Write named tensors to one .npz file, whole or not at all."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    with unfinished.open("wb") as stream:
        np.savez(stream, **{name: value.detach().cpu().numpy() for name, value in tensors.items()})  # type: ignore[arg-type]
    os.replace(unfinished, path)


def load_tensors(path: str | Path) -> dict[str, Tensor]:
    """What `save_tensors` wrote; nothing where there is no such file. ValueError where it is damaged."""
    path = Path(path)
    if not path.exists():
        return {}
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            return {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    except (OSError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is damaged: {error}") from None


def load(path: str | Path, **modules: nn.Module) -> bool:
    """Give named modules the weights that `save` wrote. False where there is no such file or it does not fit them."""
    try:
        saved = load_tensors(path)
        if not saved:
            return False
        states = {name: _of_module(name, saved) for name in modules}
        for name, module in modules.items():
            _check_fit(module, states[name])
    except ValueError as error:
        print(f"{path} is not used: {error}")
        return False
    for name, module in modules.items():
        module.load_state_dict(states[name])
        module.eval()
    return True


def _of_module(name: str, saved: Mapping[str, Tensor]) -> dict[str, Tensor]:
    keys = [key for key in saved if key.split("/", 1)[0] == name]
    return {key.split("/", 1)[1]: saved[key] for key in keys}


def _check_fit(module: nn.Module, state: dict[str, Tensor]) -> None:
    wanted = {key: tuple(value.shape) for key, value in module.state_dict().items()}
    if wanted != {key: tuple(value.shape) for key, value in state.items()}:
        raise ValueError("it holds the weights of another network")
