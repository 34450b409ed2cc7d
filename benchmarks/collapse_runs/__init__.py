"""`python -m benchmarks collapse_runs`: real runs that lose modes, what the detector says, and a blind judgment.

`training` runs the files of configs/collapse over seeds, `sheets` saves plain sheets of samples at each look, `journal`
keeps one line for each run, `blind` mixes sheets for somebody who does not know whose they are, `page` writes
docs/collapse-runs.md.
"""
