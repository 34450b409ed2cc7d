"""The command `gannorm`: its subcommands. It alone turns errors into exit codes."""

import argparse
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from gannorm.files import NotWrittenError

DONE, FAILED, WRONG, INTERRUPTED = 0, 1, 2, 130
# What the parser answers to --help, at once: the parser itself needs Lightning, whose import takes seconds. A test
# keeps them equal; `train.py --quiet --help` asks the parser.
TRAIN_HELP = Path(__file__).parent / "training" / "help.txt"


def main(arguments: list[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 1 failed, 2 what was asked for is wrong, 130 Ctrl-C."""
    arguments = sys.argv[1:] if arguments is None else arguments
    command, rest = (arguments[0], arguments[1:]) if arguments else ("--help", [])
    if command in ("-h", "--help"):
        return answer(usage())
    if command not in COMMANDS:
        return wrong(f"gannorm {command}: no such command; there are {', '.join(COMMANDS)}")
    return guarded(COMMANDS[command][0], rest)


def train(arguments: list[str] | None = None) -> int:
    """Train one configuration, as `python train.py` and `gannorm train` do."""
    return guarded(train_command, sys.argv[1:] if arguments is None else arguments)


def guarded(command: Callable[[list[str]], int], arguments: list[str]) -> int:
    """Run a command; a user's error becomes one line, Ctrl-C becomes a word."""
    if "" not in sys.path:
        sys.path.insert(0, "")  # a user's own classes are named by import path, as from `python -m`
    try:
        return command(arguments)
    except ValueError as error:
        return wrong(str(error))
    except NotWrittenError as error:
        return wrong(str(error), code=FAILED)
    except (ArithmeticError, ChildProcessError) as error:
        from gannorm.callbacks import NotFiniteError  # here: only training needs them, and Lightning with them
        from gannorm.training.errors import WorkerLostError

        if not isinstance(error, NotFiniteError | WorkerLostError):
            raise
        return wrong(str(error), code=FAILED)
    except KeyboardInterrupt:
        return wrong("interrupted", code=INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


def wrong(message: str, code: int = WRONG) -> int:
    """Print one line to standard error."""
    print(f"gannorm: {' '.join(message.split())}", file=sys.stderr)
    return code


def answer(text: str) -> int:
    """Print what was asked for."""
    print(text)
    return DONE


def usage() -> str:
    """Return the list of commands."""
    rows = "\n".join(f"  {name:<16}{help_}" for name, (_, help_) in COMMANDS.items())
    return f"gannorm COMMAND ...\n\n{rows}\n\ngannorm COMMAND --help says more."


def train_command(arguments: list[str]) -> int:
    """Train, then say what came out and what to type next."""
    if arguments in (["-h"], ["--help"]):
        return answer(TRAIN_HELP.read_text().rstrip())
    from gannorm import screen, training
    from gannorm.training.summary import next_lines, table

    outcome = training.run(arguments)
    if not outcome.is_first:
        return outcome.exit_code
    with screen.quiet(outcome.quiet):
        if outcome.was_finished:
            screen.say(f"run {outcome.folder.path} was finished before; --fresh starts it again beside it")
        screen.console().print(table(outcome.results))
        for line in next_lines(outcome):
            screen.say(line)
    return outcome.exit_code


def configs_command(arguments: list[str]) -> int:
    """List the configurations and studies that ship, or print one."""
    parser = command_parser("configs", "What `gannorm train --config NAME` and `gannorm study NAME` know by name.")
    parser.add_argument("name", nargs="?", help="print this one, to be changed in a file of your own")
    name = parser.parse_args(arguments).name
    from gannorm import shipped

    if name is not None:
        return answer(shipped.find(name).read_text(encoding="utf-8").rstrip())
    return answer(shipped.table())


def sample_command(arguments: list[str]) -> int:
    """Write pictures, or an .npz of all of them."""
    parser = command_parser("sample", "Draw pictures from a finished run's generator.")
    parser.add_argument("run", type=Path, help="the run folder")
    parser.add_argument("--number", type=int, default=64, help="how many (64)")
    parser.add_argument("--output", type=Path, default=Path("samples"), help="a folder for PNGs, or x.npz (samples)")
    parser.add_argument("--seed", type=int, default=0, help="of the latent vectors (0)")
    parser.add_argument("--label", type=int, help="the only class, of a class-conditional generator (all classes)")
    options = parser.parse_args(arguments)
    from gannorm.training.pictures import write_samples

    return answer(f"{options.number} samples in {write_samples(**vars(options))}")


def norms_command(arguments: list[str]) -> int:
    """List the norms, describe one, or draw their cubes."""
    from gannorm.norms.info import INPUTS, VERBS
    from gannorm.report.norms_listing import listing

    parser = command_parser("norms", "The norms by name: a table of all that fit, or everything about one.")
    parser.add_argument("name", nargs="?", help="describe this one")
    filters = parser.add_argument_group("which norms are listed")
    filters.add_argument("--batch-free", action="store_true", default=None, help="a sample's output is its own")
    filters.add_argument("--double-backward", action="store_true", default=None, help="fit for gradient penalties")
    filters.add_argument("--dims", type=int, choices=list(INPUTS), help="spatial axes: 0 points, 2 images")
    filters.add_argument("--kind", choices=list(VERBS))
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", dest="form", action="store_const", const="json", help="everything, for programs")
    form.add_argument("--markdown", dest="form", action="store_const", const="markdown", help="the page of docs/")
    form.add_argument("--svg", type=Path, metavar="FILE", help="write the cubes: which entries share statistics")
    return answer(listing(**vars(parser.parse_args(arguments))))


def evaluate_command(arguments: list[str]) -> int:
    """Measure any source of samples."""
    parser = command_parser("evaluate", "How many modes samples cover, how evenly, how good and how varied they are.")
    from gannorm.scorecard import command

    command.add_arguments(parser)
    text = command.run(parser.parse_args(command.joined(arguments)))
    return DONE if text is None else answer(text)


def report_command(arguments: list[str]) -> int:
    """Write the page of a run, of several side by side, or of a study; or plot it here."""
    parser = command_parser("report", "One page that needs nothing else: what became of a run, of several, of a study.")
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="run folders, or the folder of one study")
    parser.add_argument("--output", type=Path, help="where to (report.html in the run folder; of several, here)")
    parser.add_argument("--terminal", action="store_true", help="plot here instead, as plain text")
    options = parser.parse_args(arguments)
    if options.terminal and options.output is not None:
        raise ValueError("--terminal writes no page: leave out --output")
    from gannorm.report import run, study

    if len(options.runs) == 1 and study.is_study(options.runs[0]):
        if options.terminal:
            raise ValueError("--terminal plots runs; the page of a study is a page only")
        return answer(str(study.write(options.runs[0], options.output)))
    if options.terminal:
        return answer("\n\n".join(run.terminal(run.RunRecord.read(folder)) for folder in options.runs))
    return answer(str(run.write(options.runs, options.output)))


def dashboard_command(arguments: list[str]) -> int:
    """Make a W&B workspace or report template."""
    parser = command_parser("dashboard", "A workspace of Weights & Biases for all that runs log, as code.")
    from gannorm import dashboard

    dashboard.add_arguments(parser)
    return answer(dashboard.run(parser.parse_args(arguments)))


def study_command(arguments: list[str]) -> int:
    """Run a study."""
    parser = command_parser("study", "Many runs: a matrix of factors and seeds. The same command goes on where it was.")
    from gannorm.study import command

    command.add_arguments(parser)
    text, code = command.command(parser.parse_args(arguments))
    return answer(text) or code


def bench_detector_command(arguments: list[str]) -> int:
    """Run the detector's bench."""
    parser = command_parser("bench-detector", "How soon collapse detectors find known failures, and false alarms.")
    from gannorm.collapse_bench import command

    command.add_arguments(parser)
    return answer(command.run(parser.parse_args(arguments)))


def classifier_command(arguments: list[str]) -> int:
    """Test a classifier, or train one: of the digits, or of any labelled images."""
    parser = command_parser("classifier", "The classifiers that judge samples.")
    parser.add_argument("action", choices=["test", "train"])
    parser.add_argument("--weights", type=Path, help="test these instead of the shipped ones")
    parser.add_argument("--output", type=Path, default=Path("classifier.safetensors"), help="where train writes them")
    parser.add_argument("--seed", type=int, default=0, help="of the training (0)")
    parser.add_argument("--epochs", type=int, help="passes over the images (9 for the digits; 10 or more for others)")
    parser.add_argument("--data", help="train on these: a folder of classes, an .npz, a data set's name, a class path")
    parser.add_argument("--width", type=int, help="channels of its first layer (16): more is better and slower")
    parser.add_argument("--folder", help="where a data set's files are, for --data fashion_mnist or cifar10")
    options = parser.parse_args(arguments)
    for name in ("epochs", "width"):
        if (number := getattr(options, name)) is not None and number < 1:
            raise ValueError(f"--{name} {number}: 1 or more are needed")
    if options.data is None and (options.width or options.folder):
        raise ValueError("--width and --folder are for a classifier of --data; the digits' has its own")
    if options.action == "train":
        train_classifier(options)
    return answer(classifier_text(options.weights))


def train_classifier(options: argparse.Namespace) -> None:
    """Write the weights of a classifier, of the digits if no data are named, and remember where."""
    from gannorm import files
    from gannorm.classifier import labelled, labelled_recipe, material, recipe

    files.folder(options.output.parent)  # before minutes are spent
    options.weights = options.output
    if options.data is None:
        recipe.main_train(options.output, options.seed, options.epochs or recipe.EPOCHS)
    else:
        images = material.named(options.data, options.folder)
        width = options.width or labelled.WIDTH
        labelled_recipe.main_train(images, options.output, seed=options.seed, epochs=options.epochs, width=width)


def classifier_text(weights: Path | None) -> str:
    """Return what a classifier of either kind is worth."""
    from gannorm import classifier
    from gannorm.classifier import labelled, labelled_recipe, named_file, report

    if weights is not None and named_file.kind_of(weights) == labelled.KIND:
        return labelled_recipe.text(labelled.load(weights))
    return report.text(classifier.load(weights))


def doctor_command(arguments: list[str]) -> int:
    """Say what is installed and whether it works; a line at a time, because some take a second."""
    parser = command_parser("doctor", "What is installed, what this machine is good for, and whether all of it works.")
    from gannorm.doctor import command

    command.add_arguments(parser)
    wrong_ones = 0
    for text, is_wrong in command.lines(parser.parse_args(arguments)):
        print(text, flush=True)
        wrong_ones += is_wrong
    return FAILED if wrong_ones else DONE


class CommandParser(argparse.ArgumentParser):
    """A parser whose errors are exceptions with one line."""

    def error(self, message: str) -> NoReturn:
        """Raise what is wrong, and the way out."""
        raise ValueError(f"{self.prog}: {message}; see {self.prog} --help")


def command_parser(command: str, description: str) -> CommandParser:
    """Return the parser of one command."""
    return CommandParser(f"gannorm {command}", description=description)


COMMANDS: dict[str, tuple[Callable[[list[str]], int], str]] = {
    "train": (train_command, "train one configuration, as python train.py does"),
    "sample": (sample_command, "draw pictures from a finished run's generator"),
    "evaluate": (evaluate_command, "measure samples of anything: modes, quality, diversity, with intervals"),
    "study": (study_command, "many runs: a matrix of norms and seeds, here or on a cluster"),
    "report": (report_command, "one page of what became of a run, of several side by side, or of a study"),
    "dashboard": (dashboard_command, "a Weights & Biases workspace for what runs log, printed or saved"),
    "norms": (norms_command, "list the norms, or describe one"),
    "configs": (configs_command, "list the configurations that ship, or print one"),
    "bench-detector": (bench_detector_command, "how soon collapse detectors find known failures, and false alarms"),
    "classifier": (classifier_command, "test a classifier that judges samples, or train one on your images"),
    "doctor": (doctor_command, "what is installed, and whether it works on this machine"),
}
