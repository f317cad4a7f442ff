"""The rules of the house that no other tool checks, as functions of a tree.

Each check takes the root of a tree and returns its findings as `path:line: what`, in order; none means all is well.
tests/test_tidy.py runs them on this tree, tests/test_checkers.py on trees with a planted fault.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

# --- what engineers edit ---------------------------------------------------------------------------------------------

# A file of a subsystem is pure, unless it is a room (below) or stands here: files and folders that do I/O, by their
# name without .py. Everything in a folder that stands here may do I/O.
IO_FILES: dict[str, set[str]] = {
    "process_manager": {
        "adopt",
        "cgroups",
        "commands",
        "cuts",
        "environment",
        "exits",
        "family",
        "gate",
        "increments",
        "kqueue",
        "logs",
        "lookback",
        "notify",
        "orders",
        "oom",
        "passing",
        "private",
        "probes",
        "processes",
        "records",
        "rotation",
        "signals",
        "socket_holder",
        "sockets",
        "spawn",
        "squeezing",
        "strays",
        "tokens",
        "trees",
    },
    "monitor": {"archive", "ledger", "sources", "sampling"},
    "healer": {"changes", "grouped", "failing_over", "holders", "last_good", "learned", "ledger", "repairs"},
    "goal_planner": set(),
    "optimizer": set(),
    "reconciler": {"inventory", "look", "looking", "report", "sources"},
    "nodes": set(),
    "executor": {
        "commands",
        "committing",
        "desk",
        "engines",
        "heart",
        "hints",
        "locks",
        "opening",
        "orphans",
        "pool",
        "postgres",
        "remote",
        "rescue",
        "sqlite",
        "worker",
    },
    "gateway": {"serving", "token"},
    "notifier": {"channels"},
}

# Files that may call time.sleep.
SLEEPERS = {"actors/clock.py"}
# Programs as others write them, which are hurt and never imported.
HURT = "actors/faults/programs/"

# Folders of tests that mirror no folder of the source.
TEST_FOLDERS_OF_THEIR_OWN = {"docs", "wire", "sim", "faults", "e2e", "web"}

# --- the rules -------------------------------------------------------------------------------------------------------

FILE_LINES_MAX = 399
FUNCTION_LINES_MAX = 49
PARAMETERS_MAX = 6
SOURCES = ("actors", "bus")
ROOMS = {"__init__", "actor", "settings", "store"}
IMPURE = {"pykka", "zmq", "sqlite3", "time", "random", "os", "threading", "subprocess", "socket", "psutil"}
PICKLERS = {"pickle", "cPickle", "recv_pyobj", "send_pyobj"}
# Written in halves, so that this file does not hold what it looks for.
REGISTRY_HOSTS = ["py" + "pi.org", "python" + "hosted", "index" + "-url", "registry.npm" + "js", "deb.deb" + "ian.org"]
DOT_FOLDERS_READ = {".ci", ".github"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def python_files(root: Path, *folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from sorted((root / folder).rglob("*.py"))


def long_files(root: Path) -> list[str]:
    counts = ((path, len(path.read_text("utf-8").splitlines())) for path in python_files(root, *SOURCES))
    return [
        f"{where(root, path)}: {count} lines, at most {FILE_LINES_MAX}"
        for path, count in counts
        if count > FILE_LINES_MAX
    ]


def long_functions(root: Path) -> list[str]:
    """Decorators and the docstring are not counted."""
    return [
        f"{where(root, path, node)}: {node.name} has {length} lines, at most {FUNCTION_LINES_MAX}"
        for path, node in functions(root)
        if (length := body_lines(node)) > FUNCTION_LINES_MAX
    ]


def wide_functions(root: Path) -> list[str]:
    """`self` and `cls` are not counted, keyword-only parameters and `*args` are."""
    return [
        f"{where(root, path, node)}: {node.name} takes {count} parameters, at most {PARAMETERS_MAX}"
        for path, node in functions(root)
        if (count := parameters(node)) > PARAMETERS_MAX
    ]


def impure_decisions(root: Path) -> list[str]:
    """Imports of I/O, clock or chance in the pure files of the subsystems, at any depth of the file."""
    return [
        f"{where(root, path, node)}: a pure file imports {name}; give it what it needs, or name it in IO_FILES"
        for path in pure_files(root)
        for node, name in imports(tree(path))
        if name.partition(".")[0] in IMPURE
    ]


def idle_io_names(root: Path) -> list[str]:
    """Names in IO_FILES of a subsystem that is there, with no such file: the table may only shrink by being kept."""
    return [
        f"tests/house.py: IO_FILES names {folder}/{name}, which does not exist"
        for folder, names in IO_FILES.items()
        if (root / "actors" / folder / "actor.py").exists()
        for name in sorted(names)
        if not any((root / "actors" / folder / each).exists() for each in (name, f"{name}.py"))
    ]


def pickles(root: Path) -> list[str]:
    return [
        f"{where(root, path, node)}: {name} is not used here: it runs what it reads"
        for path in python_files(root, *SOURCES, "benchmarks", "tests")
        for node, name in named(tree(path))
        if name.partition(".")[0] in PICKLERS or name in PICKLERS
    ]


def sleeps(root: Path) -> list[str]:
    return [
        f"{where(root, path, node)}: time.sleep; timers are messages, a thread waits on an Event with a time-out"
        for path in python_files(root, *SOURCES)
        if where(root, path) not in SLEEPERS and not where(root, path).startswith(HURT)
        for node in naps(tree(path))
    ]


def unmirrored_tests(root: Path) -> list[str]:
    """actors/monitor has tests/monitor, bus has tests/bus; a folder of tests names a folder of the source."""
    sources = {path.parent.name for path in root.glob("actors/*/__init__.py")} | {"actors", "bus"}
    tested = {path.parent.name for path in root.glob("tests/*/test_*.py")}
    with_code = {name for name in sources if has_code(root / name if name in SOURCES else root / "actors" / name)}
    return [f"tests/{name}: is missing, and {name} has code" for name in sorted(with_code - tested)] + [
        f"tests/{name}: mirrors no folder of actors/ or bus/"
        for name in sorted(tested - sources - TEST_FOLDERS_OF_THEIR_OWN)
    ]


def registry_hosts(root: Path) -> list[str]:
    needles = re.compile("|".join(map(re.escape, REGISTRY_HOSTS)))
    return [
        f"{where(root, path)}:{number}: names a package registry"
        for path in text_files(root)
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1)
        if needles.search(line)
    ]


CHECKS = (
    long_files,
    long_functions,
    wide_functions,
    impure_decisions,
    idle_io_names,
    pickles,
    sleeps,
    unmirrored_tests,
    registry_hosts,
)

# --- how they look ---------------------------------------------------------------------------------------------------


def where(root: Path, path: Path, node: ast.stmt | ast.expr | None = None) -> str:
    return path.relative_to(root).as_posix() + (f":{node.lineno}" if node else "")


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def functions(root: Path) -> Iterator[tuple[Path, Function]]:
    for path in python_files(root, *SOURCES):
        for node in ast.walk(tree(path)):
            if isinstance(node, Function):
                yield path, node


def body_lines(function: Function) -> int:
    first = function.body[0]
    docstring = first if ast.get_docstring(function) is not None else None
    return span(function) - (span(docstring) if docstring else 0)


def span(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def parameters(function: Function) -> int:
    given = function.args
    names = [each.arg for each in (*given.posonlyargs, *given.args)]
    bound = names[:1] in (["self"], ["cls"])
    return len(names) - bound + len(given.kwonlyargs) + (given.vararg is not None) + (given.kwarg is not None)


def pure_files(root: Path) -> Iterator[Path]:
    for subsystem, io_names in IO_FILES.items():
        folder = root / "actors" / subsystem
        for path in python_files(folder, "."):
            top = path.relative_to(folder).parts[0].removesuffix(".py")
            if top not in io_names and path.stem not in ROOMS:
                yield path


def imports(module: ast.Module) -> Iterator[tuple[ast.stmt, str]]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node, node.module


def named(module: ast.Module) -> Iterator[tuple[ast.stmt | ast.expr, str]]:
    """What a file imports, and the attributes it uses; not what it says in comments and strings."""
    yield from imports(module)
    for node in ast.walk(module):
        if isinstance(node, ast.Attribute):
            yield node, node.attr


def naps(module: ast.Module) -> Iterator[ast.stmt | ast.expr]:
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom):
            if node.module == "time" and any(alias.name == "sleep" for alias in node.names):
                yield node
        elif isinstance(node, ast.Attribute) and ast.unparse(node) == "time.sleep":
            yield node


def has_code(folder: Path) -> bool:
    return any(path.stem != "__init__" for path in folder.glob("*.py"))


def text_files(root: Path) -> Iterator[Path]:
    """Every file of the tree but what tools made: dot folders, dot files at the top, caches and databases."""
    for path in sorted(root.rglob("*")):
        folders = path.relative_to(root).parts[:-1]
        hidden = any(part.startswith(".") and part not in DOT_FOLDERS_READ for part in folders)
        made = hidden or "__pycache__" in folders or "node_modules" in folders
        if not made and path.is_file() and b"\0" not in path.read_bytes()[:1024]:
            yield path
