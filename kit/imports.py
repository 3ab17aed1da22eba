"""What code imports: found without running it, compared with what the grader has, and harmless where it is missing.

A module that is missing costs nothing until it is used: outside `try`, its import binds a `Placeholder`, which raises
where it is called, iterated over or reckoned with. Inside a `try` that catches ImportError the import fails as in any
Python, so that the student's own way out runs.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

# What comes with the course's own packages, beside Python's library: under the names by which it is imported.
ALWAYS = ("kit", "IPython")
BROUGHT_ALONG = {"torch": ("typing_extensions",), "matplotlib": ("PIL", "mpl_toolkits")}
_AS = r"(?: +as +\w+)?"
_PLAIN_IMPORT = re.compile(
    rf" *(?:from +([\w.]+) +import +(\w+{_AS}(?:, *\w+{_AS})*)|import +([\w.]+{_AS}(?:, *[\w.]+{_AS})*)) *"
)
_PLACE = re.compile(r" \([^()]*\)$")  # of a module, which Python names behind an error: a path of this machine
_CATCHING = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}


@dataclass(frozen=True, slots=True)
class Import:
    """A module that code asks for, in full ("torch.nn"), and the line in which it does."""

    line: int
    module: str

    @property
    def root(self) -> str:
        return self.module.partition(".")[0]


def imports(tree: ast.AST) -> list[Import]:
    """Every import in the code, wherever it stands, also by `importlib.import_module("x")` and `__import__("x")`."""
    found = [one for node in ast.walk(tree) for one in _imports_of(node)]
    return sorted(dict.fromkeys(found), key=lambda one: (one.line, one.module))


def _imports_of(node: ast.AST) -> Iterator[Import]:
    if isinstance(node, ast.Import):
        yield from (Import(node.lineno, alias.name) for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield Import(node.lineno, node.module)
    elif isinstance(node, ast.ImportFrom):  # from .helpers import x: beside the notebook
        names = [node.module] if node.module else [alias.name for alias in node.names]
        yield from (Import(node.lineno, name) for name in names)
    elif isinstance(node, ast.Call) and _last_name(node.func) in ("import_module", "__import__") and node.args:
        given = node.args[0]
        if isinstance(given, ast.Constant) and isinstance(given.value, str) and given.value.strip("."):
            yield Import(node.lineno, given.value.strip("."))


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def missing_at_grading(found: Iterable[Import], library: str, packages: Sequence[str]) -> list[Import]:
    """Those of these imports for which the grader promises nothing.

    packages: what the set names, torch and its like among it.
    """
    brought = {name for package in packages for name in BROUGHT_ALONG.get(package, ())}
    known = {library, *ALWAYS, *brought, *packages, *sys.stdlib_module_names, "__future__"}
    return [one for one in found if one.root not in known]


def what_there_is(packages: Sequence[str]) -> str:
    """What the grader has, for a sentence."""
    return f"the grader has {', '.join([*packages, ''])}Python's own library and the course's"


def are_all_there(source: str) -> bool:
    """Whether every import of a text is surely of what is loaded already, judged by its lines alone, which is quick."""
    return all(_is_there(line) for line in source.split("\n") if "import" in line)


def _is_there(line: str) -> bool:
    found = _PLAIN_IMPORT.fullmatch(line)
    if found is None:
        return False
    module, names, modules = found.groups()
    if module is None:
        return all(name.split()[0] in sys.modules for name in modules.split(","))
    there = vars(sys.modules[module]) if module in sys.modules else {}
    return all(name.split()[0] in there for name in names.split(","))


class Placeholder:
    """Stands for what could not be imported. Its attributes are placeholders too; any use raises the error.

    Subscripts and `|` give the placeholder itself, so that annotations such as `Float[Tensor, "b n"]` do no harm.
    """

    def __init__(self, name: str, error: type[ImportError], why: str) -> None:
        self._name, self._error, self._why = name, error, why

    def __getattr__(self, name: str) -> Placeholder:
        if name in ("__version__", "__file__"):
            self._use()
        if name.startswith("__"):
            raise AttributeError(name)
        return Placeholder(f"{self._name}.{name}", self._error, self._why)

    def __getitem__(self, _key: object) -> Placeholder:
        return self

    def __or__(self, _other: object) -> Placeholder:
        return self

    __ror__ = __or__

    def _use(self, *_: object, **__: object) -> NoReturn:
        raise self._error(f"{self._name}: {self._why}")

    __call__ = __iter__ = __next__ = __len__ = __bool__ = __contains__ = __enter__ = __exit__ = _use
    __setitem__ = __delitem__ = __int__ = __float__ = __index__ = __instancecheck__ = __subclasscheck__ = _use
    __mro_entries__ = __lt__ = __le__ = __gt__ = __ge__ = __neg__ = __pos__ = __abs__ = __invert__ = _use
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __matmul__ = _use
    __rmatmul__ = __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = __and__ = __rand__ = _use


def missing_module(module: str, whole: bool, packages: Sequence[str]) -> Any:
    """What an import statement binds that has just failed: called in its `except`.

    whole: whether `import a.b as c` is to bind a.b, instead of `import a.b` its first part.
    """
    root = module.partition(".")[0]
    if not whole and not _lacks(root):
        return sys.modules[root]  # the package is there, one of its parts is not: that shows where it is used
    return _placeholder(module if whole else root, module, packages)


def missing_names(module: str, names: Sequence[str], packages: Sequence[str]) -> list[Any]:
    """The same for `from module import names`: what is there is taken."""
    there = {} if module not in sys.modules or _lacks(module.partition(".")[0]) else vars(sys.modules[module])
    return [there[name] if name in there else _placeholder(f"{module}.{name}", module, packages) for name in names]


def _lacks(root: str) -> bool:
    """Whether the import that has just failed did so for want of this package, not of a part of it."""
    error = sys.exc_info()[1]
    return root not in sys.modules or isinstance(error, ModuleNotFoundError) and error.name == root


def _placeholder(name: str, module: str, packages: Sequence[str]) -> Placeholder:
    error = sys.exc_info()[1]
    root = module.partition(".")[0]
    if isinstance(error, ModuleNotFoundError) and str(error.name).partition(".")[0] == root:
        why = f"{root} is not installed here" if root in packages else f"there is no {root} at grading"
        return Placeholder(name, ModuleNotFoundError, f"{why}: {what_there_is(packages)}")
    if isinstance(error, ModuleNotFoundError):
        return Placeholder(name, ModuleNotFoundError, f"{root} needs {error.name}, which the grader does not have")
    return Placeholder(name, ImportError, _PLACE.sub("", str(error)))


def with_harmless_imports(tree: ast.Module, packages: Sequence[str], refused: Sequence[str] = ()) -> ast.Module:
    """The code with every import outside `try` bound to a placeholder where it fails.

    refused: modules that count as missing although they may be here (at home: what the grader has not).
    """
    changed: ast.Module = _Harmless(list(packages), refused).visit(tree)
    return ast.fix_missing_locations(changed)


class _Harmless(ast.NodeTransformer):
    def __init__(self, packages: list[str], refused: Sequence[str]) -> None:
        self.packages, self.refused = packages, refused

    def visit_Try(self, node: ast.Try | ast.TryStar) -> ast.AST:
        guarded = node.body if any(map(_catches_import_error, node.handlers)) else []
        if guarded:
            node.body = []
        self.generic_visit(node)  # the ways out of a guarded `try` may import something themselves
        node.body = guarded or node.body
        return node

    visit_TryStar = visit_Try

    def visit_With(self, node: ast.With) -> ast.AST:
        contexts = [item.context_expr for item in node.items]
        suppresses = any(isinstance(one, ast.Call) and _last_name(one.func) == "suppress" for one in contexts)
        return node if suppresses else self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> list[ast.stmt]:
        return [self._import(node, alias) for alias in node.names]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.stmt:
        names = [alias.name for alias in node.names]
        module = "." * node.level + (node.module or "")
        if module == "__future__":
            return node
        if "*" in names:
            return self._or_else(node, module, [ast.Pass()])
        bound = ast.Tuple([ast.Name(alias.asname or alias.name, ast.Store()) for alias in node.names], ast.Store())
        asked = module.lstrip(".") or names[0]
        value = f"missing_names({asked!r}, {names!r}, {self.packages!r})"
        return self._or_else(node, asked, [_binding(bound, value)])

    def _import(self, node: ast.Import, alias: ast.alias) -> ast.stmt:
        alone = ast.copy_location(ast.Import([alias]), node)
        bound = ast.Name(alias.asname or alias.name.partition(".")[0], ast.Store())
        value = f"missing_module({alias.name!r}, {alias.asname is not None}, {self.packages!r})"
        return self._or_else(alone, alias.name, [_binding(bound, value)])

    def _or_else(self, statement: ast.stmt, module: str, otherwise: list[ast.stmt]) -> ast.stmt:
        """`try: statement`, and `otherwise` where it raises ImportError."""
        tried = statement
        if (root := module.partition(".")[0]) in self.refused:
            error = f"raise ModuleNotFoundError({f'No module named {root!r}'!r}, name={root!r})"
            tried = ast.parse(error).body[0]
        handler = ast.ExceptHandler(ast.Name("ImportError", ast.Load()), None, otherwise)
        return _placed(ast.Try([tried], [handler], [], []), statement)


def _binding(bound: ast.expr, value: str) -> ast.stmt:
    """`bound = value`, of which the value is a call of a function of this file."""
    call = f"__import__('kit.imports', fromlist=['imports']).{value}"
    return ast.Assign([bound], ast.parse(call, mode="eval").body)


def _placed(made: ast.stmt, original: ast.stmt) -> ast.stmt:
    """All of a made statement on the lines of the one that it replaces."""
    for node in ast.walk(made):
        if "lineno" in node._attributes:
            ast.copy_location(node, original)
    return made


def _catches_import_error(handler: ast.ExceptHandler) -> bool:
    """Whether it may; only a few names surely do not."""
    kind = handler.type
    kinds = kind.elts if isinstance(kind, ast.Tuple) else [kind] if kind else []
    return kind is None or any(_last_name(one) in {*_CATCHING, ""} for one in kinds)


def is_installed(package: str) -> bool:
    """Whether a package can be imported here."""
    return importlib.util.find_spec(package) is not None
