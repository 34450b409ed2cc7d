"""The cube figure of a norm: which entries of an activation N × C × (H, W) share their statistics with one of them.

After figure 2 of Wu & He 2018, arXiv:1803.08494, drawn from what the registry knows of a norm: the axes it reduces over
and its groups. A point of the cube is (n, c, p): sample, channel, position. It is seen along its diagonal, so each cell
of the three visible faces is a parallelogram.
"""

from collections.abc import Iterable
from xml.sax.saxutils import escape

from gannorm import norms

SAMPLES, CHANNELS, POSITIONS = 6, 8, 6  # 8 channels: the least that num_groups="auto" divides, into two groups
OF_REFERENCE, GAP = 2, 1  # places along N that a reference batch takes, and that part it from a smaller batch
WIDE, DEEP, HIGH = 12, 7, 14  # a cell: an edge along N or C goes WIDE to a side and DEEP up, one along (H, W) HIGH down
PANEL = (240, 290)
CORNER = (134, 152)  # where the marked entry is in a panel
REFERENCE_LABEL = (72, 66)  # below the middle of its block, from the corner
WITH_CUBE = ("activation", "fused")  # kinds: the others normalize weights, or are one of these plus a condition
LETTERS = {"batch": "N", "reference": "reference N", "channel": "C", "group": "a group of C", "space": "H, W"}

# Outline of a cell, seen from the corner that is nearest to the marked entry's.
OUTLINES = {
    "top": f"l{WIDE}-{DEEP}l-{WIDE}-{DEEP}l-{WIDE} {DEEP}z",
    "left": f"l-{WIDE}-{DEEP}v{HIGH}l{WIDE} {DEEP}z",
    "right": f"l{WIDE}-{DEEP}v{HIGH}l-{WIDE} {DEEP}z",
}
STYLE = """
.norm-cubes{font-family:system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif;font-size:12px;text-anchor:middle}
.norm-cubes text{fill:#59636e}.norm-cubes .name{fill:#1f2328;font-size:15px;font-weight:600}
.norm-cubes .end{text-anchor:end}.norm-cubes path{stroke:#fff;stroke-width:.8;stroke-linejoin:round}
.norm-cubes .other.top{fill:#e6ebf1}.norm-cubes .other.left{fill:#d5dde6}.norm-cubes .other.right{fill:#c3cdd9}
.norm-cubes .even.top{fill:#f1f4f8}.norm-cubes .even.left{fill:#e2e8ef}.norm-cubes .even.right{fill:#d1d9e3}
.norm-cubes .shared.top{fill:#6cb0ff}.norm-cubes .shared.left{fill:#3f8fee}.norm-cubes .shared.right{fill:#2273cf}
.norm-cubes .marked.top{fill:#ffb35c}.norm-cubes .marked.left{fill:#f59331}.norm-cubes .marked.right{fill:#dd7a16}
@media(prefers-color-scheme:dark){
.norm-cubes text{fill:#9ea7b3}.norm-cubes .name{fill:#f0f3f6}.norm-cubes path{stroke:#0d1117}
.norm-cubes .other.top{fill:#4a5462}.norm-cubes .other.left{fill:#3b4450}.norm-cubes .other.right{fill:#2d3540}
.norm-cubes .even.top{fill:#353d48}.norm-cubes .even.left{fill:#2a3039}.norm-cubes .even.right{fill:#20262d}
}"""

Entry = tuple[int, int, int]  # n, c, p
MARKED: Entry = (0, 0, 0)


class SVG(str):
    """A picture as text, which notebooks show as a picture."""

    __slots__ = ()

    def _repr_svg_(self) -> str:
        return str(self)


def cube_svg(name: str) -> SVG:
    """Return the cube of one norm: blue is what shares its statistics with the orange entry.

    Greys alternate from one set of entries that share statistics to the next.

    Raises:
        UnknownNormError: No norm has this name.
        NormKindError: It has no axes of its own: it normalizes weights, or is another norm plus a condition.

    Example:
        >>> cube_svg("GN")[:4], "statistics over a group of C, H, W" in cube_svg("GN")
        ('<svg', True)
    """
    return cubes_svg([name], columns=1)


def cubes_svg(names: Iterable[str] | None = None, *, columns: int = 4) -> SVG:
    """Return the cubes of several norms side by side; of all that have one by default.

    Raises:
        UnknownNormError: A name is of no norm.
        NormKindError: A norm has no axes of its own.
    """
    shown = [_with_cube(name) for name in (drawable() if names is None else names)]
    wide = PANEL[0] * min(columns, len(shown))
    high = PANEL[1] * -(-len(shown) // columns)
    panels = [_panel(info, number % columns, number // columns) for number, info in enumerate(shown)]
    title = "Entries that share their statistics with one entry: " + ", ".join(info.name for info in shown)
    return SVG(
        f'<svg xmlns="http://www.w3.org/2000/svg" class="norm-cubes" viewBox="0 0 {wide} {high}" width="{wide}" '
        f'height="{high}" role="img">\n<title>{escape(title)}</title>\n<style>{STYLE}\n</style>\n'
        + "\n".join(panels)
        + "\n</svg>\n"
    )


def drawable() -> list[str]:
    """Return the names of the norms that have a cube, plug-ins' too."""
    return [name for name in norms.names() if norms.describe(name).kind in WITH_CUBE]


def statistic(info: norms.NormInfo, entry: Entry, channels: int = CHANNELS) -> Entry | None:
    """Return which statistics normalize an entry, as the first entry that they are shared with; None for no norm.

    Example:
        >>> statistic(norms.describe("batch"), (3, 5, 2)), statistic(norms.describe("group"), (3, 5, 2))
        ((0, 5, 0), (3, 4, 0))
    """
    if not info.axes:
        return None
    n, c, p = entry
    per_statistic = info.channels_per_statistic(channels)
    return (
        0 if "batch" in info.axes else n,
        c - c % per_statistic,
        0 if "space" in info.axes else p,
    )


def shared(info: norms.NormInfo, entry: Entry, *, reference: bool = False) -> bool:
    """Whether an entry, of the batch or of the reference batch, is in the statistics that normalize the marked one."""
    own = statistic(info, entry)
    if reference:
        return own is not None and "reference" in info.axes and own[1:] == MARKED[1:]
    return own == MARKED


def _panel(info: norms.NormInfo, column: int, row: int) -> str:
    """Return a norm's cube with its name above and its axes below."""
    across = ", ".join(LETTERS[axis] for axis in info.axes)
    x, y = PANEL[0] * column, PANEL[1] * row
    own = SAMPLES - (OF_REFERENCE + GAP if "reference" in info.axes else 0)
    behind = []
    if own < SAMPLES:
        behind = [_block(info, own + GAP, OF_REFERENCE, reference=True), _text(*REFERENCE_LABEL, "reference")]
    parts = [
        f'<g transform="translate({x} {y})">',
        _text(PANEL[0] // 2, 24, info.name, "name"),
        _text(PANEL[0] // 2, PANEL[1] - 14, f"statistics over {across}" if across else "no statistics"),
        f'<g transform="translate({CORNER[0]} {CORNER[1]})">',
        *behind,
        _block(info, 0, own),
        _text(-WIDE * CHANNELS // 2 - 10, HIGH * POSITIONS - DEEP * CHANNELS // 2 + 16, "C"),
        _text(WIDE * own // 2 + 10, HIGH * POSITIONS - DEEP * own // 2 + 16, "N"),
        _text(-WIDE * CHANNELS - 4, HIGH * POSITIONS // 2 - DEEP * CHANNELS + 4, "H, W", "end"),
        "</g></g>",
    ]
    return "\n".join(parts)


def _block(info: norms.NormInfo, start: int, samples: int, *, reference: bool = False) -> str:
    """Return the visible cells of some samples, those from the `start`-th place on: one path per face and colour."""
    every_n, every_c, every_p = range(samples), range(CHANNELS), range(POSITIONS)
    faces: dict[str, list[Entry]] = {
        "top": [(n, c, 0) for n in every_n for c in every_c],
        "left": [(0, c, p) for c in every_c for p in every_p],
        "right": [(n, 0, p) for n in every_n for p in every_p],
    }
    paths: dict[str, str] = {}
    for face, entries in faces.items():
        for n, c, p in entries:
            key = f"{_colour(info, (n, c, p), reference)} {face}"
            x, y = WIDE * (start + n - c), HIGH * p - DEEP * (start + n + c)
            paths[key] = paths.get(key, "") + f"M{x} {y}{OUTLINES[face]}"
    return "\n".join(f'<path class="{key}" d="{outline}"/>' for key, outline in paths.items())


def _colour(info: norms.NormInfo, entry: Entry, reference: bool) -> str:
    """Return the class of an entry: marked, shared, or one of two greys that tell neighbouring statistics apart."""
    if shared(info, entry, reference=reference):
        return "marked" if entry == MARKED and not reference else "shared"
    own = statistic(info, entry)
    if own is None:
        return "other"
    n, c, p = own
    return ("even", "other")[((0 if reference else n) + c // info.channels_per_statistic(CHANNELS) + p) % 2]


def _text(x: int, y: int, words: str, kind: str = "label") -> str:
    return f'<text class="{kind}" x="{x}" y="{y}">{escape(words)}</text>'


def _with_cube(name: str) -> norms.NormInfo:
    info = norms.describe(name)
    if info.kind not in WITH_CUBE:
        raise norms.NormKindError(
            f"norm {info.name!r} has no cube: its kind is {info.kind}; there are cubes of {', '.join(drawable())}",
            norm=info.name, kind=info.kind, use=info.verb,
        )  # fmt: skip
    return info
