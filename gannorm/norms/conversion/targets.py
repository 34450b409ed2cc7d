"""Which layers of a model are meant, each with all the places that hold it, and which models cannot be changed."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from torch import nn

from gannorm.norms.errors import NormConvertError

# By name, so that nothing is imported: class anywhere among a module's bases -> why not, and what to do.
CLOSED = {
    ("torch._dynamo.eval_frame", "OptimizedModule"): (
        "is compiled, and would run on as it was; convert the module inside (model._orig_mod) and compile that again"
    ),
    ("torch.nn.parallel.distributed", "DistributedDataParallel"): (
        "is wrapped for distributed training, which would not see new parameters; convert model.module, then wrap that"
    ),
    ("torch.nn.parallel.data_parallel", "DataParallel"): (
        "is wrapped for several devices; convert model.module"
    ),
    ("torch.distributed.fsdp.fully_sharded_data_parallel", "FullyShardedDataParallel"): (
        "holds its parameters in shards; convert the model before it is sharded"
    ),
    ("torch.distributed.fsdp._fully_shard._fully_shard", "FSDPModule"): (
        "holds its parameters in shards; convert the model before it is sharded"
    ),
    ("torch.jit._script", "ScriptModule"): (
        "is scripted, and its code is fixed; convert the Python model, then script that"
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """A layer and every path that leads to it; the root's path is "".

    Args:
        layer: The module.
        paths: In the order of the model.
        chosen: Those that were asked for.
        holders: Each module that holds it, with the name it has there.
    """

    layer: nn.Module
    paths: tuple[str, ...]
    chosen: tuple[str, ...]
    holders: tuple[tuple[nn.Module, str], ...]

    @property
    def path(self) -> str:
        """The first path, and how many more there are."""
        first = self.paths[0] or "(the model)"
        return first if len(self.paths) == 1 else f"{first} (and {len(self.paths) - 1} more)"


def places(model: nn.Module, where: str | Sequence[str]) -> list[Place]:
    """Return every layer of which at least one path is asked for, once, in the order of the model.

    Args:
        model: Any module.
        where: Shell pattern of paths such as `"layer1.*"`, or several; a layer is meant if one fits, and none that
            starts with "!".

    Raises:
        NormConvertError: The model, or a part of it, cannot be changed.

    Example:
        >>> model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2))
        >>> [place.path for place in places(model, ["*", "!0"])]
        ['(the model)', '1', '2']
    """
    refuse_closed(model)
    chosen = chooser(where)
    paths: dict[nn.Module, list[str]] = {}
    for path, module in model.named_modules(remove_duplicate=False):
        paths.setdefault(module, []).append(path)
    return [
        Place(layer, tuple(found), tuple(filter(chosen, found)), tuple(_holders(model, found)))
        for layer, found in paths.items()
        if any(map(chosen, found))
    ]


def chooser(where: str | Sequence[str]) -> Callable[[str], bool]:
    """Return which paths a pattern, or several, mean."""
    patterns = [where] if isinstance(where, str) else list(where)
    wanted = [pattern for pattern in patterns if not pattern.startswith("!")] or ["*"]
    unwanted = [pattern[1:] for pattern in patterns if pattern.startswith("!")]
    return lambda path: _fits(path, wanted) and not _fits(path, unwanted)


def names_its_layer(where: str | Sequence[str], path: str) -> bool:
    """Whether a pattern ends in the layer's own name, without wildcard: "blocks.*.norm" does."""
    patterns = [where] if isinstance(where, str) else where
    own = path.rpartition(".")[2]
    return any(pattern.rpartition(".")[2] == own and fnmatchcase(path, pattern) for pattern in patterns)


def refuse_closed(model: nn.Module) -> None:
    """Refuse models whose layers cannot be exchanged.

    Raises:
        NormConvertError: The model, or a part of it, is compiled, scripted or wrapped.
    """
    for path, module in model.named_modules():
        for base in type(module).__mro__:
            reason = CLOSED.get((base.__module__, base.__qualname__))
            if reason:
                raise refused(path, type(module).__name__, reason)
        if module._compiled_call_impl is not None:
            raise refused(
                path, type(module).__name__, "was compiled by .compile(); convert first, or load its weights anew"
            )


def refused(path: str, what: str, reason: str) -> NormConvertError:
    """Return the error for a layer that cannot be converted."""
    return NormConvertError(f"{path or 'the model'} ({what}) {reason}", path=path, layer=what)


def _fits(path: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def _holders(model: nn.Module, paths: Sequence[str]) -> list[tuple[nn.Module, str]]:
    """Return who holds the module at these paths; nobody holds the root."""
    found = [path.rpartition(".") for path in paths if path]
    return [(model.get_submodule(parent), name) for parent, _, name in found]
