"""Finds what makes a test another one at its next run: clocks, dates, randomness without a seed, order of sets.

Read from the code, under whatever names imports and assignments give. Not found: what a library's function does inside,
and a name that code puts together; for these `verify` runs the reference at another time (verify/another_time.py).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeGuard

from autograder.assignment.model import Assignment
from autograder.assignment.toml import Complaints

_FIXED_TIME = "give the test a fixed one, such as 1_700_000_000.0; how long a call may take says call_seconds"
_FIXED_DATE = "write a fixed one, such as datetime(2024, 2, 29)"
_OWN_VALUE = "write a fixed value, or draw it from the fixture rng"
_TORCH = "pass generator=rng (the fixture), or generator=torch.Generator().manual_seed(3)"
_NUMPY = "use the fixture rng, or np.random.default_rng(3)"
_PYTHON = "use the fixture rng, or random.Random(3)"
_GLOBAL = "call torch.manual_seed(3) before it in the same test"
_SEEDED = "give it a seed, such as 3"
_GENERATOR = "write torch.Generator().manual_seed(3), use the fixture rng, or give the student's code Seed(3)"
_SORTED = "put sorted(…) around it"

_DATES = {"datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today"}
_MACHINE = {"os.urandom", "os.getrandom", "os.getpid", "os.getppid", "os.times", "uuid.uuid1", "uuid.uuid4",
            "threading.get_ident", "threading.get_native_id"}  # fmt: skip
_BUILTINS = {"id": "the place in memory", "hash": "of texts another in each process"}
_TORCH_DRAWS = {
    *(f"torch.{name}" for name in ("rand", "randn", "randint", "randperm", "normal", "bernoulli", "multinomial",
                                   "poisson", "rand_like", "randn_like", "randint_like")),
    *(f"torch.nn.init.{name}_" for name in ("uniform", "normal", "trunc_normal", "xavier_uniform", "xavier_normal",
                                            "kaiming_uniform", "kaiming_normal", "orthogonal", "sparse")),
    "torch.utils.data.random_split", "torch.utils.data.RandomSampler",
}  # fmt: skip
_TORCH_DROPS = {
    *(f"torch.nn.functional.{name}" for name in ("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout",
                                                 "feature_alpha_dropout", "rrelu", "gumbel_softmax")),
    "torch.dropout",
}  # fmt: skip
_TORCH_LAYERS = {
    f"torch.nn.{name}"
    for name in ("Linear", "Bilinear", "Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d",
                 "ConvTranspose3d", "Embedding", "EmbeddingBag", "LSTM", "GRU", "RNN", "LSTMCell", "GRUCell", "RNNCell",
                 "MultiheadAttention", "Transformer", "TransformerEncoderLayer", "TransformerDecoderLayer")
}  # fmt: skip
_RESEEDS = {"torch.seed", "torch.random.seed", "torch.initial_seed", "torch.random.initial_seed"}
_IN_PLACE = {"random_", "uniform_", "normal_", "bernoulli_", "exponential_", "cauchy_", "log_normal_", "geometric_"}
# Of numpy.random and random, what makes a generator of its own: it needs a seed.
_MAKERS = {"numpy.random.default_rng", "numpy.random.RandomState", "numpy.random.SeedSequence", "numpy.random.PCG64",
           "numpy.random.PCG64DXSM", "numpy.random.MT19937", "numpy.random.Philox", "numpy.random.SFC64",
           "random.Random"}  # fmt: skip
_KINDS = {"numpy.random.Generator", "numpy.random.BitGenerator"}
_SEEDERS = {"torch.manual_seed": "torch", "torch.random.manual_seed": "torch", "numpy.random.seed": "numpy",
            "random.seed": "random"}  # fmt: skip
_READS_IN_ORDER = {"list", "tuple", "enumerate", "iter", "next", "zip", "map", "dict", "reversed"}
_READ_BY_NAME = {"datetime", "numpy.random", "os", "random", "secrets", "time", "torch", "uuid"}
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


@dataclass(frozen=True)
class Chance:
    """A passage that makes a test another one at its next run, and what to write instead. `line` is 1-based."""

    line: int
    text: str


def refuse_chance(assignment: Assignment) -> None:
    """CourseError with a line for every passage of the tests that makes them others at their next run."""
    complaints = Complaints(assignment.root)
    for path in (path for problem in assignment.problems for path in problem.tests):
        try:
            found = chances(path)
        except SyntaxError as error:
            complaints.add(path, f"not Python: {error.msg}", error.lineno)
            continue
        for chance in found:
            complaints.add(path, chance.text, chance.line)
    complaints.raise_if_any()


def chances(path: Path) -> list[Chance]:
    """All such passages of a file of tests or helpers, in order. SyntaxError where it is no Python."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    reader = _ChanceReader(_Paths.of(tree))
    reader.read(tree, {})
    return sorted(dict.fromkeys(reader.found), key=lambda chance: chance.line)


@dataclass
class _Paths:
    """What a file's names stand for: a dotted path, as far as imports and plain assignments say."""

    paths: dict[str, str] = field(default_factory=dict)
    bound: set[str] = field(default_factory=set)  # by the file itself, so that they are no builtins

    @classmethod
    def of(cls, tree: ast.Module) -> _Paths:
        names = cls()
        for node in ast.walk(tree):
            match node:
                case ast.Import(names=aliases):
                    for alias in aliases:
                        first = alias.name.partition(".")[0]
                        names.paths[alias.asname or first] = alias.name if alias.asname else first
                case ast.ImportFrom(module=str(module), names=aliases):
                    names.paths |= {alias.asname or alias.name: f"{module}.{alias.name}" for alias in aliases}
                case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.arg(arg=name):
                    names.bound.add(name)
        for node in ast.walk(tree):  # once the imports are known
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value) if (path := names.path(value)) is not None:
                    names.paths.setdefault(name, path)
        return names

    def path(self, node: ast.AST) -> str | None:
        """The dotted path that an expression names; None where it is none that is known."""
        match node:
            case ast.Name(id=name) if name in self.paths:
                return self.paths[name]
            case ast.Name(id=name) if name in _BUILTINS.keys() - self.bound:
                return name
            case ast.Attribute(value=inner, attr=attr):
                return self._below(inner, attr)
            case ast.Call(func=ast.Name(id="getattr"), args=[inner, ast.Constant(value=str(attr)), *_]):
                return self._below(inner, attr)
            case ast.Call(func=ast.Name(id="__import__"), args=[ast.Constant(value=str(module)), *_]):
                return module
            case ast.Call(func=function, args=[ast.Constant(value=str(module)), *_]):
                return module if self.path(function) == "importlib.import_module" else None
        return None

    def _below(self, inner: ast.expr, attr: str) -> str | None:
        path = self.path(inner)
        return None if path is None else f"{path}.{attr}"


class _ChanceReader:
    """Goes through a file, scope by scope, and knows which libraries a scope has seeded so far."""

    def __init__(self, names: _Paths) -> None:
        self.names = names
        self.found: list[Chance] = []

    def read(self, scope: ast.AST, outer: Mapping[str, int]) -> None:
        """The passages of one scope, a file or a function, and of those within. outer: what is seeded around it."""
        nodes = list(_own(scope))
        seeded = {**self._seeded(nodes), **outer}
        calls = {id(node.func): node for node in nodes if isinstance(node, ast.Call)}
        inside = {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
        inside |= {id(node.value) for node in nodes if _is_alias(node)}  # where the new name is used, it is read
        for node in nodes:
            if isinstance(node, ast.Name | ast.Attribute | ast.Call) and id(node) not in inside:
                path, call = self.names.path(node), calls.get(id(node))
                if path is not None and isinstance(getattr(node, "ctx", ast.Load()), ast.Load):
                    self._note(node, self._of_a_path(path, call, seeded, node.lineno, nodes))
            if isinstance(node, ast.Attribute) and node.attr in _IN_PLACE and id(node) in calls:
                self._note(node, self._in_place(node, calls[id(node)], seeded))
            self._note_order(node)
            if isinstance(node, ast.ImportFrom) and node.names[0].name == "*" and node.module in _READ_BY_NAME:
                self.found.append(Chance(node.lineno, f"from {node.module} import *: import by name what is used"))
            if isinstance(node, _SCOPES):  # tests run in any order, so that a file's own seed is none of theirs
                self.read(node, {} if isinstance(scope, ast.Module) else seeded)

    def _note(self, node: ast.expr, text: str) -> None:
        if text:
            self.found.append(Chance(node.lineno, text))

    def _seeded(self, nodes: list[ast.AST]) -> dict[str, int]:
        """From which line on this scope has seeded a library's own generator."""
        lines: dict[str, int] = {}
        for node in nodes:
            if isinstance(node, ast.Call) and node.args and not _is_none(node.args[0]):
                library = _SEEDERS.get(self.names.path(node.func) or "")
                if library:
                    lines[library] = min(node.lineno, lines.get(library, node.lineno))
        return lines

    def _of_a_path(
        self, path: str, call: ast.Call | None, seeded: Mapping[str, int], line: int, nodes: list[ast.AST]
    ) -> str:
        """What is wrong with naming this, or calling it so; empty where nothing is."""
        root = path.partition(".")[0]
        is_seeded = seeded.get(root, line + 1) <= line
        if path in _SEEDERS:
            return "" if call and call.args and not _is_none(call.args[0]) else f"{path} needs a number: {_SEEDED}"
        if path.startswith("time.") or path.startswith("timeit."):
            return f"{path} reads or waits for the clock, which is another at every run: {_FIXED_TIME}"
        if path in _DATES:
            return f"{path} is another date at every run: {_FIXED_DATE}"
        if path in _MACHINE or path.startswith("secrets.") or path == "random.SystemRandom":
            return f"{path} is another value at every run: {_OWN_VALUE}"
        if path in _BUILTINS:
            return f"{path}(…) is another number at every run ({_BUILTINS[path]}): compare the values themselves"
        if path in _MAKERS:
            unseeded = call is None or _is_none(*call.args[:1], *(word.value for word in call.keywords[:1]))
            return f"{path} without a seed draws other numbers at every run: {_SEEDED}" if unseeded else ""
        if path.startswith("numpy.random.") and path not in _KINDS and path.count(".") == 2 and not is_seeded:
            return f"{path} draws from numpy's own generator, which has no seed here: {_NUMPY}"
        if root == "random" and path.count(".") == 1 and not is_seeded:
            return f"{path} draws from Python's own generator, which has no seed here: {_PYTHON}"
        return self._of_torch(path, call, nodes) if root == "torch" and not is_seeded else ""

    def _of_torch(self, path: str, call: ast.Call | None, nodes: list[ast.AST]) -> str:
        if path in _RESEEDS:
            return f"{path} is another number at every run: {_OWN_VALUE}"
        if path in _TORCH_DRAWS and not _has(call, "generator"):
            return f"{path} draws from torch's own generator, which has no seed here: {_TORCH}"
        if path in _TORCH_DROPS and not _is_off(call):
            return f"{path} draws from torch's own generator and takes no other: {_GLOBAL}"
        if path in _TORCH_LAYERS and call is not None:
            return f"{path} draws its weights from torch's own generator, which has no seed here: {_GLOBAL}"
        if path == "torch.utils.data.DataLoader" and _is_shuffling(call) and not _has(call, "generator"):
            return f"{path} shuffles by torch's own generator, which has no seed here: {_TORCH}"
        if path == "torch.Generator" and call is not None and not _is_seeded_later(call, nodes):
            return f"{path}() has no seed of the test's: {_GENERATOR}"
        return ""

    def _in_place(self, node: ast.Attribute, call: ast.Call, seeded: Mapping[str, int]) -> str:
        if _has(call, "generator") or seeded.get("torch", node.lineno + 1) <= node.lineno:
            return ""
        if (self.names.path(node) or "").startswith("torch.nn.init."):
            return ""  # a function, which is read as a path
        return f".{node.attr} draws from torch's own generator, which has no seed here: {_TORCH}"

    def _note_order(self, node: ast.AST) -> None:
        """Sets of texts are in another order in each process."""
        for part in self._read_in_order(node):
            if self._is_set(part):
                text = "the order of a set is another at every run, where it holds texts: " + _SORTED
                self.found.append(Chance(part.lineno, text))

    def _read_in_order(self, node: ast.AST) -> list[ast.expr]:
        match node:
            case ast.For(iter=part) | ast.comprehension(iter=part):
                return [part]
            case ast.Call(func=ast.Attribute(attr="join"), args=[part]):
                return [part]
            case ast.Call(func=ast.Name(id=name), args=parts) if name in _READS_IN_ORDER - self.names.bound:
                return parts
            case ast.Starred(value=part):
                return [part]
        return []

    def _is_set(self, node: ast.expr) -> bool:
        match node:
            case ast.Set(elts=parts):
                return not all(isinstance(part, ast.Constant) and isinstance(part.value, int) for part in parts)
            case ast.SetComp():
                return True
            case ast.Call(func=ast.Name(id="set" | "frozenset" as name), args=[_]):
                return name not in self.names.bound
        return False


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a scope without those of functions within, whose decorators and defaults are the scope's."""
    for child in ast.iter_child_nodes(scope):
        yield child
        if isinstance(child, _SCOPES):
            arguments = child.args
            outside = [*getattr(child, "decorator_list", ()), *arguments.defaults, *arguments.kw_defaults]
            for node in outside:
                if node is not None:
                    yield from (node, *_own(node))
        else:
            yield from _own(child)


def _is_alias(node: ast.AST) -> TypeGuard[ast.Assign]:
    match node:
        case ast.Assign(targets=[ast.Name()], value=ast.Name() | ast.Attribute()):
            return True
    return False


def _is_none(*parts: ast.expr) -> bool:
    """Whether there is nothing, or None."""
    return not parts or (isinstance(parts[0], ast.Constant) and parts[0].value is None)


def _has(call: ast.Call | None, name: str) -> bool:
    return call is not None and any(word.arg in (name, None) and not _is_none(word.value) for word in call.keywords)


def _is_off(call: ast.Call | None) -> bool:
    """Whether it says training=False or p=0."""
    given = {word.arg: word.value for word in call.keywords} if call else {}
    match given:
        case {"training": ast.Constant(value=False)} | {"p": ast.Constant(value=0)}:
            return True
    return False


def _is_shuffling(call: ast.Call | None) -> bool:
    words = {word.arg: word.value for word in call.keywords} if call else {}
    value = words.get("shuffle")
    return value is not None and not (isinstance(value, ast.Constant) and not value.value)


def _is_seeded_later(call: ast.Call, nodes: list[ast.AST]) -> bool:
    """Whether manual_seed is called on a new generator, or on the name that it is given."""
    names = {target.id for node in nodes if isinstance(node, ast.Assign) and node.value is call
             for target in node.targets if isinstance(target, ast.Name)}  # fmt: skip
    for node in nodes:
        match node:
            case ast.Attribute(value=inner, attr="manual_seed" | "set_state"):
                if inner is call or (isinstance(inner, ast.Name) and inner.id in names):
                    return True
    return False
