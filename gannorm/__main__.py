"""`python -m gannorm` is the command `gannorm`."""

import sys

from gannorm.cli import main

if __name__ == "__main__":
    sys.exit(main())
