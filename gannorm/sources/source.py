"""A source: what samples come from, what it says of itself, and the samples in chunks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from gannorm.sources.errors import SourceError
from gannorm.sources.form import Form

FEWER = "of more than are asked for, evenly spread ones are taken"
Blocks = Callable[[int, int], Iterator[Tensor]]
"""How many samples and the seed, to blocks of them as they are stored: float32 (n, ...)."""
Labels = Callable[[int, int], Int64[Tensor, " n"]]
"""How many samples and the seed, to the class that is asked for in each."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Samples of a file, a folder or a generator.

    Attributes:
        kind: What it is, such as "run folder".
        path: Where.
        num_samples: How many there are; None of a generator, which makes as many as one likes.
        form: Range and layout.
        blocks: What yields the stored samples.
        generator_name: Of a generator: "averaged", "raw", "saved" (nobody knows which) or "exported"; None of files.
        statistics: Of a generator: what its batch norm samples with, "its own" of an exported one; None of files.
        notes: What else a reader of its scores should know.
        details: The same for programs.
        num_classes: Of a class-conditional generator; 0 of one that takes no labels, and of files.
        labels: What yields the labels of the samples of a class-conditional generator.
    """

    kind: str
    path: Path
    num_samples: int | None
    form: Form
    blocks: Blocks
    generator_name: str | None = None
    statistics: str | None = None
    notes: tuple[str, ...] = ()
    details: tuple[tuple[str, Any], ...] = ()
    num_classes: int = 0
    labels: Labels | None = None

    def chunks(self, num: int | None, seed: int = 0, size: int = 512) -> Iterator[Float[Tensor, "n ..."]]:
        """Yield samples as the judge takes them: images (n, C, H, W) in [-1, 1], points (n, D); float32.

        Never more than a chunk and a block of 512 are in memory. How large the chunks are does not change the samples.

        Args:
            num: How many; None = all that there are. A file that has more gives as many, evenly spread over all.
            seed: Of a generator's latent vectors.
            size: Samples in a chunk; the last one may have fewer.

        Raises:
            SourceError: At once: `num` is below 1, more than there are, or None of a generator. On the way: samples
                that are no numbers (how many, which is the first), not in the range, or that cannot be read.
        """
        if size < 1:
            raise SourceError(f"size={size}: a chunk has at least one sample")
        return regrouped(self.converted(self.number(num), seed), size)

    def number(self, num: int | None) -> int:
        """Return how many samples `num` stands for, or say that there are not so many."""
        if num is None and self.num_samples is None:
            raise SourceError(f"{self.path} is a generator: say how many samples it is to make")
        wanted = self.num_samples if num is None else num
        assert wanted is not None
        if wanted < 1:
            raise SourceError(f"num={wanted}: at least one sample is needed")
        if self.num_samples is not None and wanted > self.num_samples:
            raise SourceError(
                f"{self.path} has {self.num_samples:,} samples and {wanted:,} are needed; "
                f"make {wanted - self.num_samples:,} more, or ask for {self.num_samples:,}"
            )
        return wanted

    @torch.no_grad()
    def converted(self, num: int, seed: int) -> Iterator[Tensor]:
        """Yield the blocks in the judge's range and layout."""
        first, blocks = 0, self.blocks(num, seed)
        for block in blocks:
            if not_finite := int((~finite(block)).sum()):
                first += finite(block).tolist().index(False)
                not_finite += sum(int((~finite(later)).sum()) for later in blocks)
                raise SourceError(
                    f"{self.path}: {not_finite:,} of {num:,} samples are not finite (NaN or infinite), "
                    f"the first is number {first}; leave none out, make them anew"
                )
            try:
                self.form.check(block, first)
            except SourceError as error:
                raise SourceError(f"{self.path}: {error}") from None
            first += len(block)
            yield self.form.to_samples(block)

    def describe(self) -> str:
        """Return one line: kind, number, range and layout, and what was recognised and can be overridden."""
        number = "as many samples as asked for" if self.num_samples is None else f"{self.num_samples:,} samples"
        generator = f"{self.generator_name} generator with {self.statistics} statistics"
        known = () if self.generator_name is None else (generator,)
        parts = (f"{self.kind}, {number}", *known, self.form.describe(), *self.notes)
        return f"{self.path}: {', '.join(parts)}"

    def facts(self) -> dict[str, Any]:
        """Return what `describe` says for programs, JSON throughout."""
        return {
            "kind": self.kind,
            "path": str(self.path),
            "num_samples": self.num_samples,
            **self.form.facts(),
            "generator": self.generator_name,
            "statistics": self.statistics,
            **dict(self.details),
            "notes": list(self.notes),
        }


def finite(block: Float[Tensor, "n ..."]) -> Tensor:
    """Return which samples of a block are finite throughout, (n,)."""
    return block.flatten(1).isfinite().all(dim=1)


def regrouped(blocks: Iterator[Tensor], size: int) -> Iterator[Tensor]:
    """Yield the samples of blocks in chunks of one size; the last one may have fewer.

    Example:
        >>> [len(chunk) for chunk in regrouped(iter(torch.zeros(10, 1).split(4)), 3)]
        [3, 3, 3, 1]
    """
    held, num_held = list[Tensor](), 0
    for block in blocks:
        held.append(block)
        num_held += len(block)
        if num_full := num_held // size:
            parts = torch.cat(held).split(size)
            yield from parts[:num_full]
            held = list(parts[num_full:])
            num_held -= num_full * size
    if held:
        yield torch.cat(held)
