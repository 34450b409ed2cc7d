"""docs/keys.md, written from the table of keys."""

from gannorm.vocabulary import KEYS

INTRODUCTION = """# What a run logs

The same keys in `metrics.csv`, in Weights & Biases and in any other logger. `{network}` is `generator` or
`discriminator` (what passes its layers is told apart by what it is shown: `discriminator_real`, `discriminator_fake`),
`{layer}` and `{norm}` are names of modules, `{place}` is `in` or `out` of a layer: what a norm gets comes out, what it
makes goes into the next. Means, spectra and layers are read in training mode, of networks that are left as they are."""


def page() -> str:
    """Return the page.

    Example:
        >>> "| `share/{mode}` | share |" in page()
        True
    """
    rows = [f"| `{key.pattern}` | {key.unit or '–'} | {key.meaning} |" for key in KEYS]
    return "\n".join([INTRODUCTION, "", "| key | unit | meaning |", "| --- | --- | --- |", *rows]) + "\n"
