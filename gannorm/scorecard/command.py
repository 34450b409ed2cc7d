"""`gannorm evaluate`: its options, and what it prints or writes."""

import argparse
import json
from collections.abc import Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, get_args

from gannorm import files, screen
from gannorm.evaluation.sheet import sheet, to_picture
from gannorm.metrics.legacy import plug_in_kl
from gannorm.protocols import names
from gannorm.report.comparison import check_benchmark, comparison
from gannorm.report.comparison_table import compare
from gannorm.scorecard.compared import differences
from gannorm.scorecard.measure import Card, measure, number_of, real_figures, reference
from gannorm.scorecard.setting import Setting, setting_of, setting_of_run
from gannorm.scorecard.table import headline, notes
from gannorm.sources import Source, open_source
from gannorm.sources.layouts import ImageLayout
from gannorm.sources.ranges import ValueRange
from gannorm.sources.request import Latent

PICTURES = {".png": "PNG", ".jpg": "JPEG"}
UNDER = ("classifier", "judge", "cells", "features", "folder", "download")
"""Options of `setting_of`."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.epilog = f"Protocols: {', '.join(names())}."
    parser.add_argument("source", type=Path, help="run folder, checkpoint, exported generator, .npz, .npy, pictures")
    parser.add_argument("other", type=Path, nargs="?", help="a second source, to be compared by a permutation test")
    parser.add_argument("--json", action="store_true", help="everything, for programs")
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="write a picture: a row of samples for each mode")
    parser.add_argument("--compare", metavar="BENCHMARK", help="among published results, such as smnist or ring")
    under = parser.add_argument_group("measured under")
    under.add_argument("--data", help="a protocol, or a path to real images of your own (the run's own; else mnist)")
    under.add_argument("--classifier", type=Path, help="weights of gannorm classifier train, for images of your own")
    under.add_argument("--judge", metavar="CLASS", help="import path of a judge of your own")
    under.add_argument("--cells", type=int, help="for images without classes: so many k-means cells as modes")
    under.add_argument("--features", metavar="FUNCTION", help="of cells: import path of images -> features")
    under.add_argument("--folder", help="where the files of --data fashion_mnist or cifar10 are")
    under.add_argument("--download", action="store_true", help="fetch them there")
    under.add_argument("--inception", type=Path, metavar="WEIGHTS", help="FID and KID by an Inception network's file")
    samples = parser.add_argument_group("samples")
    samples.add_argument("--number", type=int, help="how many (what the protocol says)")
    samples.add_argument("--seed", type=int, default=0, help="of a generator's samples (0)")
    samples.add_argument("--seeds", type=int, default=1, help="repeat the sampling so often (1)")
    samples.add_argument("--range", dest="value_range", choices=get_args(ValueRange), help="of stored pixels (seen)")
    samples.add_argument("--layout", choices=get_args(ImageLayout), help="of stored axes (seen)")
    samples.add_argument("--key", help="of the array in an .npz")
    samples.add_argument("--latent", dest="latent_dim", type=int, help="length of an exported generator's latents")
    samples.add_argument("--latent-law", dest="latent", choices=get_args(Latent), help="what these are drawn from")


def run(options: argparse.Namespace) -> str | None:
    """Measure, then show the table and write what was asked for; return the JSON text where that was asked for.

    Raises:
        ValueError: What was asked for is wrong; one line.
    """
    setting = chosen_setting(options)
    sources = [opened(path, setting, options) for path in (options.source, options.other) if path is not None]
    check(sources, setting, options)
    real = reference(setting)
    yardstick = cache(partial(real_figures, setting, real))  # the same for two sources of one size
    cards = [
        measure(
            source,
            setting,
            real,
            number=options.number,
            seed=options.seed,
            seeds=options.seeds,
            inception=options.inception,
            yardstick=yardstick,
        )
        for source in sources
    ]
    if options.sheet is not None:
        write_sheet(cards[0], options.sheet)
    if options.json:
        return json.dumps(as_json(cards, options.compare), indent=2, allow_nan=False)
    show(cards, options.compare)
    return None


def joined(arguments: Sequence[str]) -> list[str]:
    """Return arguments with `--range -1..1` as one: argparse takes what begins with a minus for an option.

    Example:
        >>> joined(["x.npy", "--range", "-1..1", "--json"])
        ['x.npy', '--range=-1..1', '--json']
    """
    found: list[str] = []
    for argument in arguments:
        if found and found[-1] == "--range":
            found[-1] = f"--range={argument}"
        else:
            found.append(argument)
    return found


def chosen_setting(options: argparse.Namespace) -> Setting:
    """Return what was asked for; where nothing was, what a run was trained on, or MNIST's digits."""
    chosen = {name: getattr(options, name) for name in UNDER}
    named = any(value is not None and value is not False for value in (options.data, *chosen.values()))
    if not named and (own := setting_of_run(options.source)) is not None:
        return own
    return setting_of("mnist" if options.data is None else options.data, **chosen)


def check(sources: Sequence[Source], setting: Setting, options: argparse.Namespace) -> None:
    """Refuse what cannot be done before anything is judged."""
    if options.seeds < 1:
        raise ValueError(f"--seeds {options.seeds}: at least 1")
    if options.sheet is not None:
        check_sheet(options.sheet, setting)
    if options.compare is not None:
        check_benchmark(options.compare, setting.judge.num_modes)
    for source in sources:
        if options.seeds > 1 and source.num_samples is not None:
            raise ValueError(
                f"--seeds {options.seeds}: {source.path} holds its samples; only a generator can be asked again"
            )
        source.number(number_of(source, setting, options.number))


def check_sheet(path: Path, setting: Setting) -> None:
    """Refuse a picture that could not be written, before minutes are spent."""
    if len(setting.shape) == 1:
        raise ValueError(f"--sheet {path}: points are no pictures")
    if path.suffix.lower() not in PICTURES:
        raise ValueError(f"--sheet {path}: end its name with {' or '.join(PICTURES)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        was_there = path.exists()
        path.touch()
        if not was_there:
            path.unlink()
    except OSError as error:
        raise ValueError(f"--sheet {path} cannot be written: {error.strerror}") from None


def opened(path: Path, setting: Setting, options: argparse.Namespace) -> Any:
    """Return a source in the setting's shape."""
    chosen = {name: getattr(options, name) for name in ("value_range", "layout", "key", "latent_dim", "latent")}
    return open_source(path, expected_shape=setting.shape, **chosen)


def as_json(cards: Sequence[Card], benchmark: str | None) -> dict[str, Any]:
    """Return everything as plain data: of one source as it is, of two as a list with what tells them apart."""
    if len(cards) == 1:
        plain = cards[0].plain()
    else:
        plain = {"sources": [card.plain() for card in cards], "differences": differences(cards[0], cards[1])}
    return plain if benchmark is None else plain | {"comparison": comparison(benchmark, **among(cards[0]))}


def show(cards: Sequence[Card], benchmark: str | None) -> None:
    """Print the table and what belongs to it."""
    console = screen.console()
    console.print(headline(cards))
    for card in cards:
        for line in notes(card):
            screen.say(line)
    if len(cards) > 1:
        found = differences(cards[0], cards[1])
        screen.say(f"equal shares of modes, rejected ones included: p = {found['modes_p']:.4f}")
        screen.say(f"equal effective modes: p = {found['effective_modes_p']:.4f} (permutation tests)")
        for name, p in found.get("seeds_p", {}).items():
            screen.say(f"equal {name.replace('_', ' ')} over the draws: p = {p:.4f}")
    if benchmark is not None:
        console.print(compare(benchmark, **among(cards[0])))


def among(card: Card) -> dict[str, Any]:
    """Return our result as a comparison with published ones takes it.

    Papers count every sample, or accepted ones only: as the protocol says, every sample where there is none.
    """
    first, protocol = card.scores[0], card.setting.protocol
    counts = first.counts if protocol is not None and protocol.kl_over == "accepted" else first.counts_all
    figures = first.figures
    ours = {
        "covered_modes": figures["covered_modes"],
        "raw_modes": int((counts > 0).sum()),
        "kl_plug_in": plug_in_kl(counts),
        "effective_modes": figures["effective_modes"],
        "effective_low": figures["effective_modes_low"],
        "effective_high": figures["effective_modes_high"],
        "high_quality": figures["high_quality"],
    }
    return {
        "ours": ours,
        "num_modes": figures["num_modes"],
        "num_samples": figures["num_samples"],
        "prior": card.setting.judge.prior,
        "ceiling": figures["high_quality_ceiling"],
        "rule": getattr(card.setting.judge, "rule", None),
    }


def write_sheet(card: Card, path: Path) -> None:
    """Write the sample sheet of a source of images."""
    first = card.scores[0]
    picture = to_picture(sheet(first.images, first.kinds, first.counts))
    with files.in_place_of(path) as beside:
        picture.save(beside, format=PICTURES[path.suffix.lower()])
