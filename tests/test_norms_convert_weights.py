"""Weight norms put on, taken off and exchanged in whole models, and taken back bit for bit."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from gannorm import norms
from tests.convertible import Generator, assert_same_state, block, moved, state


@pytest.mark.parametrize("name", norms.names(kind="weight"))
@pytest.mark.parametrize("train", [True, False])
def test_weight_norms_onto_a_model_off_it_and_undone(name, train):
    model = moved(Generator()).train(train)
    before = state(model)
    report = norms.convert(model, to=name)
    wrapped = [layer for layer in model.modules() if parametrize.is_parametrized(layer)]
    assert len(wrapped) == len(report.rows) == 3
    assert all(module.training == train for module in model.modules())
    twin = nn.Sequential(*(norms.wrap(name, copy.deepcopy(nn.ConvTranspose2d(8, 16, 4, bias=False))),))
    assert type(wrapped[0].parametrizations.weight[0]) is type(twin[0].parametrizations.weight[0])

    z = torch.randn(2, 8, 1, 1)
    with norms.freeze_state(model):
        normalized = model(z)
    wrapped_state = state(model)
    taken_off = norms.convert(model, to=None, kind="weight")
    assert not any(parametrize.is_parametrized(layer) for layer in model.modules())
    assert list(model.state_dict()) == list(before)
    with norms.freeze_state(model):
        torch.testing.assert_close(model(z), normalized)
    taken_off.undo()
    assert_same_state(model, wrapped_state)
    with norms.freeze_state(model):
        assert torch.equal(model(z), normalized)
    report.undo()
    assert_same_state(model, before)


def test_a_weight_norm_is_put_on_once_and_can_be_chosen_by_place():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    norms.convert(model, to="spectral", where="0")
    first = model[0].parametrizations
    report = norms.convert(model, to="spectral")
    assert [row.changes for row in report.rows] == [False, True]
    assert model[0].parametrizations is first
    replaced = norms.convert(model, to="spectral", n_power_iterations=3)
    assert norms.weight_spec_of(model[0]) == norms.resolve("spectral", n_power_iterations=3)
    assert replaced.rows[0].before == "spectral"
    replaced.undo()
    assert model[0].parametrizations is first
    assert norms.weight_spec_of(model[0]) == norms.resolve("spectral")


def test_the_report_tells_which_parameters_are_new_and_how_keys_change():
    model = nn.Sequential(nn.Linear(4, 4))
    weight = model[0].weight
    report = norms.convert(model, to="spectral")
    assert model[0].parametrizations.weight.original is weight  # so an optimizer goes on with it
    assert report.new_parameters == ()
    assert "from 0.weight to 0.parametrizations.weight.original" in str(report)
    off = norms.convert(model, to=None, kind="weight")
    assert off.new_parameters == ("0.weight",)
    assert "1 new parameter (0.weight): an optimizer made before" in str(off)
    own = norms.convert(model, to="weight")
    assert set(own.new_parameters) <= {name for name, _ in model.named_parameters()}
    assert "0.parametrizations.weight.original0" in own.new_parameters


def test_a_plan_for_weights_touches_nothing():
    model = moved(Generator())
    before, random = state(model), torch.get_rng_state()
    planned = norms.plan(model, to="spectral")
    assert_same_state(model, before)
    assert torch.equal(torch.get_rng_state(), random)
    assert str(planned) == str(norms.convert(model, to="spectral"))


def test_a_weight_norm_that_fails_midway_leaves_all_layers():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 5))

    def picky(layer: nn.Module) -> nn.Module:
        """Refuse the second layer, but not a copy of it."""
        if layer is model[1]:
            raise norms.NormError("not this one")
        return norms.wrap("spectral", layer)

    before = state(model)
    with pytest.raises(norms.NormError, match="not this one"):
        norms.convert(model, to=picky, kind="weight")
    assert_same_state(model, before)
    assert type(model[0]) is nn.Linear
    model(torch.randn(2, 4))


def test_a_weight_norm_that_would_divide_by_zero_is_refused():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    nn.init.zeros_(model[1].weight[2:3])
    before = state(model)
    for call in (norms.convert, norms.plan):
        with pytest.raises(norms.NormConvertError, match=r"^1 \(Linear\) .*are all 0, .*where=\('\*', '!1'\)"):
            call(model, to="weight")
    assert_same_state(model, before)
    norms.convert(model, to="weight", where=("*", "!1"))
    norms.convert(model, to="spectral")  # one output of 0 is no matter to it
    assert model(torch.randn(2, 4)).isfinite().all()
    with torch.device("meta"):
        assert norms.plan(nn.Sequential(nn.Linear(4, 4)), to="weight").rows[0].changes


def test_weights_that_cannot_be_renormed_rightly_are_refused():
    tied = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    tied[1].weight = tied[0].weight
    with pytest.raises(norms.NormConvertError, match="shares its weight"):
        norms.convert(tied, to="spectral")
    foreign = nn.Sequential(nn.Linear(4, 4))
    parametrize.register_parametrization(foreign[0], "weight", nn.Identity())
    with pytest.raises(norms.NormConvertError, match="no registered weight norm"):
        norms.convert(foreign, to="spectral")
    old = nn.Sequential(nn.utils.spectral_norm(nn.Linear(4, 4)))
    for to in ("spectral", None):
        with pytest.raises(norms.NormConvertError, match="remove_spectral_norm"):
            norms.convert(old, to=to, kind="weight")
    with pytest.raises(norms.NormConvertError, match="has no weight yet"):
        norms.convert(nn.Sequential(nn.LazyLinear(4)), to="spectral")
    with pytest.raises(norms.NormConvertError, match="has no weight norm"):
        norms.convert(block(), to=None, kind="weight")
    with pytest.raises(norms.NormKindError, match="does not normalize weights"):
        norms.convert(block(), to="group", kind="weight")
