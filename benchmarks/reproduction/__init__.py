"""`python -m benchmarks reproduction`: papers' runs from their presets, a journal of them, and the page about it.

`presets` says what is compared with what, `training` runs it by the ordinary main path, `measuring` measures a run
folder as the paper counts, `journal` keeps one line for each finished run, `page` writes docs/reproduction.md.
"""
