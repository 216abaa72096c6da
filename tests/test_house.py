"""The rules of the house: imports run in one direction, files stay short, nothing is unpickled or evaluated."""

import ast
import itertools
import socket
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("netgraph", "tests", "examples", "benchmarks", "tools")
MOST_LINES = 500

# A floor may import itself and the floors before it; those that share a line do not know each other.
FLOORS = (
    ("errors",),
    ("types",),
    ("spec",),
    ("layers", "codecs"),
    ("nets",),
    ("surgery",),
    ("lower",),
    ("run",),
    ("data",),
    ("losses",),
    ("measure",),
    ("formats",),
    ("train",),
    ("show",),
    ("verbs",),
    ("cli",),
)
HEIGHT = {name: height for height, floors in enumerate(FLOORS) for name in floors}
CATCH_ALLS = {"utils.py", "common.py", "helpers.py"}
BANNED_MODULES = {"pickle", "_pickle", "cPickle", "cloudpickle", "dill", "marshal", "shelve", "torchvision", "torchaudio"}
BANNED_OF_TORCH = {"load", "save"}
IMPORTERS = {"import_module", "__import__"}


def python_files(root: Path, folders=SOURCES) -> list[Path]:
    return sorted(itertools.chain.from_iterable((root / folder).rglob("*.py") for folder in folders))


def imported_modules(tree: ast.AST, module: str, is_package: bool):
    """(line, dotted module or name) for each import anywhere in a file, relative ones resolved."""
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - (node.level - 1)] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and called_name(node) in IMPORTERS and node.args and isinstance(node.args[0], ast.Constant):
            yield node.lineno, str(node.args[0].value)


def called_name(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else call.func.attr if isinstance(call.func, ast.Attribute) else ""


def backward_imports(root: Path) -> list[str]:
    """Each import in netgraph/ that runs against the order of the floors, as "file:line: what"."""
    faults = []
    for file in python_files(root, ("netgraph",)):
        place = file.relative_to(root)
        if place.parts == ("netgraph", "__init__.py"):
            continue
        here = place.with_suffix("").parts[1]
        if here not in HEIGHT:
            faults.append(f"{place}: {here} is no floor")
            continue
        is_package = file.name == "__init__.py"
        module = ".".join(place.parent.parts if is_package else place.with_suffix("").parts)
        for line, name in imported_modules(ast.parse(file.read_text()), module, is_package):
            parts = name.split(".")
            if parts[0] != "netgraph":
                continue
            there = parts[1] if len(parts) > 1 else "the package itself"
            if there != here and HEIGHT.get(there, len(FLOORS)) >= HEIGHT[here]:
                faults.append(f"{place}:{line}: {here} imports {there}")
    return faults


def banned_uses(root: Path) -> list[str]:
    """Each use in netgraph/ of what could run code from a file, and of packages that mismatch torch."""
    faults = []
    for file in python_files(root, ("netgraph",)):
        place = file.relative_to(root)
        may_generate = place.parts[1] == "lower"
        tree = ast.parse(file.read_text())
        for line, name in imported_modules(tree, "netgraph", is_package=False):
            if name.split(".")[0] in BANNED_MODULES or name in {f"torch.{banned}" for banned in BANNED_OF_TORCH}:
                faults.append(f"{place}:{line}: {name}")
        for node in ast.walk(tree):
            used = banned_expression(node, may_generate)
            if used:
                faults.append(f"{place}:{node.lineno}: {used}")
    return faults


def banned_expression(node: ast.AST, may_generate: bool) -> str:
    """What a node uses that it must not, or ""."""
    match node:
        case ast.Attribute(value=ast.Name(id="torch"), attr=name) if name in BANNED_OF_TORCH:
            return f"torch.{name}"
        case ast.Attribute(value=ast.Name(id=owner), attr=name) if owner in BANNED_MODULES:
            return f"{owner}.{name}"
        case ast.Call(func=ast.Name(id="eval")):
            return "eval("
        case ast.Call(func=ast.Name(id="exec" | "compile" as name)) if not may_generate:
            return f"{name}("
    return ""


def write_tree(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def test_imports_run_in_one_direction():
    assert backward_imports(ROOT) == []


def test_nothing_is_unpickled_or_evaluated():
    assert banned_uses(ROOT) == []


def test_no_file_is_long():
    lengths = {str(file.relative_to(ROOT)): len(file.read_text().splitlines()) for file in python_files(ROOT)}
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


def test_no_file_is_a_catch_all():
    assert [str(file.relative_to(ROOT)) for file in python_files(ROOT) if file.name in CATCH_ALLS] == []


def test_every_module_has_a_docstring():
    texts = {str(file.relative_to(ROOT)): file.read_text() for file in python_files(ROOT)}
    assert [name for name, text in texts.items() if text.strip() and ast.get_docstring(ast.parse(text)) is None] == []


def test_groups_equal_extras():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"]
    assert project["dependency-groups"] == {name: extras[name] for name in ("test", "dev", "bench")}


@pytest.mark.parametrize(
    "name, text, faults",
    [
        ("types/a.py", "import netgraph.errors\nfrom ..errors import NetError\nfrom . import b\nimport torch", []),
        ("types/a.py", "from netgraph.spec import x", ["netgraph/types/a.py:1: types imports spec"]),
        ("types/a.py", "def f():\n    from netgraph.run import x", ["netgraph/types/a.py:2: types imports run"]),
        ("types/a.py", "import netgraph.cli as c", ["netgraph/types/a.py:1: types imports cli"]),
        ("types/a.py", "from ..spec.layer import x", ["netgraph/types/a.py:1: types imports spec"]),
        ("types/a.py", "from .. import spec", ["netgraph/types/a.py:1: types imports spec"]),
        ("types/__init__.py", "from ..spec import x", ["netgraph/types/__init__.py:1: types imports spec"]),
        ("types/__init__.py", "from .spec import x", []),
        ("types/deep/a.py", "from ...spec import x", ["netgraph/types/deep/a.py:1: types imports spec"]),
        ("types/deep/a.py", "from ..spec import x", []),
        ("types/a.py", "import importlib\nimportlib.import_module('netgraph.run')", ["netgraph/types/a.py:2: types imports run"]),
        ("layers/a.py", "from netgraph.codecs import x", ["netgraph/layers/a.py:1: layers imports codecs"]),
        ("codecs/a.py", "from netgraph.layers import x", ["netgraph/codecs/a.py:1: codecs imports layers"]),
        ("nets/a.py", "from netgraph.layers import x\nfrom netgraph.codecs import y", []),
        ("verbs.py", "from netgraph import NetChain", ["netgraph/verbs.py:1: verbs imports NetChain"]),
        ("verbs.py", "import netgraph", ["netgraph/verbs.py:1: verbs imports the package itself"]),
        ("verbs.py", "from . import show, cli", ["netgraph/verbs.py:1: verbs imports cli"]),
        ("extras/a.py", "", ["netgraph/extras/a.py: extras is no floor"]),
        ("__init__.py", "from netgraph.cli import main", []),
    ],
)
def test_the_check_of_imports(tmp_path, name, text, faults):
    write_tree(tmp_path, {f"netgraph/{name}": text})
    assert backward_imports(tmp_path) == faults


@pytest.mark.parametrize(
    "name, text, faults",
    [
        ("run/a.py", "import torch\nmodel.eval()\nre.compile('a')\ntorch.compile(f)\nsafetensors.torch.load(b)", []),
        ("run/a.py", "def f():\n    import pickle", ["netgraph/run/a.py:2: pickle"]),
        ("run/a.py", "from pickle import loads", ["netgraph/run/a.py:1: pickle.loads"]),
        ("run/a.py", "x = torch.load(p)", ["netgraph/run/a.py:1: torch.load"]),
        ("run/a.py", "from torch import load", ["netgraph/run/a.py:1: torch.load"]),
        ("run/a.py", "import torchvision.ops", ["netgraph/run/a.py:1: torchvision.ops"]),
        ("run/a.py", "eval('1')", ["netgraph/run/a.py:1: eval("]),
        ("run/a.py", "exec(compile(s, 'f', 'exec'))", ["netgraph/run/a.py:1: exec(", "netgraph/run/a.py:1: compile("]),
        ("lower/a.py", "exec(compile(s, 'f', 'exec'))", []),
        ("lower/a.py", "eval('1')", ["netgraph/lower/a.py:1: eval("]),
    ],
)
def test_the_check_of_banned_uses(tmp_path, name, text, faults):
    write_tree(tmp_path, {f"netgraph/{name}": text})
    assert banned_uses(tmp_path) == faults


def test_tests_have_no_network():
    with pytest.raises(RuntimeError, match=r"^tests must not use the network: 192\.0\.2\.1$"):
        socket.create_connection(("192.0.2.1", 80), timeout=0.1)
    with pytest.raises(RuntimeError, match=r"^tests must not use the network: 192\.0\.2\.1$"), socket.socket() as unconnected:
        unconnected.connect(("192.0.2.1", 80))
    with pytest.raises(RuntimeError, match=r"^tests must not use the network: name\.invalid$"):
        socket.getaddrinfo(host="name.invalid", port=80)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        pass
