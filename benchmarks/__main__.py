"""`python -m benchmarks [NAME]`: medians of several rounds, what is compared measured in turn; or simulations.

Absolute times depend on the machine and on what else runs there; the ratios are what counts.
"""

import argparse
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from benchmarks import budget, document

# Each module has one function, `run(rounds)`: it measures, prints and returns what goes into the JSON file.
BENCHMARKS = {
    "step": "our training step beside a bare loop, the usual ones, Lightning's recipe, torchgan and torch-mimicry",
    "limits": "the step's arithmetic and traffic beside what the machine can do",
    "tried": "ways to make the step faster, those that do not pay included",
    "seeds": "several seeds as one batched model beside one after the other",
    "costs": "step, look and data against batch, width, size, modes and samples",
    "graph": "on a GPU, the step as one CUDA graph",
    "whole_run": "a default run from the command line: its start, its shares, its memory",
    "norms": "every norm beside group norm; the import beside torch's",
    "intervals": "how often each interval holds the truth",
    "leakage": "modes found where the classifier errs, and the KL of real stacks",
    "metrics": "what each metric costs",
    "instruments": "what reading the layers costs in the main job",
    "long_run": "memory, open files and the size of what is written, in 200,000 steps",
    "packages": "how large the wheel and the source distribution are, and what is large in them",
    "scaling": "how a study grows with workers on this machine",
    "study_norms": "what the committed journal of configs/studies/norms-mlp.yaml says",
    "study_norms_long": "what that of configs/studies/norms-mlp-long.yaml says, its second stage",
    "study_norms_ring": "what that of configs/studies/norms-ring.yaml says, on eight Gaussians",
    "readme": "the tables of README.md: the norms, and what the second stage found",
    "collapse_runs": "runs that really collapse, and a blind judgment; `collapse_runs --help` has its own options",
    "reproduction": "published results from the presets of papers; `reproduction --help` has its own options",
}
# Those of the page on speed, which `python -m benchmarks speed` runs one after the other.
SPEED = ("step", "limits", "tried", "seeds", "costs", "whole_run", "graph")
# Those whose tables stand in the documentation; they have a second function, `markdown(result)`: the table, or several
# by name; and may name a PAGE.
DOCUMENTED = (
    "intervals",
    "leakage",
    "metrics",
    "scaling",
    "study_norms",
    "study_norms_long",
    "study_norms_ring",
    "readme",
    *SPEED,
)
# Those that have options of their own: a module `command` with a function `main(arguments)`.
WITH_OPTIONS = ("reproduction", "collapse_runs")


def main() -> None:
    """Run one benchmark and write JSON where asked."""
    if sys.argv[1:] and sys.argv[1] in WITH_OPTIONS:
        sys.exit(import_module(f"benchmarks.{sys.argv[1]}.command").main(sys.argv[2:]))
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    listed = "; ".join(f"{name}: {what}" for name, what in BENCHMARKS.items())
    parser.add_argument(
        "benchmark",
        nargs="?",
        default="speed",
        choices=["speed", *BENCHMARKS],
        help=f"speed: {', '.join(SPEED)}, and whether they keep to benchmarks/budget.json; {listed} (speed)",
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1, help="of torch (1)")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--document", action="store_true", help="write the table into its page of docs/")
    options = parser.parse_args()
    names = SPEED if options.benchmark == "speed" else (options.benchmark,)
    if options.document and not set(names) <= set(DOCUMENTED):
        parser.error(f"{options.benchmark} has no table in docs/; {', '.join(DOCUMENTED)} have one")
    torch.set_num_threads(options.threads)
    print(f"{options.rounds} rounds, {torch.get_num_threads()} threads, torch {torch.__version__}")
    results = {name: measured(name, options.rounds, written=options.document) for name in names}
    for line in budget.beyond(budget.read(), results):
        print(f"beyond the budget: {line}")
    if options.json:
        result = results if options.benchmark == "speed" else results[options.benchmark]
        options.json.write_text(json.dumps(result, indent=2) + "\n")


def measured(name: str, rounds: int, *, written: bool) -> Any:
    """Return what a benchmark measures, once it has written its table where that is wanted."""
    benchmark = import_module(f"benchmarks.{name}")
    result = benchmark.run(rounds)
    if written:
        text = benchmark.markdown(result)
        for block, part in (text if isinstance(text, dict) else {name: text}).items():
            document.write(block, part, getattr(benchmark, "PAGE", document.PAGE))
    return result


if __name__ == "__main__":
    main()
