"""`python -m benchmarks [trainer|norms]`: medians of several rounds, what is compared measured in turn.

Absolute times depend on the machine and on what else runs there; the ratios are what counts.
"""

import argparse
import json
from importlib import import_module
from pathlib import Path

import torch

# Each module has one function, `run(rounds)`: it measures, prints and returns what goes into the JSON file.
BENCHMARKS = {
    "trainer": "our training step beside the same step in plain PyTorch",
    "norms": "every norm beside group norm; the import beside torch's",
}


def main() -> None:
    """Run one benchmark and write JSON where asked."""
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    listed = "; ".join(f"{name}: {what}" for name, what in BENCHMARKS.items())
    parser.add_argument("benchmark", nargs="?", default="trainer", choices=BENCHMARKS, help=f"{listed} (trainer)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1, help="of torch (1)")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"{options.rounds} rounds, {torch.get_num_threads()} threads, torch {torch.__version__}")
    result = import_module(f"benchmarks.{options.benchmark}").run(options.rounds)
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
