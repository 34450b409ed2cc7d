"""Losses, penalties and remedies as one page of the documentation: they can be crossed freely."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from gannorm.losses import LOSSES, Loss
from gannorm.penalties import PENALTIES, Penalty
from gannorm.remedies.minibatch import MINIBATCH_LAYERS
from gannorm.remedies.options import signature_of
from gannorm.remedies.table import HERE, REMEDIES, Row

PAGE = "docs/losses-penalties-remedies.md"
REWRITE = f"python -m gannorm.remedies.page > {PAGE}"

INTRODUCTION = f"""# Losses, penalties, remedies

Each goes with any norm and with any of the others, for every network that has what it needs; what contradicts each
other is refused before the first step. This page is written by

```
{REWRITE}
```"""

OF_LOSSES = """## Losses: `model.loss`

`real` and `fake` are the logits of N real and N fake samples; a mean over a batch is minimized. With
`{name: non_saturating, label_smoothing: 0.1}` the target of real samples is 0.9, in the discriminator's step only. A
loss of your own is any object with functions `discriminator(real, fake)` and `generator(real, fake)`, by class path."""

OF_PENALTIES = """## Penalties on the discriminator: `model.penalties`

A name, `{name: r1, strength: 1.0}`, or a list of such. A strength may be a schedule over images seen, such as
`{start: 1.0, end: 0.1, until: 2000000, shape: cosine}`. With `interval: k` a penalty is a step of its own, k times as
strong, after every k-th step, and Adam has the rate c·lr and the betas β^c, c = k / (k + 1). Those of gradients are of
each sample: norms that couple the samples of a batch are refused beside them unless `--allow N01` says that this is
meant."""

OF_REMEDIES = f"""## Remedies against mode collapse

Several under `{HERE}` are a list, and act on images in its order."""

BATCH = """Packing m makes the discriminator's batch of N out of N·m real and N·m generated samples; the generator
runs m times, so that its batch norm sees N samples at a time. `--images` counts each of them; with `--compare_at
steps` a run takes m times as many, and so as many steps as without packs. Networks with classes have no packs. What
alters images does so before they are packed, each sample on its own. The layers `minibatch_stddev` and
`minibatch_discrimination` make the logit of one sample depend on the others, so that a penalty on the gradient of
single samples does not fit them."""


def page() -> str:
    """Return the page.

    Example:
        >>> page().splitlines()[0]
        '# Losses, penalties, remedies'
    """
    losses = table(
        ("loss", "discriminator minimizes", "generator minimizes", "smoothing", "paper"), map(of_loss, LOSSES.values())
    )
    penalties = table(("penalty", "what it does", "default", "paper"), map(of_penalty, PENALTIES.values()))
    remedies = table(
        ("remedy", "what it does", "paper", "switched on by", "options"), map(of_remedy, REMEDIES.values())
    )
    examples = "\n".join(["```yaml", *(f"{row.example}  # {row.name}" for row in REMEDIES.values()), "```"])
    parts = [INTRODUCTION, OF_LOSSES, losses, OF_PENALTIES, penalties, OF_REMEDIES, remedies, BATCH, examples]
    return "\n\n".join(parts)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown.

    Example:
        >>> print(table(("a", "b"), [("1", "2")]))
        | a | b |
        | --- | --- |
        | 1 | 2 |
    """
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def of_loss(loss: Loss) -> tuple[str, ...]:
    """Return a loss's line of the table; the formulas are those that its functions document.

    Example:
        >>> of_loss(LOSSES["wasserstein"])[:3]
        ('`wasserstein`', 'fake − real', '−fake')
    """
    formulas = [f"{formula(function)}" for function in (loss.discriminator, loss.generator)]
    return f"`{loss.name}`", *formulas, loss.no_smoothing or "yes", loss.paper


def formula(function: Callable[..., Any]) -> str:
    """Return what a function's first line says that it returns for N samples."""
    return first_line(function).removeprefix("Return ").partition(", (N,)")[0]


def first_line(documented: Any) -> str:
    """Return the first line of a docstring."""
    return (documented.__doc__ or "").partition("\n")[0]


def of_penalty(penalty: type[Penalty]) -> tuple[str, ...]:
    """Return a penalty's line of the table.

    Example:
        >>> of_penalty(PENALTIES["r1"])[::2]
        ('`r1`', '`strength=10.0`')
    """
    default = penalty()
    value = f"strength={default.strength.start}" if not hasattr(default, "limit") else f"limit={default.limit}"
    return f"`{penalty.name}`", first_line(penalty).partition(", see")[0], f"`{value}`", penalty.paper


def of_remedy(row: Row) -> tuple[str, ...]:
    """Return a remedy's line of the table.

    Example:
        >>> of_remedy(REMEDIES["unrolling"])[-1]
        '`steps=5`'
    """
    where = ", ".join(f"`{option}`" for option in row.where.split(" and "))
    return f"`{row.name}`", row.does, row.paper, where, options(row)


def options(row: Row) -> str:
    """Return the options of a remedy with their defaults."""
    constructor = row.remedy or MINIBATCH_LAYERS.get(row.name.removeprefix("minibatch_"))
    if constructor is None:
        return "–"
    given = 0 if row.remedy else 1  # the number of features comes from the network
    return ", ".join(f"`{option}`" for option in signature_of(constructor)[given:])


if __name__ == "__main__":
    print(page())
