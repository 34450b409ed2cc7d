"""Charts of what goes through the layers: one for each network and quantity, a curve for each layer."""

import re
from dataclasses import dataclass

from gannorm.report.run.chart import Line, chart
from gannorm.report.run.curves import marks
from gannorm.report.run.record import RunRecord
from gannorm.vocabulary import expression

NETWORKS = {
    "generator": "generator",
    "discriminator_real": "discriminator, real images",
    "discriminator_fake": "discriminator, fakes",
    "discriminator": "discriminator",
}


@dataclass(frozen=True)
class Quantity:
    """One quantity of every layer.

    Attributes:
        title: What is shown.
        unit: Of the vertical axis.
        key: Of metrics.csv; {network} and {layer} stand for those.
        meaning: One sentence under the charts.
        networks: What it is read of: the players, or where that matters the discriminator on each kind of samples.
        bounds: Of the vertical axis; None = those of the curves.
    """

    title: str
    unit: str
    key: str
    meaning: str
    networks: tuple[str, ...]
    bounds: tuple[float, float] | None = None

    def of(self, network: str) -> str:
        """Return the pattern of its keys for one network."""
        return self.key.replace("{network}", network)


PLAYERS = ("generator", "discriminator")
SHOWN = ("generator", "discriminator_real", "discriminator_fake")

QUANTITIES: tuple[Quantity, ...] = (
    Quantity(
        "drift of each layer's input",
        "|Δμ| / σ + |ln σ′/σ|",
        "layer/{network}/{layer}/in/drift",
        "How far the moments of a layer's input have moved since the look before, mean over channels: internal "
        "covariate shift.",
        SHOWN,
        (0.0, 0.1),
    ),
    Quantity(
        "drift before the norm",
        "|Δμ| / σ + |ln σ′/σ|",
        "layer/{network}/{layer}/out/drift",
        "How far the moments of what a layer gives to the norm after it have moved since the look before.",
        SHOWN,
        (0.0, 0.1),
    ),
    Quantity(
        "gradient shift",
        "‖G − G'‖ / ‖G‖",
        "covariate_shift/{network}/{layer}/relative",
        "How much a layer's gradient changes when the layers below it take their step (Santurkar et al. 2018).",
        PLAYERS,
        (0.0, 0.1),
    ),
    Quantity(
        "gradient shift",
        "cosine",
        "covariate_shift/{network}/{layer}/cosine",
        "Whether that gradient still points the same way: 1 where it does.",
        PLAYERS,
        (-1.0, 1.0),
    ),
    Quantity(
        "stale statistics",
        "|Δμ| / σ + |ln σ′/σ|",
        "norm/{network}/{layer}/gap",
        "How far a batch's statistics are from a norm's running ones: what eval mode does otherwise than training.",
        SHOWN,
        (0.0, 0.1),
    ),
    Quantity(
        "spread before each norm",
        "",
        "norm/{network}/{layer}/in/spread",
        "The standard deviation of all that goes into a norm.",
        SHOWN,
        (0.0, 0.1),
    ),
    Quantity(
        "spread after each norm",
        "",
        "norm/{network}/{layer}/out/spread",
        "The standard deviation of all that comes out of a norm.",
        SHOWN,
        (0.0, 0.1),
    ),
    Quantity(
        "spread of each layer's input",
        "",
        "layer/{network}/{layer}/in/spread",
        "The standard deviation of all that goes into a layer.",
        SHOWN,
        (0.0, 0.1),
    ),
    Quantity(
        "dead units",
        "share of channels",
        "layer/{network}/{layer}/in/dead",
        "Channels that are the same for every sample and place.",
        SHOWN,
        (0.0, 0.1),
    ),
    Quantity(
        "γ of the norms",
        "root mean square",
        "norm/{network}/{layer}/gamma",
        "The learned scales.",
        PLAYERS,
        (0.0, 1.0),
    ),
    Quantity(
        "β of the norms",
        "root mean square",
        "norm/{network}/{layer}/beta",
        "The learned shifts.",
        PLAYERS,
        (0.0, 0.1),
    ),
    Quantity(
        "gradient of γ",
        "norm",
        "norm/{network}/{layer}/gamma_gradient",
        "What the last step took.",
        PLAYERS,
        (0.0, 0.01),
    ),
    Quantity(
        "gradient of each layer",
        "norm",
        "gradient/{network}/{layer}",
        "What the last step took.",
        PLAYERS,
        (0.0, 0.1),
    ),
    Quantity(
        "largest singular value",
        "",
        "spectrum/{network}/{layer}/largest",
        "How much a layer can stretch its input; under spectral norm it is 1.",
        PLAYERS,
        (0.0, 1.0),
    ),
    Quantity(
        "effective rank",
        "share of the largest possible",
        "spectrum/{network}/{layer}/rank",
        "In how many directions a layer works; it falls when modes collapse (Liu et al. 2019).",
        PLAYERS,
        (0.0, 1.0),
    ),
)
"""All charts of layers, in order; each for every network that it was read of."""


def layers(record: RunRecord) -> str:
    """Return the charts of the layers; empty where nothing was read."""
    keys = list(dict.fromkeys(key for row in record.rows for key in row))  # in the order of the network
    drawn = [draw(record, keys, quantity, network) for quantity in QUANTITIES for network in quantity.networks]
    return f'<div class="charts">{"".join(drawn)}</div>' if any(drawn) else ""


def draw(record: RunRecord, keys: list[str], quantity: Quantity, network: str) -> str:
    """Return one chart; empty where the run has no such key."""
    matches = [match for key in keys if (match := re.fullmatch(expression(quantity.of(network)), key))]
    lines = [Line(match[1], record.series(match[0]), (), place) for place, match in enumerate(matches)]
    lines = [line for line in lines if line.points]
    if not lines:
        return ""
    title = f"{quantity.title}: {NETWORKS[network]}"
    drawn = chart(title, quantity.unit, lines, marks(record), quantity.bounds)
    return drawn.replace("</figure>", f"<p>{quantity.meaning}</p></figure>")
