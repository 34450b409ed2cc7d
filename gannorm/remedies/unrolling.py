"""Unrolling: the generator answers to the discriminator as it will be after k more steps."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call

from gannorm import norms
from gannorm.remedies.differentiable_steps import differentiable_step, unwrapped
from gannorm.remedies.remedy import Remedy, Setting, whole


class Critic:
    """A discriminator with other parameters than its own: what it computes has a gradient in these.

    Buffers are the discriminator's and do not move; its modes count. It has `features` where the discriminator has.

    Args:
        discriminator: The network; its parameters are neither used nor changed.
        parameters: By their names in the network.

    Shapes:
        (N, ...) to (N,), as the discriminator.

    Example:
        >>> network = nn.Sequential(nn.Linear(2, 1), nn.Flatten(0))
        >>> Critic(network, {"0.weight": torch.ones(1, 2), "0.bias": torch.zeros(1)})(torch.ones(3, 2))
        tensor([2., 2., 2.])
    """

    def __init__(self, discriminator: nn.Module, parameters: Mapping[str, Tensor]) -> None:
        self.discriminator = discriminator
        self.parameters_by_name = dict(parameters)
        self.frozen = norms.freeze_state(discriminator)
        if callable(getattr(discriminator, "features", None)):
            # No method: holding no critic, it makes no circle that would keep the graph of each step in memory.
            named = {f"network.{name}": parameter for name, parameter in parameters.items()}
            self.features = partial(_call, _Features(discriminator), named, self.frozen)

    def __call__(self, *arguments: Any) -> Float[Tensor, " n"]:
        """Return the logits."""
        return _call(self.discriminator, self.parameters_by_name, self.frozen, *arguments)

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """Yield names and parameters, as a module does."""
        yield from self.parameters_by_name.items()

    def parameters(self) -> Iterator[Tensor]:
        """Yield the parameters."""
        yield from self.parameters_by_name.values()

    def at(self, parameters: Mapping[str, Tensor]) -> "Critic":
        """Return the critic with some other parameters."""
        return Critic(self.discriminator, {**self.parameters_by_name, **parameters})


class _Features(nn.Module):
    """A discriminator's `features` as the call of a module, which is all that torch calls with other parameters."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, *arguments: Any) -> Tensor:
        return self.network.features(*arguments)


def _call(
    network: nn.Module, parameters: Mapping[str, Tensor], frozen: AbstractContextManager[None], *arguments: Any
) -> Tensor:
    with frozen:
        return functional_call(network, dict(parameters), arguments)


class Unrolling(Remedy):
    """Puts the discriminator after k more steps in the place of the discriminator, for the generator's loss.

    The steps start from the discriminator and the optimizer's state as they are, all see the same real and fake images,
    and are differentiated exactly: the generator's gradient goes through all k updates, second order included, and
    through the fakes in each of them. Afterwards nothing of them is left in discriminator and optimizer. The loop hands
    in the loss with the penalties of each step; fakes are constants in a penalty, as everywhere. Weights are not
    clipped after an unrolled step, and lazy penalties take no step there. Time and memory grow with k.

    Args:
        steps: k.

    Raises:
        ValueError: Fewer than one step; or (from `check` and `critic`) an optimizer that cannot be unrolled.

    Source:
        Metz et al., Unrolled generative adversarial networks, ICLR 2017, arXiv:1611.02163, section 2; the optimizer's
        own update rule and the same batch in all steps as in the authors' notebook.

    Example:
        >>> discriminator = nn.Sequential(nn.Linear(2, 1), nn.Flatten(0))
        >>> optimizer = torch.optim.SGD(discriminator.parameters(), lr=0.1)
        >>> fake = torch.ones(3, 2, requires_grad=True)
        >>> critic = Unrolling(steps=2).critic(discriminator, lambda critic: critic(fake).mean(), optimizer)
        >>> (critic(fake) - discriminator(fake)).detach()  # each step lowers it by 0.1 · (1 + 1 + 1)
        tensor([-0.6000, -0.6000, -0.6000])
    """

    def __init__(self, *, steps: Any = 5) -> None:
        if steps == 0 and not isinstance(steps, bool):
            raise ValueError("unrolling of 0 steps is no unrolling; leave it out")
        self.steps = whole("unrolling", "steps", steps, least=1)

    def check(self, setting: Setting) -> None:
        """Refuse an optimizer whose steps cannot be differentiated here."""
        if setting.optimizer is not None:
            differentiable_step(setting.optimizer)

    def critic(self, discriminator: nn.Module, loss_of: Callable[[Critic], Tensor], optimizer: Any) -> Critic:
        """Return what the discriminator is after k steps.

        Args:
            discriminator: The network; whether its parameters take gradients at the moment does not matter, those in
                the optimizer are stepped.
            loss_of: The discriminator's loss of a critic, a scalar; the fakes in it are not detached.
            optimizer: The discriminator's, with its state as it is.
        """
        optimizer = unwrapped(optimizer)
        step = differentiable_step(optimizer)
        stepped = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
        named = dict(discriminator.named_parameters())
        names = {name: parameter for name, parameter in named.items() if id(parameter) in stepped}
        critic = Critic(discriminator, {name: value.detach().clone() for name, value in named.items()})
        current = {name: critic.parameters_by_name[name].requires_grad_() for name in names}
        state = {name: dict(optimizer.state.get(parameter, {})) for name, parameter in names.items()}
        with torch.enable_grad():
            for _ in range(self.steps):
                loss = loss_of(critic)
                gradients = torch.autograd.grad(loss, list(current.values()), create_graph=True, allow_unused=True)
                for (name, parameter), gradient in zip(current.items(), gradients, strict=True):
                    if gradient is not None:
                        current[name], state[name] = step(parameter, gradient, state[name], names[name])
                critic = critic.at(current)
        return critic
