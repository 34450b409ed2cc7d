"""The remedies as a page of the documentation, written anew by `python -m gannorm.remedies.page`."""

from gannorm.remedies.minibatch import MINIBATCH_LAYERS
from gannorm.remedies.options import signature_of
from gannorm.remedies.table import HERE, REMEDIES, Row

PAGE = "docs/remedies.md"
REWRITE = f"python -m gannorm.remedies.page > {PAGE}"

INTRODUCTION = f"""# Remedies against mode collapse

Each is switched on in the YAML of a run and goes with any norm, loss and penalty; what cannot go together is refused
before the first step. Several under `{HERE}` are a list, and act on images in its order. This page is written by

```
{REWRITE}
```"""

BATCH = """Packing m makes the discriminator's batch of N out of N·m real and N·m generated samples; the generator runs
m times, so that its batch norm sees N samples at a time. What alters images does so before they are packed, each sample
on its own. The layers `minibatch_stddev` and `minibatch_discrimination` make the logit of one sample depend on the
others, so that a penalty on the gradient of single samples does not fit them."""


def page() -> str:
    """Return the page: a table of all remedies, then how each is switched on.

    Example:
        >>> page().splitlines()[0]
        '# Remedies against mode collapse'
    """
    lines = ["| remedy | what it does | paper | switched on by | options |", "| --- | --- | --- | --- | --- |"]
    lines += [line(row) for row in REMEDIES.values()]
    examples = [f"{row.example}  # {row.name}" for row in REMEDIES.values()]
    return "\n\n".join([INTRODUCTION, "\n".join(lines), BATCH, "\n".join(["```yaml", *examples, "```"])])


def line(row: Row) -> str:
    """Return a remedy's line of the table.

    Example:
        >>> line(REMEDIES["unrolling"]).split(" | ")[-1]
        '`steps=5` |'
    """
    where = ", ".join(f"`{option}`" for option in row.where.split(" and "))
    return f"| `{row.name}` | {row.does} | {row.paper} | {where} | {options(row)} |"


def options(row: Row) -> str:
    """Return the options of a remedy with their defaults."""
    constructor = row.remedy or MINIBATCH_LAYERS.get(row.name.removeprefix("minibatch_"))
    if constructor is None:
        return "–"
    given = 0 if row.remedy else 1  # the number of features comes from the network
    return ", ".join(f"`{option}`" for option in signature_of(constructor)[given:])


if __name__ == "__main__":
    print(page())
