"""Anybody's judge: a callable x -> (features, mode, confidence) by class path, checked before its numbers count."""

import hashlib
import inspect
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from gannorm.classifier import Judged
from gannorm.import_path import by_path


class OwnJudge:
    """A user's judge with what the user left out: it accepts all without a threshold, its source without a hash.

    Args:
        judge: Callable with `num_modes` and `prior`; `threshold`, `sha256`, `ceiling`, `confusion`, `confusion_counts`,
            `sample_shape`, `channels` and `modes_are_classes` are taken over where it has them.
        name: What to call it in errors.
        arguments: What it was made with, for the hash.

    Attributes:
        named_by: What `sha256` is the hash of: "itself" (the judge says), "source" or "class path", each with the
            arguments.

    Raises:
        ValueError: What is wrong with it, in one line.

    Example:
        >>> class Sign:
        ...     num_modes, prior = 2, [0.5, 0.5]
        ...     def __call__(self, x):
        ...         return x, (x[:, 0] > 0).long(), x[:, 0].abs()
        >>> judge = OwnJudge(Sign(), "Sign")
        >>> judge(torch.tensor([[-1.0], [2.0]])).mode.tolist(), judge.threshold
        ([0, 1], -inf)
    """

    def __init__(self, judge: Any, name: str, arguments: dict[str, Any] | None = None) -> None:
        if not callable(judge):
            raise ValueError(f"judge {name}: not callable; it has to map samples to (features, mode, confidence)")
        self.judge = judge
        self.name = name
        self.num_modes = _num_modes(judge, name)
        self.prior = _prior(judge, name, self.num_modes)
        self.threshold = float(getattr(judge, "threshold", -torch.inf))
        self.sha256, self.named_by = _hash(judge, name, arguments or {})
        self.ceiling = getattr(judge, "ceiling", None)
        self.confusion_counts = getattr(judge, "confusion_counts", None)
        self.sample_shape = getattr(judge, "sample_shape", None)
        self.channels = getattr(judge, "channels", 1)
        self.modes_are_classes = getattr(judge, "modes_are_classes", True)
        self.confusion = _confusion(judge, name, self.num_modes, self.channels)

    def __call__(self, samples: Tensor) -> Judged:
        """Return what the user's judge says.

        Raises:
            ValueError: It is not three columns of N rows, a mode is none of its modes, or a number is none.
        """
        try:
            answer = self.judge(samples)
        except Exception as error:
            raise ValueError(f"judge {self.name} failed: {type(error).__name__}: {error}") from error
        if not isinstance(answer, list | tuple) or len(answer) != 3:
            raise ValueError(f"judge {self.name}: returned {_described(answer)}, not (features, mode, confidence)")
        features, mode, confidence = (torch.as_tensor(column).detach().cpu() for column in answer)
        self._check(len(samples), features, mode, confidence)
        return Judged(features.float(), mode.long(), confidence.float())

    def _check(self, num: int, features: Tensor, mode: Tensor, confidence: Tensor) -> None:
        shapes = {"features": (features, f"({num}, D)"), "mode": (mode, f"({num},)")}
        for column, (found, expected) in {**shapes, "confidence": (confidence, f"({num},)")}.items():
            if found.ndim != (2 if column == "features" else 1) or len(found) != num:
                raise ValueError(f"judge {self.name}: {column} of shape {tuple(found.shape)}, not {expected}")
        if mode.is_floating_point() or mode.dtype == torch.bool:
            raise ValueError(f"judge {self.name}: mode of type {mode.dtype}, not integers")
        if num and not (int(mode.min()) >= 0 and int(mode.max()) < self.num_modes):
            low, high = int(mode.min()), int(mode.max())
            way_out = "a sample of no mode has a confidence below the threshold"
            raise ValueError(f"judge {self.name}: modes from {low} to {high}, not 0 to {self.num_modes - 1}; {way_out}")
        for column, found in (("features", features), ("confidence", confidence)):
            if found.isnan().any():
                raise ValueError(f"judge {self.name}: {column} hold NaN")


def own_judge(class_path: str, **init_args: Any) -> OwnJudge:
    """Return a user's judge, made from a class or function by its import path.

    Args:
        class_path: Such as `my_project.judging.BirdJudge`; a class is called with `init_args` to make the judge,
            anything else is the judge.
        init_args: For the class.

    Raises:
        ValueError: There is no such name, the class takes other arguments, or it is no judge.

    Example:
        >>> own_judge("gannorm.judges.DigitJudge").named_by
        'itself'
    """
    found = by_path(class_path)
    if not inspect.isclass(found):
        if init_args:
            raise ValueError(f"judge {class_path}: not a class, so it takes no {', '.join(init_args)}")
        return OwnJudge(found, class_path)
    try:
        inspect.signature(found).bind(**init_args)
    except TypeError as error:
        raise ValueError(f"judge {class_path}: {error}") from None
    return OwnJudge(found(**init_args), class_path, init_args)


def _num_modes(judge: Any, name: str) -> int:
    num_modes = getattr(judge, "num_modes", None)
    if isinstance(num_modes, bool) or not isinstance(num_modes, int) or num_modes < 1:
        raise ValueError(f"judge {name}: num_modes is {num_modes!r}; it says how many modes there are, 1 or more")
    return num_modes


def _prior(judge: Any, name: str, num_modes: int) -> Float[Tensor, " k"]:
    if getattr(judge, "prior", None) is None:
        raise ValueError(f"judge {name}: no prior; it has to say how frequent its {num_modes} modes are in real data")
    try:
        prior = torch.as_tensor(judge.prior, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"judge {name}: prior {_described(judge.prior)} is no tensor of {num_modes} numbers") from None
    if prior.shape != (num_modes,):
        raise ValueError(f"judge {name}: prior of shape {tuple(prior.shape)}; {num_modes} modes need ({num_modes},)")
    total = float(prior.sum())
    if not bool((prior > 0).all()) or abs(total - 1) > 1e-4:
        raise ValueError(
            f"judge {name}: prior from {float(prior.min()):g} with sum {total:g}; frequencies are positive, their sum 1"
        )
    return prior.float()


def _confusion(judge: Any, name: str, num_modes: int, channels: int) -> Float[Tensor, "d d"] | None:
    if getattr(judge, "confusion", None) is None:
        return None
    try:
        found = torch.as_tensor(judge.confusion, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"judge {name}: confusion {_described(judge.confusion)} is no table of numbers") from None
    size = round(num_modes ** (1 / channels))
    if found.shape != (size, size) or size**channels != num_modes:
        raise ValueError(
            f"judge {name}: confusion of shape {tuple(found.shape)}; {num_modes} modes in {channels} channels are "
            f"(d, d) with d**{channels} = {num_modes}"
        )
    if bool((found < 0).any()) or bool((found.sum(dim=1) - 1).abs().max() > 1e-4):
        raise ValueError(f"judge {name}: confusion is P(called a | is i); each row is 0 or more, with sum 1")
    return found


def _hash(judge: Any, name: str, arguments: dict[str, Any]) -> tuple[str, str]:
    """Return a SHA-256 and what it is of."""
    if getattr(judge, "sha256", None):
        return str(judge.sha256), "itself"
    named = judge if inspect.isfunction(judge) or inspect.isclass(judge) else type(judge)
    try:
        content, what = inspect.getsource(named), "source"
    except (OSError, TypeError):
        content, what = name, "class path"
    text = repr((name, content, sorted(arguments.items())))
    return hashlib.sha256(text.encode()).hexdigest(), what


def _described(thing: Any) -> str:
    size = f" of {len(thing)}" if hasattr(thing, "__len__") else ""
    return f"a {type(thing).__name__}{size}"
