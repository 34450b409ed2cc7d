"""Plug-ins: found when a list is asked for, never before; what collides raises, what is broken is one warning."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from gannorm import norms

PLUGIN = Path(__file__).parent / "plugin"
PRELUDE = """
import sys, warnings
from gannorm import norms

def caught(call, *arguments):
    try:
        return call(*arguments)
    except norms.NormError as error:
        return f"{type(error).__name__}: {error}"
"""


def install(site: Path, name: str, version: str, entry_points: dict[str, str], **modules: str) -> Path:
    """Write what an installer leaves behind: the modules and a .dist-info folder."""
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    rows = "".join(f"{key} = {value}\n" for key, value in entry_points.items())
    (info / "entry_points.txt").write_text(f"[gannorm.norms]\n{rows}")
    for module, source in modules.items():
        (site / f"{module}.py").write_text(source)
    return site


@pytest.fixture
def acme(tmp_path):
    """The plug-in of tests/plugin, installed from what its pyproject.toml says."""
    project = tomllib.loads((PLUGIN / "pyproject.toml").read_text())["project"]
    source = (PLUGIN / "acme_norms.py").read_text()
    entry_points = project["entry-points"]["gannorm.norms"]
    return install(tmp_path, project["name"], project["version"], entry_points, acme_norms=source)


def registering(name: str, *, alias: str = "", then: str = "") -> str:
    """Return a module that registers one norm."""
    aliases = f"aliases=[{alias!r}]" if alias else ""
    return (
        "from torch import nn\nfrom gannorm import norms\n"
        f"@norms.register({name!r}, {aliases})\n"
        f"def made(channels: int) -> nn.Module:\n    return nn.Identity()\n{then}\n"
    )


def run(site: Path, code: str, *options: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), str(Path.cwd())]), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *options, "-c", PRELUDE + code], capture_output=True, text=True, check=False, env=environment
    )


def lines(site: Path, code: str, *options: str) -> list[str]:
    process = run(site, code, *options)
    assert process.returncode == 0, process.stderr
    assert process.stderr == ""
    return process.stdout.splitlines()


def test_a_plugin_works_like_a_built_in_norm_and_says_where_it_is_from(acme):
    code = """
import torch
from gannorm.norms.testing import check_norm
print(norms.create({"name": "CTR", "scale": "2"}, 4, dims=1)(torch.tensor([[[1.0, 2.0, 6.0]]])).tolist())
check_norm("centered")
print("centered" in norms.names(batch_free=True), "centered" in norms.names(dims=0))
print(norms.describe("centered").origin, norms.describe("group").origin)
print([line for line in str(norms.describe("centered")).splitlines() if "provided" in line])
print(norms.bias_redundant("centered", 8), caught(norms.create, "centered", 4))
"""
    assert lines(acme, code) == [
        "[[[-4.0, -2.0, 6.0]]]",
        "True False",
        "acme-norms 1.5 gannorm",
        "['  provided by     acme-norms 1.5']",
        "True Centered()",
    ]


def test_a_list_imports_it_built_in_names_and_names_registered_by_hand_do_not(acme):
    code = """
norms.create("batch", 4), norms.describe("GN"), norms.resolve({"name": "IN", "eps": "1e-3"}), norms.factory("none")
norms.register("scale")(lambda channels: None); norms.describe("scale")
print("acme_norms" in sys.modules)
norms.names()
print("acme_norms" in sys.modules)
"""
    assert lines(acme, code) == ["False", "True"]


def test_an_unknown_name_is_completed_with_those_of_plugins(acme):
    code = """
error = None
try:
    norms.create("centred", 4)
except norms.UnknownNormError as caught_error:
    error = caught_error
print(error.nearest, error.known[-1], "acme_norms" in sys.modules)
"""
    assert lines(acme, code) == ["centered centered True"]


def test_who_imports_a_plugin_directly_gets_it_once(acme):
    code = """
import acme_norms
print(norms.describe("centered").origin, norms.names().count("centered"), norms.names("cent*"))
"""
    assert lines(acme, code) == ["acme-norms 1.5 1 ['centered']"]


def test_a_plugin_may_look_at_the_table_while_it_is_imported(tmp_path):
    then = "print(norms.names('cur*'), norms.describe('batch').name)\n"
    site = install(tmp_path, "curious", "1", {"c": "curious:made"}, curious=registering("curious", then=then))
    assert lines(site, "norms.names(); norms.names()") == ["['curious'] batch"]


@pytest.mark.parametrize(("name", "alias"), [("Batch", ""), ("mine", "GN")])
def test_built_in_norms_cannot_be_shadowed(tmp_path, name, alias):
    install(tmp_path, "greedy", "2.0", {"g": "greedy"}, greedy=registering(name, alias=alias))
    site = install(tmp_path, "zealous", "3", {"z": "zealous"}, zealous=registering("zealous"))
    code = f"""
before = norms.create({(alias or name)!r}, 8)
for _ in range(2):
    print(caught(norms.names))
print(caught(norms.describe, "nothing"))
print(type(norms.create({(alias or name)!r}, 8)) is type(before))
print(norms.describe("zealous").origin, caught(norms.describe, "mine"))
"""
    *conflicts, same, last = lines(site, code)
    key = (alias or name).lower()
    home = {"batch": "activation.batch", "gn": "activation.group"}[key]
    message = (
        f"NormConflictError: norm name {key!r} of greedy.made (greedy 2.0) is taken by gannorm.norms.catalogue.{home} "
        "(gannorm); rename or remove one of them"
    )
    assert conflicts == [message] * 3
    assert same == "True"
    assert last == f"zealous 3 {message}"  # `mine` is gone with its plug-in: nothing of it is half there


def test_two_plugins_with_one_name_raise_whichever_came_first(tmp_path):
    install(tmp_path, "one", "1", {"x": "one"}, one=registering("shared"))
    site = install(tmp_path, "two", "2", {"x": "two"}, two=registering("other", alias="shared"))
    code = """
for call in (norms.describe, norms.describe, norms.names, norms.names, norms.describe):
    print(caught(call, "shared"))
print(caught(norms.create, "batch", 4))
"""
    *conflicts, batch = lines(site, code)
    assert set(conflicts) == {
        "NormConflictError: norm name 'shared' of two.made (two 2) is taken by one.made (one 1); "
        "rename or remove one of them"
    }
    assert batch.startswith("BatchNorm2d(4")


def test_a_name_registered_by_hand_stays_with_its_owner(tmp_path):
    site = install(tmp_path, "late", "1", {"x": "late"}, late=registering("mine"))
    code = """
import torch
def mine(channels: int) -> torch.nn.Module:
    return torch.nn.Flatten()
norms.register("mine")(mine)
print(caught(norms.names))
print(norms.create("mine", 4))
"""
    conflict, module = lines(site, code)
    assert conflict.startswith("NormConflictError: norm name 'mine' of late.made (late 1) is taken by __main__.mine;")
    assert module == "Flatten(start_dim=1, end_dim=-1)"


BROKEN = {
    "import": ("broken_import", "import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
    "half": ("broken_half", registering("half", then="raise RuntimeError('two\\nlines')"), "RuntimeError: two lines"),
    "name": ("broken_name:Missing", registering("unfound"), "AttributeError: module 'broken_name' has no attribute"),
    "absent": ("no_such_module", None, "ModuleNotFoundError: No module named 'no_such_module'"),
    "empty": ("broken_empty", "x = 1", "broken_empty registers no norm"),
    "value": ("not a module", None, "not a module cannot be imported"),
}


def test_a_broken_plugin_is_exactly_one_warning_and_the_others_go_on(acme):
    for kind, (value, source, _) in BROKEN.items():
        modules = {} if source is None else {value.partition(":")[0]: source}
        install(acme, f"a-broken-{kind}", "0.1", {"x": value}, **modules)
    code = """
with warnings.catch_warnings(record=True) as seen:
    warnings.simplefilter("always")
    listed = norms.names()
    norms.names(), norms.describe("centered"), caught(norms.describe, "half"), caught(norms.describe, "nothing")
print(*(f"{one.category.__name__}: {one.message}" for one in seen), sep="\\n")
print("centered" in listed, "half" in listed, caught(norms.describe, "half")[:16], "unfound" in listed)
"""
    *seen, last = lines(acme, code)
    assert len(seen) == len(BROKEN)
    for kind, (_, _, reason) in BROKEN.items():
        (warning,) = [line for line in seen if f" a-broken-{kind} 0.1: " in line]
        assert warning.startswith("NormPluginWarning: plug-in ")
        assert reason in warning
    assert last == "True False UnknownNormError False"


def test_all_plugins_are_loaded_where_warnings_are_errors(acme):
    install(acme, "a-broken-one", "0.1", {"x": "broken"}, broken="1 / 0")
    code = """
try:
    norms.names()
except norms.NormPluginWarning as warning:
    print(warning)
    print("centered" in norms.names())
"""
    warning, others = lines(acme, code, "-W", "error::UserWarning")
    assert warning.startswith("plug-in a-broken-one 0.1: broken cannot be imported, ZeroDivisionError")
    assert others == "True"


def test_without_plugins_nothing_is_loaded_and_the_table_is_the_packages():
    assert {norms.describe(name).origin for name in norms.names()} == {"gannorm"}


def test_the_command_lists_them_and_says_on_one_line_what_is_broken(acme):
    install(acme, "a-broken-one", "0.1", {"x": "broken"}, broken="1 / 0")
    process = run(acme, "from gannorm.cli import main; sys.exit(main(['norms', '--json']))")
    assert process.returncode == 0, process.stderr
    rows = {row["name"]: row for row in json.loads(process.stdout)}
    assert (rows["centered"]["origin"], rows["batch"]["origin"]) == ("acme-norms 1.5", "gannorm")
    assert process.stderr.startswith("warning: plug-in a-broken-one 0.1: broken cannot be imported, ZeroDivisionError")
    assert process.stderr.count("\n") == 1
