"""The rooms of the package and the direction of the imports between them."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "gannorm"
# A room may import only rooms of an earlier line.
TIERS = [
    {
        "_version",
        "rng",
        "screen",
        "records",
        "import_path",
        "files",
        "variables",
        "patience",
        "statistics",
        "schedules",
        "vocabulary",
    },
    {"norms", "losses", "penalties", "data", "metrics", "collapse", "published", "shipped"},
    {"remedies", "classifier", "report", "ema", "sampling"},
    {"networks"},
    {"judges", "gan"},
    {"protocols"},
    {"evaluation"},
    {"tracking"},
    {"callbacks"},
    {"training"},
    {"sources"},
    {"study", "scorecard", "collapse_bench", "dashboard", "doctor"},
    {"cli"},
]
TIER = {room: number for number, rooms in enumerate(TIERS) for room in rooms}
FRONT_DOORS = {"__init__", "__main__"}  # of the package: lazy, may name every room


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    names = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import; write it absolute"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return {name.split(".")[1] for name in names if name.startswith("gannorm.")} & set(TIER)


def modules() -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob("*.py")) if room_of(path) not in FRONT_DOORS]


def importers_of(library: str) -> set[str]:
    return {
        str(path.relative_to(PACKAGE))
        for path in modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Import) and any(alias.name.split(".")[0] == library for alias in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == library)
    }


def test_every_module_has_a_room():
    assert {room_of(path) for path in modules()} <= set(TIER)


def test_imports_point_one_way():
    wrong = [
        f"{path.relative_to(PACKAGE)} imports {room}"
        for path in modules()
        for room in imported_rooms(path) - {room_of(path)}
        if TIER[room] >= TIER[room_of(path)]
    ]
    assert not wrong, wrong


def test_one_file_imports_wandb():
    assert importers_of("wandb") <= {"tracking.py"}


def test_norms_need_torch_only():
    allowed = {"torch", "gannorm", "jaxtyping"}
    standard = set(__import__("sys").stdlib_module_names)
    for path in (PACKAGE / "norms").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert {name.split(".")[0] for name in names} <= allowed | standard, path
            assert all(name.startswith("gannorm.norms") for name in names if name.startswith("gannorm")), path
