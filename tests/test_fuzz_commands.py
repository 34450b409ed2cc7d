"""Commands with arguments that nobody meant: each does something, or says in one line why not; never a traceback."""

import warnings

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gannorm import cli
from tests.fuzzing import NUMBERS, WORDS, both, lots

OPTIONS = {
    "evaluate": "json sheet compare data classifier judge cells features folder inception number seed seeds range "
    "layout key latent latent-law",
    "study": "launcher workers address gpus folder price retry-failed accept-changes sweep",
    "report": "output terminal",
    "sample": "number output seed label",
    "norms": "batch-free double-backward dims kind json markdown svg",
}
MORE = {"study": ["--dry-run"]}  # nothing is trained here
STUDY = {"config": {"images": 640}, "factors": {"model.loss": ["hinge", "wasserstein"]}, "seeds": 1}


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Return paths that are there, none of which is what it should be; this is where they are."""
    monkeypatch.chdir(tmp_path)
    for name in ("empty", "run", "broken"):
        (tmp_path / name).mkdir()
    (tmp_path / "text").write_text("some words")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG and no more")
    (tmp_path / "run" / "config.yaml").write_text("{}")
    (tmp_path / "run" / "results.json").write_text("[]")
    (tmp_path / "broken" / "study.json").write_text("{")
    (tmp_path / "study.yaml").write_text(yaml.safe_dump(STUDY))
    np.savez(tmp_path / "array.npz", samples=np.full((3, 2), np.nan))
    np.save(tmp_path / "object.npy", np.array([None]), allow_pickle=True)
    return sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))


@st.composite
def arguments(draw, command, words):
    """Return a command with up to two words and up to three options, with or without something behind them."""
    given_ = [draw(words) for _ in range(draw(st.integers(0, 2)))]
    for _ in range(draw(st.integers(0, 3))):
        given_.append(f"--{draw(st.sampled_from(OPTIONS[command].split()))}")
        given_ += [draw(words)] if draw(st.booleans()) else []
    return [command, *given_, *MORE.get(command, ())]


def answered(given_):
    """Return the exit code of a command."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return cli.main(given_)
        except SystemExit as end:  # of --help
            return end.code


@both
@pytest.mark.parametrize("command", OPTIONS)
def test_commands(command, cases, places, capsys):
    words = st.one_of(st.sampled_from([*places, "", ".", "no/such", "/proc/x", "x.svg"]), WORDS, NUMBERS.map(str))

    @lots(max(cases // len(OPTIONS), 10))
    @given(arguments(command, words))
    def try_one(given_):
        code = answered(given_)
        last = capsys.readouterr().err.splitlines()[-1:]
        assert code in (cli.DONE, cli.FAILED, cli.WRONG)
        assert code == cli.DONE or (last and last[0].startswith("gannorm: ")), given_

    try_one()
