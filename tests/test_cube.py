"""The cube figure: what is coloured is what the norm computes its statistics from."""

import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from copy import deepcopy
from itertools import product

import pytest
import torch
from torch import nn

from gannorm import norms
from gannorm.report import cube

N, C, P = cube.SAMPLES, cube.CHANNELS, cube.POSITIONS
ENTRIES = list(product(range(N), range(C), range(P)))
SVG = "{http://www.w3.org/2000/svg}"


def declared(axes, **more):
    """Return a norm that exists for one test."""
    return norms.registered("other", lambda channels: nn.Identity(), axes=axes, **more)


def coloured(info):
    return {entry for entry in ENTRIES if cube.shared(info, entry)}


def cells(picture):
    """Return how many visible cells have each class on each face."""
    counts = Counter()
    for path in ElementTree.fromstring(picture).iter(f"{SVG}path"):
        counts[path.get("class")] += path.get("d").count("M")
    return counts


BATCH = {(n, 0, p) for n in range(N) for p in range(P)}
LAYER = {(0, c, p) for c in range(C) for p in range(P)}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("batch", BATCH),
        ("layer", LAYER),
        ("instance", BATCH & LAYER),
        ("group", {(0, c, p) for c in range(C // 2) for p in range(P)}),
        ("none", set()),
    ],
)
def test_what_shares_the_statistics_of_the_marked_entry(name, expected):
    assert coloured(norms.describe(name)) == expected


@pytest.mark.parametrize("name", [name for name in cube.drawable() if norms.describe(name).axes])
def test_what_is_not_coloured_has_no_influence_on_the_marked_entry_and_as_many_are_as_is_said(name):
    info = norms.describe(name)
    marked = coloured(info)
    if "reference" not in info.axes:
        assert len(marked) == info.values_per_statistic((N, C, P))
    if info.needs_data or 1 not in info.dims:
        return
    norm = norms.create(name, C, dims=1).double()
    x = torch.randn(N, C, P, dtype=torch.float64)
    changed = torch.randn_like(x)
    for entry in marked | {cube.MARKED}:
        changed[entry] = x[entry]
    torch.testing.assert_close(deepcopy(norm)(changed)[0, 0, 0], norm(x)[0, 0, 0], rtol=1e-9, atol=1e-9)


def test_every_entry_has_one_set_of_statistics_and_the_sets_have_one_size():
    for name in cube.drawable():
        info = norms.describe(name)
        if info.axes:
            sizes = set(Counter(cube.statistic(info, entry) for entry in ENTRIES).values())
            assert sizes == {len(coloured(info))} or "reference" in info.axes


@pytest.mark.parametrize(
    ("name", "top", "left", "right"),
    [("batch", N, P, N * P), ("layer", C, C * P, P), ("instance", 1, P, P), ("group", C // 2, C // 2 * P, P)],
)
def test_exactly_the_visible_cells_of_the_set_are_coloured(name, top, left, right):
    counts = cells(cube.cube_svg(name))
    blue = {face: counts[f"shared {face}"] + counts[f"marked {face}"] for face in ("top", "left", "right")}
    assert blue == {"top": top, "left": left, "right": right}
    assert [counts[f"marked {face}"] for face in blue] == [1, 1, 1]
    assert counts.total() == N * C + C * P + N * P
    assert {"even", "other"} < {name.split()[0] for name in counts}


def test_no_norm_has_a_cube_without_colour():
    counts = cells(cube.cube_svg("none"))
    assert set(counts) == {"other top", "other left", "other right"}
    assert "no statistics" in cube.cube_svg("none")


def test_one_position_over_all_channels():
    with declared(("channel",)) as info:
        assert coloured(info) == {(0, c, 0) for c in range(C)}
        assert cells(cube.cube_svg("other"))["shared left"] == C - 1


def test_a_reference_batch_stands_behind_a_smaller_batch():
    with declared(("reference", "space")) as info:
        assert coloured(info) == BATCH & LAYER
        assert cube.shared(info, (1, 0, 3), reference=True)
        assert not cube.shared(info, (1, 1, 3), reference=True)
        picture = cube.cube_svg("other")
    counts = cells(picture)
    assert counts["shared right"] + counts["marked right"] == P + cube.OF_REFERENCE * P
    assert counts["shared top"] + counts["marked top"] == 1 + cube.OF_REFERENCE
    assert "statistics over reference N, H, W" in picture
    assert ">reference</text>" in picture


@pytest.mark.parametrize("picture", [cube.cube_svg("group"), cube.cubes_svg(), cube.cubes_svg(["BN", "IN"], columns=1)])
def test_it_is_one_file_that_needs_nothing_else(picture):
    root = ElementTree.fromstring(picture)
    assert root.tag == f"{SVG}svg"
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)|url\(|@import|<script|<image|<use", picture)
    assert "prefers-color-scheme:dark" in picture
    assert picture._repr_svg_() == picture
    width, height = (float(root.get(side)) for side in ("width", "height"))
    assert root.get("viewBox") == f"0 0 {width:g} {height:g}"


def test_several_side_by_side():
    picture = cube.cubes_svg(["GN", "batch", "layer"], columns=2)
    named = [text.text for text in ElementTree.fromstring(picture).iter(f"{SVG}text") if text.get("class") == "name"]
    assert named == ["group", "batch", "layer"]
    assert f'width="{2 * cube.PANEL[0]}" height="{2 * cube.PANEL[1]}"' in picture
    assert picture.count("translate(0 0)") == 1
    assert cube.drawable() == [name for name in norms.names() if norms.describe(name).kind in ("activation", "fused")]


def test_all_cells_are_inside_their_panel():
    with declared(("reference", "space")):
        picture = cube.cube_svg("other")
    starts = [tuple(map(int, pair)) for pair in re.findall(r"M(-?\d+) (-?\d+)", picture)]
    for x, y in starts:
        assert cube.WIDE <= cube.CORNER[0] + x <= cube.PANEL[0] - cube.WIDE
        assert 30 + 2 * cube.DEEP <= cube.CORNER[1] + y <= cube.PANEL[1] - 30


def test_names_are_text_not_markup():
    with norms.registered("a<b&c", lambda channels: nn.Identity(), axes=("space",)):
        assert ElementTree.fromstring(cube.cube_svg("a<b&c")).find(f"{SVG}title").text.endswith(": a<b&c")


def test_what_has_no_cube():
    with pytest.raises(norms.NormKindError, match=r"'spectral' has no cube: its kind is weight; .* of batch, "):
        cube.cube_svg("SN")
    with pytest.raises(norms.UnknownNormError, match="did you mean 'batch'"):
        cube.cube_svg("bach")
