"""Samples of generators that bring their own code: TorchScript and torch.export files, from any program.

Loading and running such a file executes what is in it: TorchScript holds code, and `torch.export.load` unpickles parts
of its archive (as of torch 2.14). Open only files that you trust.
"""

import logging
import math
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gannorm import rng
from gannorm.sampling import SAMPLED_AT_ONCE
from gannorm.sources.errors import SourceError, first_line
from gannorm.sources.form import form_of
from gannorm.sources.noise import own_noise
from gannorm.sources.request import Request
from gannorm.sources.source import Blocks, Source

PROBE = 512  # samples that range and layout are recognised from
LATENT_NAMES = ("latent_dim", "z_dim", "nz")  # attributes that say how long z is
RUNNING = (RuntimeError, AssertionError, ValueError, TypeError, NotImplementedError, IndexError)

LAWS: dict[str, Callable[[tuple[int, ...], torch.Generator], Tensor]] = {
    "normal": lambda shape, generator: torch.randn(shape, generator=generator),
    "uniform": lambda shape, generator: torch.rand(shape, generator=generator).mul_(2).sub_(1),
}
"""What latent vectors are drawn from, by the name that the option takes: N(0, I), or uniform on [-1, 1]."""
WORDS = {"normal": "z ~ N(0, I)", "uniform": "z ~ U[-1, 1]"}


@dataclass(frozen=True)
class Exported:
    """A generator of unknown make.

    Args:
        network: Latent vectors to samples.
        shape: Of one latent vector: (Z,), or (Z, 1, 1) as DCGANs take it.
        batch_size: How many it takes at once; the last batch is filled up.
    """

    network: Callable[[Tensor], Tensor]
    shape: tuple[int, ...]
    batch_size: int

    def sample(self, z: Float[Tensor, "n ..."]) -> Float[Tensor, "n ..."]:
        """Return what it makes of a full batch."""
        with without_deprecations():
            made = self.network(z)
        if not isinstance(made, Tensor) or len(made) != len(z):
            found = tuple(made.shape) if isinstance(made, Tensor) else type(made).__name__
            raise SourceError(f"it makes {found} of {len(z)} latent vectors; one sample for each is needed")
        return made.float().cpu()

    def blocks(self, law: str, path: Path) -> Blocks:
        """Return what yields samples, each batch whole until it is cut."""

        def yielded(num: int, seed: int) -> Iterator[Tensor]:
            generator = rng.generator(seed, "sources", "latent")
            for start in range(0, num, self.batch_size):
                z = LAWS[law]((self.batch_size, *self.shape), generator)
                with trouble_named(path), own_noise(seed, start):
                    made = self.sample(z)
                yield made[: num - start]

        return yielded


def open_torchscript(request: Request) -> Source:
    """Return the generator of a TorchScript file, in eval mode. Loading executes code from the file.

    Its latent vectors are as long as its attribute `latent_dim` says (or `z_dim`, `nz`), or as the option says: a
    saved graph does not keep the shapes of its inputs.

    Raises:
        SourceError: It cannot be read, says no latent length, or cannot be run.
    """
    path = request.path
    with trouble_named(path), without_deprecations():
        network = torch.jit.load(path, map_location="cpu").eval()
    length = request.latent_dim or attribute(network)
    if length is None:
        raise SourceError(f"{path} does not say how long its latent vectors are; say it with --latent")
    return source_of(of_some_shape(network, length, path), request, kind="TorchScript generator")


def open_export(request: Request) -> Source:
    """Return the generator of a torch.export file. Loading unpickles parts of the file.

    Latent length and, where it is fixed, batch size are those of the exported input.

    Raises:
        SourceError: It cannot be read, takes other than one input, or cannot be run.
    """
    path = request.path
    with trouble_named(path), without_deprecations(), path.open("rb") as file:
        program = torch.export.load(file)
    inputs = [
        node.meta["val"]
        for node in program.graph.nodes
        if node.op == "placeholder" and node.name in program.graph_signature.user_inputs
    ]
    if len(inputs) != 1 or not isinstance(inputs[0], Tensor) or inputs[0].ndim < 2:
        raise SourceError(f"{path} takes {len(inputs)} inputs; export a generator of latent vectors (N, Z) alone")
    batch, *shape = inputs[0].shape
    if not all(isinstance(side, int) for side in shape):
        raise SourceError(f"{path} leaves the length of its latent vectors open; export it with a fixed one")
    if request.latent_dim not in (None, math.prod(shape)):
        raise SourceError(f"--latent {request.latent_dim}: {path} was exported for latent vectors of shape {(*shape,)}")
    exported = Exported(program.module(), tuple(shape), batch_size_of(batch, program))
    return source_of(exported, request, kind="torch.export generator")


def batch_size_of(batch: int | torch.SymInt, program: torch.export.ExportedProgram) -> int:
    """Return how many latent vectors a program takes: the exported number, or as many as its limits allow."""
    if isinstance(batch, int):
        return batch
    limits = program.range_constraints.get(batch.node.expr)
    fits = limits is None or limits.lower <= SAMPLED_AT_ONCE <= limits.upper
    return SAMPLED_AT_ONCE if fits else int(limits.upper if limits.upper < SAMPLED_AT_ONCE else limits.lower)


def attribute(network: nn.Module) -> int | None:
    """Return the latent length that a network's attributes say, None where they do not."""
    return next((length for name in LATENT_NAMES if isinstance(length := getattr(network, name, None), int)), None)


def of_some_shape(network: nn.Module, length: int, path: Path) -> Exported:
    """Return a generator with the shape of latent vectors that it takes, (Z,) or (Z, 1, 1): the first that runs."""
    problem = ""
    for shape in ((length,), (length, 1, 1)):
        exported = Exported(network, shape, SAMPLED_AT_ONCE)
        try:
            with own_noise(0, 0):
                exported.sample(torch.zeros(SAMPLED_AT_ONCE, *shape))
            return exported
        except (*RUNNING, SourceError) as error:
            problem = problem or last_line(error)
    raise SourceError(f"{path} cannot be run on latent vectors of length {length} (--latent): {problem}")


def source_of(exported: Exported, request: Request, *, kind: str) -> Source:
    """Return a generator as a source; range and layout are recognised from what it makes."""
    law = request.latent or "normal"
    blocks = exported.blocks(law, request.path)
    some_samples = torch.cat([*blocks(PROBE, 0)])
    try:
        form = form_of(
            some_samples.numpy(), request.expected_shape, value_range=request.value_range, layout=request.layout
        )
    except SourceError as error:
        raise SourceError(f"{request.path}: {error}") from None
    length = " x ".join(map(str, exported.shape))
    return Source(
        kind=kind,
        path=request.path,
        num_samples=None,
        form=form,
        blocks=blocks,
        generator_name="exported",
        statistics="its own",
        notes=(f"{WORDS[law]} of length {length}", f"in batches of {exported.batch_size}"),
        details=(("latent", law), ("latent_shape", list(exported.shape)), ("batch_size", exported.batch_size)),
    )


def last_line(error: Exception) -> str:
    """Return the last line of an error's text: TorchScript says there what went wrong, above it where."""
    return first_line(type(error)(str(error).strip().rpartition("\n")[2]))


@contextmanager
def trouble_named(path: Path) -> Iterator[None]:
    """Turn what a file raises when it is loaded or run into one line that names it."""
    try:
        yield
    except SourceError as error:
        raise SourceError(f"{path}: {error}") from None
    except (*RUNNING, OSError, KeyError, AttributeError, zipfile.BadZipFile) as error:
        raise SourceError(f"{path} cannot be read or run: {last_line(error)}") from error


@contextmanager
def without_deprecations() -> Iterator[None]:
    """Say nothing of TorchScript's age, and log nothing of what becomes an error of one line."""
    logger = logging.getLogger("torch.export")
    before = logger.disabled
    logger.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*torch.jit.* is deprecated")
            warnings.filterwarnings("ignore", category=FutureWarning)
            warnings.filterwarnings("ignore", message="The given buffer is not writable")  # torch 2.11 reads so
            yield
    finally:
        logger.disabled = before
