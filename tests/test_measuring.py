"""The page that says how to read a result names every figure of one, and holds what the benchmarks measured."""

import re
from importlib import import_module

import pytest
import torch

from benchmarks import document
from benchmarks.__main__ import DOCUMENTED
from gannorm.data import MNIST, Mixture
from gannorm.evaluation import reference_of, score
from gannorm.judges import DigitJudge, MixtureJudge

TEXT = document.PAGE.read_text(encoding="utf-8")


def named() -> set[str]:
    """Return the names in code on the page, `_low` and its like behind the name before them."""
    return set(re.findall(r"`(\w+)`", TEXT))


def figures_of_digits():
    images = MNIST().held_out()[0]
    judge = DigitJudge()
    reference = reference_of(MNIST(), judge)
    few = type(reference)(reference.features[:300], reference.modes[:300], reference.accepted[:300])
    return score(images[:200].split(100), judge, few, labels=MNIST().held_out()[1][:200]).figures


def figures_of_points():
    data = Mixture(preset="ring/pacgan")
    judge = MixtureJudge(data.centers, data.sigma)
    points, _ = data.real(200, torch.Generator().manual_seed(0))
    return score([points], judge, reference_of(data, judge, num=200)).figures


@pytest.mark.parametrize("figures", [figures_of_digits, figures_of_points])
def test_every_figure_is_explained(figures):
    base = {re.sub(r"_(low|high|floor|ceiling|min|mean)$", "", name) for name in figures()}
    without = sorted(base - named() - {"num_samples", "num_modes"})
    assert not without, f"docs/{document.PAGE.name} does not say what they are: {without}"


@pytest.mark.parametrize("name", DOCUMENTED)
def test_every_table_that_was_measured_stands_on_the_page(name):
    benchmark = import_module(f"benchmarks.{name}")
    page = getattr(benchmark, "PAGE", document.PAGE)
    text = page.read_text(encoding="utf-8")
    for own in getattr(benchmark, "BLOCKS", (name,)):
        block = text.partition(f"<!-- {own} -->")[2].partition(f"<!-- /{own} -->")[0]
        assert re.search(r"\| ?---", block), f"python -m benchmarks {name} --document"
        assert document.replaced(text, own, block.strip(), page) == text


def test_links_lead_somewhere():
    pages = re.findall(r"\]\((\w+\.md)\)", TEXT)
    assert pages
    assert all((document.PAGE.parent / page).exists() for page in pages)
