"""Which pitfalls a model runs into with the way it is going to be trained, before the first step."""

import re
from collections.abc import Collection, Iterable
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from torch import nn

from gannorm.norms.checking.findings import Finding, Findings, merged
from gannorm.norms.checking.places import Network
from gannorm.norms.checking.sample import Sample
from gannorm.norms.checking.setting import Average, Batches, Precision, Role, Setting
from gannorm.norms.checking.table import STOPPING, Pitfall, pitfalls
from gannorm.norms.errors import NormError


class UnknownPitfallError(NormError):
    """No pitfall has this code. Attributes: `code`, `nearest` (or None), `known`."""

    code: str
    nearest: str | None
    known: list[str]


def check(
    model: nn.Module,
    *,
    role: Role | None = None,
    penalty: str | bool | None = None,
    batch_size: int | None = None,
    sample: Sample | None = None,
    world_size: int = 1,
    ema: Average | None = None,
    precision: Precision = "32-true",
    compile: bool = False,
    channels_last: bool = False,
    discriminator_batches: Batches | None = None,
    allow: Collection[str] = (),
) -> Findings:
    """Return what can go wrong with the norms of a model and the way it is going to be trained; nothing is changed.

    Which pitfalls there are, and what prevents those that a model does not show: `norms.pitfalls()`.

    Args:
        model: Any module: nothing of it has to be made here.
        role: What it is in a GAN; None where that does not matter, or is not known.
        penalty: Name of a penalty on the gradient of each sample, such as "r1" or "wgan-gp"; None, "none", "" or
            False = no penalty.
        batch_size: Samples of one training batch in one process; None = as many as `sample` has.
        sample: An input, or a tuple of several. It is sent through once in eval mode, so that the sizes at each norm
            are known; modes, buffers and the global random state are then as before. Where a norm stops it, that norm's
            finding says why, and the sizes behind it are not known.
        world_size: Number of processes that train together.
        ema: What an average of the model's weights does with buffers: "recompute" the statistics before sampling,
            "copy" or "average" all; None = there is no average.
        precision: As Lightning's Trainer names it.
        compile: Whether the model is going to be compiled; one that is already is seen.
        channels_last: Whether its images are laid out so.
        discriminator_batches: How real and fake images meet in a discriminator; see `gannorm.GAN`.
        allow: Codes whose findings are known and wanted, also as one text, "N01,N07": they become notes.

    Raises:
        NormError: The model is none.
        NormOptionError: A value that is none of its choices.
        UnknownPitfallError: A code in `allow` that is none.
        NormSampleError: The sample does not pass through the model, for a reason that no norm has.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from gannorm import norms
        >>> critic = nn.Sequential(nn.Conv2d(1, 8, 4, stride=2), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(1352, 1))
        >>> print(norms.check(critic, penalty="wgan-gp"))
        N01 error 1: norm 'batch' couples the samples of a batch, and penalty='wgan-gp' is of each sample; use ...
        >>> critic[1] = norms.create("layer", 8)
        >>> print(norms.check(critic, penalty="wgan-gp", sample=torch.zeros(2, 1, 28, 28)))
        no findings
    """
    allowed = known_codes(allow)
    setting = Setting(
        role=role,
        penalty=penalty,
        batch_size=batch_size,
        world_size=world_size,
        ema=ema,
        precision=precision,
        compile=compile,
        channels_last=channels_last,
        discriminator_batches=discriminator_batches,
    )
    network = Network(model, sample)
    found = [finding for pitfall in pitfalls() for finding in findings_of(pitfall, network, setting)]
    explained = {finding.where for finding in found if finding.code in STOPPING}
    if network.failure is not None and network.failed_at not in explained:
        raise network.failure
    return merged(permitted(finding) if finding.code in allowed else finding for finding in found)


def findings_of(pitfall: Pitfall, network: Network, setting: Setting) -> list[Finding]:
    """Return what the rules of one pitfall find."""
    return [
        Finding(pitfall.code, found.severity or pitfall.severity or "note", found.where, found.message, found.fix)
        for rule in pitfall.rules
        for found in rule(network, setting)
    ]


def permitted(finding: Finding) -> Finding:
    """Return a finding that somebody knows of and wants."""
    return finding if finding.severity == "note" else replace(finding, severity="note", fix=f"{finding.fix} (allowed)")


def known_codes(codes: Any) -> frozenset[str]:
    """Return codes, a list or one text, as they are written in the table; nothing is none.

    Raises:
        UnknownPitfallError: There is no such pitfall; the message has the nearest one.

    Example:
        >>> sorted(known_codes(["n01", "N07"])), sorted(known_codes("N01,N07")), sorted(known_codes(None))
        (['N01', 'N07'], ['N01', 'N07'], [])
    """
    known = [row.code for row in pitfalls()]
    given = codes.split(",") if isinstance(codes, str) and codes else codes or ()
    listed = given if isinstance(given, Iterable) else [given]
    wanted = [str(code).strip().upper() for code in listed]
    for code in wanted:
        if code not in known:
            near = nearest(code, known)
            hint = f"; did you mean {near!r}?" if near else ""
            raise UnknownPitfallError(
                f"allow={code!r}: no pitfall has this code{hint}; there are {known[0]} to {known[-1]}",
                code=code, nearest=near, known=known,
            )  # fmt: skip
    return frozenset(wanted)


def nearest(code: str, known: list[str]) -> str | None:
    """Return the code of the same number, or the one that looks alike, or None, as of a number that is out of range.

    Example:
        >>> nearest("N1", ["N01", "N11"]), nearest("N0I", ["N01"]), nearest("N99", ["N09"]), nearest("batch", ["N01"])
        ('N01', 'N01', None, None)
    """
    number = "N" + "".join(filter(str.isdigit, code)).lstrip("0").zfill(2)
    if number in known or re.fullmatch(r"\D{0,2}\d+", code):
        return number if number in known else None
    return next(iter(get_close_matches(code, known, n=1)), None)
