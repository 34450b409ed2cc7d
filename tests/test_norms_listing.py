"""`gannorm norms`: what it lists is what the registry knows, on a screen, as JSON, and in the documentation."""

import json
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from xml.etree import ElementTree

import pytest
from torch import nn

from gannorm import norms
from gannorm.cli import main
from gannorm.report import cube, norms_listing

ROOT = Path(__file__).parents[1]


def printed(capsys, *arguments):
    """Return what the command prints where all is well."""
    code = main(["norms", *arguments])
    output, errors = capsys.readouterr()
    assert (code, errors) == (0, "")
    return output


def own_norm(channels: int, *, far: float = float("inf"), activation: type = nn.ReLU, sizes: tuple = (1, 2)):
    """Do nothing, with options that JSON has no word for."""
    return nn.Identity()


def test_the_table_has_a_row_for_each_norm_and_fits(capsys):
    lines = printed(capsys).splitlines()
    assert max(map(len, lines)) <= 120
    first = [line.split()[0] for line in lines[2:-2] if line[:1].strip()]
    assert first == norms.names()
    cells = {line.split()[0]: re.split(r" {2,}", line) for line in lines if line}
    assert cells["batch"] == [
        "batch", "BN", "activation", "N HW", "no", "yes", "yes", "0–3", "yes", "Ioffe & Szegedy 2015",
    ]  # fmt: skip
    assert cells["group"][3:7] == ["C/G HW", "yes", "no", "if C = G"]
    assert cells["instance"][-4:] == ["yes", "1–3", "yes", "Ulyanov et al. 2016"]
    assert cells["spectral"][2:] == ["weight", "–", "yes", "yes", "–", "–", "yes", "Miyato et al. 2018"]


def test_the_table_says_what_is_declared():
    declared = {"axes": ("reference", "channel", "space"), "dims": (0, 2), "double_backward": False}
    with norms.registered("a_norm_with_a_rather_long_name", own_norm, aliases=("X", "Y", "Long_Alias"), **declared):
        rows = norms_listing.table([norms.describe("x")]).splitlines()
    assert max(map(len, rows)) <= 120
    (row,) = [line for line in rows if line.startswith("a_norm")]
    assert re.split(r" {2,}", row)[1:] == ["X, Y,", "activation", "ref C HW", "yes", "no", "no", "0, 2", "no"]


@pytest.mark.parametrize(
    ("arguments", "filters"),
    [
        ([], {}),
        (["--batch-free"], {"batch_free": True}),
        (["--double-backward", "--dims", "0"], {"double_backward": True, "dims": 0}),
        (["--kind", "weight"], {"kind": "weight"}),
        (["--batch-free", "--double-backward", "--dims=2", "--kind=activation"],
         {"batch_free": True, "double_backward": True, "dims": 2, "kind": "activation"}),
    ],
)  # fmt: skip
def test_filters_are_those_of_names(capsys, arguments, filters):
    listed = [row["name"] for row in json.loads(printed(capsys, *arguments, "--json"))]
    assert listed == norms.names(**filters)
    assert listed
    assert len(listed) < len(norms.names()) or not filters


def test_nothing_that_fits_is_no_error(capsys):
    assert norms_listing.table([]) == "no norm is all of that"
    assert norms_listing.as_json([]) == "[]"


@pytest.mark.parametrize("name", ["group", "GN", " Group "])
def test_one_norm_is_its_page(capsys, name):
    assert printed(capsys, name) == f"{norms.describe('group')}\n"


def test_json_has_everything_that_is_known(capsys):
    rows = json.loads(printed(capsys, "--json"), parse_constant=pytest.fail)
    for row in rows:
        info = norms.describe(row["name"])
        assert {field.name for field in fields(norms.NormInfo)} <= set(row)
        assert (row["couples_samples"], row["differs_in_eval"]) == (info.couples_samples, info.differs_in_eval)
        assert (row["axes"], row["dims"]) == (list(info.axes), list(info.dims))
        assert (row["origin"], row["bias_before"], row["paper"]) == ("gannorm", info.bias_before, info.paper)
        assert list(row["options"]) == [option.name for option in info.options]
        assert row["constructor"].startswith("gannorm.norms.")
    group = json.loads(printed(capsys, "GN", "--json"))
    assert group in rows
    assert group["options"]["num_groups"] == {"default": "auto", "type": "Union[int, Literal['auto']]"} or (
        group["options"]["num_groups"] == {"default": "auto", "type": "int | Literal['auto']"}
    )


def test_json_can_say_what_it_has_no_word_for():
    with norms.registered("own", own_norm) as info:
        options = json.loads(norms_listing.as_json(info), parse_constant=pytest.fail)["options"]
    assert options["far"] == {"default": "inf", "type": "float"}
    assert options["activation"]["default"] == "torch.nn.modules.activation.ReLU"
    assert options["sizes"]["default"] == [1, 2]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["grup"], "no norm is called 'grup'; did you mean 'group'?; there are batch, "),
        (["group", "--dims", "2"], "group --dims: a filter is for the list; leave out the filter or the name"),
        (["--kind", "wieght"], "'wieght'"),
        (["--dims", "4"], "4"),
        (["--json", "--markdown"], "not allowed with"),
        (["--svg", "no/such/folder/x.svg"], "--svg no/such/folder/x.svg: no such folder; give a file"),
        (["--svg", "x.svg", "--kind", "weight"], "--svg x.svg: none of these norms has a cube"),
        (["spectral", "--svg", "x.svg"], "norm 'spectral' has no cube: its kind is weight"),
    ],
)
def test_what_is_wrong_is_one_line(capsys, arguments, words):
    assert main(["norms", *arguments]) == 2
    output, errors = capsys.readouterr()
    assert output == ""
    assert errors.count("\n") == 1
    assert words in errors


def test_it_starts_without_what_only_training_needs():
    code = """
import sys
from gannorm.cli import main
assert main(["norms"]) == main(["norms", "batch"]) == 0
heavy = "pytorch_lightning wandb torchmetrics torchvision jsonargparse matplotlib pandas scipy ray"
print(sorted(set(heavy.split()) & set(sys.modules)))
"""
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert process.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("path", "content"),
    [
        (norms_listing.PAGE, lambda: norms_listing.page([norms.describe(name) for name in norms.names()]) + "\n"),
        (norms_listing.FIGURE, lambda: cube.cubes_svg()),
    ],
)
def test_the_documentation_is_up_to_date(path, content):
    assert (ROOT / path).read_text() == content(), f"{path} is old; write it anew: {norms_listing.REWRITE}"


def test_the_page_has_a_section_for_each_norm_that_the_table_links_to(capsys):
    page = printed(capsys, "--markdown")
    assert re.findall(r"^## (.*)$", page, re.M) == re.findall(r"^\| \[\w+\]\(#(\w+)\)", page, re.M) == norms.names()
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", page, re.M | re.S))
    for name, text in sections.items():
        info = norms.describe(name)
        assert info.summary in text
        assert f"- formula: `{info.formula}`" in text
        assert all(option.name in text for option in info.options)
        assert info.deviations in re.sub(r"\[(.*?)\]\(https:.*?\)", r"\1", text)
        assert ("- paper: " in text) == bool(info.paper)
    assert "(https://arxiv.org/abs/1803.08494), equations 1-7" in sections["group"]
    assert len({row.count("|") - row.count(r"\|") for row in page.splitlines() if row.startswith("| ")}) == 1
    figure = re.search(r"!\[.*\]\((.*)\)", page).group(1)
    assert (ROOT / norms_listing.PAGE).parent / figure == ROOT / norms_listing.FIGURE


def test_the_documentation_is_of_our_own_norms_whatever_is_installed(capsys):
    page = printed(capsys, "--markdown")
    with norms.registered("own", own_norm, axes=("space",)):
        assert printed(capsys, "--markdown") == page
        assert printed(capsys, "own", "--markdown").startswith("## own\n\nDo nothing")
        assert "\nown " in printed(capsys)


def test_cubes_are_written_to_a_file(capsys, tmp_path):
    assert printed(capsys, "group", "--svg", f"{tmp_path}/x.svg") == f"the cube of group in {tmp_path}/x.svg\n"
    assert (tmp_path / "x.svg").read_text() == cube.cube_svg("group")
    with norms.registered("own", own_norm, axes=("space",)):
        said = printed(capsys, "--kind", "activation", "--svg", f"{tmp_path}/y.svg")
    shown = norms.names(kind="activation")
    assert said == f"{len(shown)} cubes in {tmp_path}/y.svg\n"
    assert (tmp_path / "y.svg").read_text() == cube.cubes_svg(shown)
    ElementTree.parse(tmp_path / "y.svg")
