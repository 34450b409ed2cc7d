"""Configurations that nobody meant: each is valid, or refused in one line, and leaves no folder behind."""

import contextlib
import io
import json
import warnings
from pathlib import Path

import pytest
import torch
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import TypeCheckError

from gannorm import cli, norms
from gannorm.norms import NormError
from gannorm.study import StudyError
from gannorm.study import read as read_study
from gannorm.training.parser import Configuration
from gannorm.training.processes import Processes
from gannorm.training.run import Run
from gannorm.training.run_folder import choose
from tests.fuzzing import ANYTHING, NUMBERS, PLAIN, WORDS, both, lots, mutated

KEYS = yaml.safe_load(Path("configs/grid.yaml").read_text())

OWN = "images compare_at minutes name log_every_images allow fresh quiet seed_everything optimizer nothing"
GROUPS = {
    "evaluation": "every_images num_samples final_samples generator cells instruments",
    "collapse": "reactions stop_at look_more_often thresholds",
    "trainer": "accelerator strategy devices num_nodes precision deterministic benchmark gradient_clip_val profiler "
    "limit_train_batches callbacks max_steps plugins",
    "model": "loss penalties remedies generator generator.norm generator.hidden discriminator "
    "discriminator.weight_norm discriminator.packing generator_rate discriminator_rate betas generator_optimizer "
    "discriminator_batches fakes "
    "updates discriminator_steps generator_steps ema_half_life statistics",
    "data": "batch_size preset shares",
}
OPTIONS = [*OWN.split(), "data", *(f"{group}.{name}" for group, names in GROUPS.items() for name in names.split())]


# ------------------------------------------------------------------------------------------------------- what is asked


def refused_or_built(arguments, folder):
    """Do what `train.py` does up to the first step; return the line that refuses it, None where none does."""
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            configuration = Configuration([*arguments, f"--folder={folder}"])
            plain = configuration.plain()
            processes = Processes(configuration.config.trainer.devices, configuration.config.trainer.num_nodes)
            Run(configuration, choose(plain, configuration.config.resume, configuration.config.fresh), processes)
        except (ValueError, TypeCheckError) as error:  # the latter of tests alone: they check shapes before torch does
            return str(error)
    return None


def checked(arguments, folder):
    """Make sure that arguments are refused in words or build, and that nothing was written."""
    refusal = refused_or_built(arguments, folder)
    assert refusal is None or refusal.strip()
    assert not folder.exists()


@both
def test_files_of_configurations(cases, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")

    @lots(cases)
    @given(mutated(KEYS))
    def try_one(content):
        path = tmp_path / "x.yaml"
        path.write_text(yaml.safe_dump(content))
        checked([f"--config={path}"], tmp_path / "runs")

    try_one()


@both
def test_options_over_a_configuration(cases, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    values = st.one_of(WORDS, ANYTHING.map(json.dumps), NUMBERS.map(str))

    @lots(cases)
    @given(st.lists(st.tuples(st.sampled_from(OPTIONS), values), min_size=1, max_size=3))
    def try_one(pairs):
        checked(["--config=configs/grid.yaml", *(f"--{key}={value}" for key, value in pairs)], tmp_path / "runs")

    try_one()


def check_norm(spec, layer, channels, dims):
    """Make sure that a norm which was made is one: its spec comes back from a log, and what passes keeps its shape."""
    resolved = norms.resolve(spec)
    logged = resolved.to_dict()
    assert norms.resolve(logged) == resolved
    if resolved.target is None:
        json.dumps(logged)
        if resolved.info.kind == "activation":
            images = torch.ones(2, channels, *[4] * dims)
            assert layer.eval()(images).shape == images.shape


@both
def test_specs_of_norms(cases):
    names = st.sampled_from([*norms.names(), "BN", "IN", "torch.nn.GroupNorm"])
    options = st.dictionaries(
        st.sampled_from(["eps", "affine", "num_groups", "momentum", "ghost_size", "iterations", "x", "init_args"]),
        PLAIN,
        max_size=3,
    )
    specs = st.one_of(ANYTHING, st.builds(lambda name, more: {"name": name, **more}, names, options))

    @lots(cases)
    @given(specs, st.integers(-1, 32), st.integers(-1, 4))
    def try_one(spec, channels, dims):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with contextlib.suppress(NormError, ValueError, TypeCheckError):  # the last of tests alone
                check_norm(spec, norms.create(spec, channels, dims=dims), channels, dims)

    try_one()


STUDY = {
    "name": "tiny",
    "config": "configs/grid.yaml",
    "factors": {
        "model.generator.norm": ["batch", "layer"],
        "rate": {"low": {"model.generator_rate": 1e-4}, "as it is": {}},
    },
    "seeds": 2,
    "leave_out": [{"rate": "low", "model.generator.norm": "layer"}],
    "outcome": "effective_modes",
}


@both
def test_files_of_studies(cases, tmp_path, capsys):
    @lots(cases)
    @given(mutated(STUDY))
    def try_one(content):
        path = tmp_path / "tiny.yaml"
        path.write_text(yaml.safe_dump(content))
        with contextlib.suppress(StudyError):
            study = read_study(path)
            jobs = study.jobs()
            assert len(jobs) == sum(len(study.seeds_of(cell)) for cell in study.cells()) > 0
            assert len({str(job) for job in jobs}) == len(jobs)  # each is told from all others
            assert {job.key: job.options for job in read_study(path).jobs()} == {job.key: job.options for job in jobs}

    try_one()


@pytest.mark.parametrize(
    "text", ["[", "a: [1", "\0", "- 1", "3", "{a: b: c}", "a: 1\na: 2", "&a [*a]", "\ufeffname: x", "[" * 3000]
)
def test_files_that_are_no_configurations_are_one_line(tmp_path, capsys, text):
    path = tmp_path / "x.yaml"
    path.write_text(text)
    for command in (["train", f"--config={path}", f"--folder={tmp_path}/runs", "--images=0"], ["study", str(path)]):
        assert cli.main(command) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "runs").exists()
