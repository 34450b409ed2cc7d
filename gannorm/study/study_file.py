"""A study file, read and checked.

```yaml
name: norms
config: {images: 96000}            # or a configuration: its path from the study's file, or a name that ships
factors:
  model.generator.norm: [none, batch, layer]                # an option and its values
  batch size: {16: {data.batch_size: 16}, 64: {data.batch_size: 64}}   # or levels that set several options
seeds: 3                           # a number, or a list
leave_out: [{model.generator.norm: none, batch size: 16}]   # cells that are not run
more_seeds: [{where: {batch size: 64}, seeds: 10}]          # cells that have others
settings: [{where: {batch size: 16}, options: {model.generator_rate: 5.0e-4}}]   # options of some cells only
outcome: effective_modes
```
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gannorm import records, shipped
from gannorm.records import nearest
from gannorm.study.errors import StudyError
from gannorm.study.matrix import OUTCOMES, Cell, Options, Study

KEYS = ("name", "config", "factors", "seeds", "leave_out", "more_seeds", "settings", "outcome", "journal")
OWN = {"config", "name", "folder", "resume", "fresh", "quiet", "seed_everything"}
SECTIONS = ("model", "data", "evaluation", "collapse", "trainer")
MOST, END = 100_000, 2**32  # seeds of a cell; the first number that is no seed any more


def read(path: Path) -> Study:
    """Read a study file.

    Raises:
        StudyError: There is none, it is no YAML, or something in it is wrong.
    """
    data = mapping(path, "a study has name, config, factors and seeds")
    for key in data:
        if key not in KEYS:
            raise StudyError(f"{path}: unknown key {key!r}; {nearest(str(key), KEYS)}")
    check_kinds(path, data)
    factors = {str(name): levels_of(path, str(name), levels) for name, levels in (data.get("factors") or {}).items()}
    outcome = data.get("outcome", "effective_modes")
    if outcome not in OUTCOMES:
        raise StudyError(f"{path}: outcome {outcome!r}; {nearest(str(outcome), OUTCOMES)}")
    study = Study(
        name=str(data.get("name") or path.stem),
        config=base_of(path, data.get("config")),
        factors=factors,
        seeds=seeds_of(path, data.get("seeds", 3)),
        leave_out=[part_of(path, factors, part) for part in data.get("leave_out") or ()],
        more_seeds=[more_of(path, factors, more) for more in data.get("more_seeds") or ()],
        settings=[setting_of(path, factors, setting) for setting in data.get("settings") or ()],
        outcome=outcome,
        journal=path.parent / data["journal"] if data.get("journal") and not shipped.is_installed(path) else None,
    )
    check_options(path, study)
    if not factors or not study.cells():
        raise StudyError(f"{path}: an empty matrix: give factors with levels, and do not leave out every cell")
    return study


def check_options(path: Path, study: Study) -> None:
    """Refuse options that are the study's own business, that two factors set, or that replace a whole section.

    Raises:
        StudyError: There is one.
    """
    setters: dict[str, str] = {}
    for factor, levels in study.factors.items():
        for option in {option for options in levels.values() for option in options}:
            if setters.setdefault(option, factor) != factor:
                raise StudyError(f"{path}: factors {setters[option]!r} and {factor!r} both set {option}")
        for option, value in ((option, value) for options in levels.values() for option, value in options.items()):
            if option in SECTIONS and isinstance(value, Mapping):
                raise StudyError(
                    f"{path}: factors: {factor}: {option}: name single options, such as {option}.something"
                )
    for option in (option for _, options in study.settings for option in options):
        if setters.setdefault(option, "") or option in SECTIONS:
            raise StudyError(f"{path}: settings: {option}: single options that no factor sets are needed")
    for option in OWN & {*study.config, *setters}:
        raise StudyError(f"{path}: {option} is the study's own business; leave it out")


def check_kinds(path: Path, data: Mapping[str, Any]) -> None:
    """Refuse values of another kind than a study's keys have.

    Raises:
        StudyError: There is one.
    """
    kinds = {"name": str, "factors": dict, "outcome": str, "journal": str}
    kinds |= dict.fromkeys(("leave_out", "more_seeds", "settings"), list)
    for key, kind in kinds.items():
        if key in data and data[key] is not None and not isinstance(data[key], kind):
            raise StudyError(f"{path}: {key}: {data[key]!r}: a {kind.__name__} is needed")
    if data.get("journal") and not data["journal"].endswith(".jsonl"):
        raise StudyError(f"{path}: journal: {data['journal']}: a file of lines is needed, whose name ends in .jsonl")
    if not re.fullmatch(r"\w[\w.-]*", str(data.get("name") or path.stem)):
        raise StudyError(f"{path}: name {data.get('name')!r}: letters, digits, dots and dashes make the folder's name")


def mapping(path: Path, hint: str) -> dict[str, Any]:
    """Return a YAML file that holds a mapping.

    Raises:
        StudyError: It cannot be read, or holds something else.
    """
    try:
        data = records.read(path)
    except (OSError, UnicodeDecodeError, records.RecordError) as error:
        raise StudyError(f"{path} cannot be read: {' '.join(str(error).split())[:200]}") from error
    if not isinstance(data, dict):
        raise StudyError(f"{path} holds no mapping; {hint}")
    return by_text(path, data)


def by_text(path: Path, data: dict[Any, Any]) -> dict[str, Any]:
    """Return a mapping whose keys are texts.

    Raises:
        StudyError: One is not.
    """
    for key in data:
        if not isinstance(key, str):
            raise StudyError(f"{path}: {key!r} names no option: a text is needed")
    return data


def base_of(path: Path, given: Any) -> Mapping[str, Any]:
    """Return the base configuration: the study's own, or that of a file beside it or that ships, less its name."""
    if given is None or isinstance(given, dict):
        return by_text(path, given or {})
    beside = path.parent / str(given)
    try:
        found = beside if beside.is_file() else shipped.find(str(given), shipped.RUNS)
    except shipped.UnknownNameError as error:
        raise StudyError(f"{path}: config: {error}") from None
    return {key: value for key, value in mapping(found, "a configuration is a mapping").items() if key != "name"}


def levels_of(path: Path, factor: str, levels: Any) -> dict[str, Options]:
    """Return the options of each level of a factor, whose own name is the option where levels are a list."""
    if isinstance(levels, list):
        named = [(level_name(level), {factor: level}) for level in levels]
        return once(path, factor, named)
    if not isinstance(levels, dict) or not all(isinstance(options, dict) for options in levels.values()):
        raise StudyError(f"{path}: factors: {factor}: a list of values, or a mapping of levels to options, is needed")
    return once(path, factor, [(level_name(level), by_text(path, options)) for level, options in levels.items()])


def level_name(level: Any) -> str:
    """Return what a level is called: `null` is none."""
    return "none" if level is None else str(level)


def once(path: Path, factor: str, levels: Sequence[tuple[str, Options]]) -> dict[str, Options]:
    """Return levels by name, each of which is there once."""
    if len(named := dict(levels)) < len(levels):
        raise StudyError(f"{path}: factors: {factor}: a level is there twice")
    return named


def seeds_of(path: Path, seeds: Any) -> list[int]:
    """Return seeds from a number of them or a list."""
    if isinstance(seeds, int) and seeds > MOST:
        raise StudyError(f"{path}: seeds: {seeds}: {MOST:,} at most, or a list")
    listed = list(range(seeds)) if isinstance(seeds, int) and not isinstance(seeds, bool) else seeds
    if not isinstance(listed, list) or not listed or not all(type(seed) is int and 0 <= seed < END for seed in listed):
        raise StudyError(
            f"{path}: seeds: {seeds!r}: a number above 0, or a list of whole numbers below 2^32, is needed"
        )
    return list(dict.fromkeys(listed))


def part_of(path: Path, factors: Mapping[str, Mapping[str, Options]], part: Any) -> Cell:
    """Return levels of some factors, all of which are there."""
    if not isinstance(part, dict) or not part:
        raise StudyError(
            f"{path}: {part!r}: levels of factors are needed, such as {{{next(iter(factors), 'norm')}: ...}}"
        )
    found = {str(factor): level_name(level) for factor, level in part.items()}
    for factor, level in found.items():
        if factor not in factors:
            raise StudyError(f"{path}: no factor {factor!r}; {nearest(factor, factors)}")
        if level not in factors[factor]:
            raise StudyError(f"{path}: factor {factor!r} has no level {level!r}; {nearest(level, factors[factor])}")
    return found


def more_of(path: Path, factors: Mapping[str, Mapping[str, Options]], more: Any) -> tuple[Cell, list[int]]:
    """Return a part of cells and its seeds."""
    if not isinstance(more, dict) or set(more) != {"where", "seeds"}:
        raise StudyError(f"{path}: more_seeds: {more!r}: `where` and `seeds` are needed")
    return part_of(path, factors, more["where"]), seeds_of(path, more["seeds"])


def setting_of(path: Path, factors: Mapping[str, Mapping[str, Options]], setting: Any) -> tuple[Cell, Options]:
    """Return a part of cells and the options that these have."""
    if (
        not isinstance(setting, dict)
        or set(setting) != {"where", "options"}
        or not isinstance(setting["options"], dict)
    ):
        raise StudyError(f"{path}: settings: {setting!r}: `where` and `options` are needed")
    return part_of(path, factors, setting["where"]), by_text(path, setting["options"])
