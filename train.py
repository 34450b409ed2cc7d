"""Train a GAN and watch which modes it covers: `python train.py`, `python train.py --help`."""

import sys

from gannorm.cli import train

if __name__ == "__main__":
    sys.exit(train())
