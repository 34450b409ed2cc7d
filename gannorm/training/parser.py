"""The configuration of a run: LightningCLI's parser with our words, our errors, and only options that do something."""

import json
import re
import sys
from argparse import HelpFormatter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NoReturn

import pytorch_lightning as pl
import yaml
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.cli import LightningArgumentParser, LightningCLI
from pytorch_lightning.loggers import Logger
from pytorch_lightning.profilers import Profiler
from pytorch_lightning.utilities.exceptions import MisconfigurationException

from gannorm import shipped
from gannorm.gan import GAN, ManualDDP
from gannorm.training.errors import ConfigError
from gannorm.training.nulls import refuse_nulls
from gannorm.training.options import OPTIONS
from gannorm.training.processes import environment_of
from gannorm.training.refused import explain, innermost

CONFIG_OPTIONS = ("-c", "--config")

SUBCLASSES = re.compile(r",\s+known\s+subclasses:[^()]*\)")

DEFAULTS: dict[str, dict[str, Any]] = {
    "model.generator": {"class_path": "gannorm.networks.DCGANGenerator"},
    "model.discriminator": {"class_path": "gannorm.networks.DCGANDiscriminator", "init_args": {"packing": 2}},
    "data": {"class_path": "gannorm.data.MNIST"},
}


def trainer(
    *,
    accelerator: str = "auto",
    devices: int = 1,
    num_nodes: int = 1,
    precision: Literal["32-true", "bf16-mixed"] = "32-true",
    logger: bool | Logger | list[Logger] | None = None,
    callbacks: list[Callback] | Callback | None = None,
    deterministic: bool = False,
    benchmark: bool = False,
    detect_anomaly: bool = False,
    profiler: str | Profiler | None = None,
) -> pl.Trainer:
    """Return Lightning's Trainer with those of its options that have an effect here.

    Args:
        accelerator: "cpu", "gpu", "mps" or "auto".
        devices: They share each batch, a process each.
        num_nodes: Machines with so many each; torchrun or srun starts all.
        precision: Of the training; samples are always drawn in float32.
        logger: Loggers beside the run folder's own; None = Weights & Biases, False = none.
        callbacks: Beside the run's own.
        deterministic: Refuse operations that have no deterministic form.
        benchmark: Let cuDNN choose the fastest algorithms, which may differ between runs.
        detect_anomaly: Find the operation that made a NaN; slow.
        profiler: "simple", "advanced", or a profiler.
    """
    callbacks = [callbacks] if isinstance(callbacks, Callback) else callbacks
    return pl.Trainer(
        accelerator=accelerator,
        devices=devices,
        num_nodes=num_nodes,
        strategy=ManualDDP() if devices * num_nodes > 1 else "auto",
        precision=precision,
        logger=logger if logger is not None else False,
        callbacks=callbacks,
        deterministic=deterministic,
        benchmark=benchmark,
        detect_anomaly=detect_anomaly,
        profiler=profiler,
        max_epochs=-1,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        plugins=[environment_of(devices * num_nodes)],
    )


class Parser(LightningArgumentParser):
    """A parser whose errors are exceptions with one line."""

    def error(self, message: str, ex: Exception | None = None) -> NoReturn:  # noqa: ARG002 (jsonargparse's signature)
        """Raise what is wrong, and the way out."""
        raise ConfigError(explain(message, known=self.known_keys())) from None

    def format_help(self, formatter: HelpFormatter | None = None) -> str:
        """Return the help without the lists of known subclasses: each names every module that torchvision has."""
        return SUBCLASSES.sub(")", super().format_help(formatter))

    def known_keys(self) -> list[str]:
        """Return every key that a configuration may have."""
        return [action.dest for action in self._actions if action.dest not in ("help", "==SUPPRESS==")]


class Configuration(LightningCLI):
    """What a run is made of. Parses when it is made; builds model, data and trainer when asked to.

    Attributes:
        config: The resolved configuration.
    """

    def __init__(self, arguments: list[str] | None = None) -> None:
        super().__init__(
            GAN,
            pl.LightningDataModule,
            subclass_mode_data=True,
            trainer_class=trainer,
            save_config_callback=None,
            seed_everything_default=0,
            parser_class=Parser,
            parser_kwargs={"description": "Train a GAN and watch which modes it covers.", "prog": "train.py"},
            args=arguments,
            run=False,
            auto_configure_optimizers=False,
            load_from_checkpoint_support=False,
        )

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the run's own options."""
        parser.set_defaults(DEFAULTS)
        config = next(action for action in parser._actions if action.dest == "config")
        config.help = "A YAML file of differences, or the name of one that ships: see `gannorm configs`."
        parser.link_arguments("seed_everything", "model.seed", compute_fn=seed_of)
        for name, option in OPTIONS.items():
            parser.add_argument(f"--{name}", **option)

    def parse_arguments(self, parser: LightningArgumentParser, args: Any) -> None:
        """Parse a list of arguments; None is the command line.

        Where another class than the default one is named, all is parsed once more with that class as the default:
        jsonargparse hands the default's arguments on to any class that knows their names, so that an
        `SNGANDiscriminator` would have the width and the norm of a `DCGANDiscriminator`.
        """
        try:
            given = with_shipped(sys.argv[1:] if args is None else args)
        except shipped.UnknownNameError as error:
            raise ConfigError(str(error)) from error
        asked = [argument for argument in given if not argument.startswith("--print_config")]
        self.config = parser.parse_args(asked)
        refuse_nulls(self.config, parser.get_defaults())
        named = {key: self.config[key].class_path for key in DEFAULTS if self.config[key] is not None}
        others = {key: {"class_path": path} for key, path in named.items() if path != DEFAULTS[key]["class_path"]}
        if asked != given or others:
            parser.set_defaults({key: others.get(key, DEFAULTS[key]) for key in named})
            self.config = parser.parse_args(given)

    def instantiate_classes(self) -> None:
        """Do nothing yet: whether this run is to be built at all is known after its folder was looked at."""

    def build(self) -> tuple[GAN, pl.LightningDataModule]:
        """Return model and data.

        Raises:
            ConfigError: Something in the configuration cannot be built.
        """
        try:
            self.objects = self.parser.instantiate(self.config)
        except (ValueError, TypeError, ImportError) as error:
            raise ConfigError(innermost(str(error))) from error
        return self.objects.model, self.objects.data

    def trainer_with(self, loggers: Callable[[Any], list[Logger]], callbacks: list[Callback]) -> pl.Trainer:
        """Return the trainer with the run's own loggers and callbacks beside the user's; after `build`.

        Raises:
            ConfigError: Lightning refuses a combination of options.
        """
        options = dict(self.objects.trainer)
        theirs = options.pop("callbacks") or []
        theirs = theirs if isinstance(theirs, list) else [theirs]
        try:
            return trainer(**{**options, "logger": loggers(options["logger"]), "callbacks": theirs + callbacks})
        except (MisconfigurationException, RuntimeError, ValueError) as error:  # the latter two of SLURM's variables
            raise ConfigError(innermost(str(error))) from error

    def plain(self) -> dict[str, Any]:
        """Return the resolved configuration as plain data, without what does not change a run."""
        text = self.parser.dump(self.config, format="yaml", skip_unset=False)
        return yaml.safe_load(text)


def with_shipped(arguments: Sequence[str]) -> list[str]:
    """Return command-line arguments with the path of each configuration that is named as it ships.

    Raises:
        UnknownNameError: One is neither a file nor such a name.

    Example:
        >>> [argument.endswith("configs/group.yaml") for argument in with_shipped(["--config", "group"])]
        [False, True]
    """
    found = list(arguments)
    for number, argument in enumerate(found):
        option, equals, value = argument.partition("=")
        if option in CONFIG_OPTIONS and equals:
            found[number] = f"{option}={shipped.resolve(value)}"
        elif option in CONFIG_OPTIONS and number + 1 < len(found):
            found[number + 1] = shipped.resolve(found[number + 1])
    return found


def arguments_of(config: str | Path | Mapping[str, Any] | None, overrides: Mapping[str, Any]) -> list[str]:
    """Return a configuration and overrides as command-line arguments.

    Example:
        >>> arguments_of("configs/smoke.yaml", {"model.generator.norm": "group", "images": 640})
        ['--config=configs/smoke.yaml', '--model.generator.norm=group', '--images=640']
    """
    given = [] if config is None else [json.dumps(config) if isinstance(config, Mapping) else str(config)]
    return [f"--config={text}" for text in given] + [
        f"--{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in overrides.items()
    ]


def seed_of(seed: bool | int) -> int:
    """Return the seed; true and false are none.

    Raises:
        ValueError: A bool.
    """
    if isinstance(seed, bool):
        raise ValueError(f"seed_everything={seed}: a run has a number for its seed, so that it can be run again")
    return seed
