# SPDX-License-Identifier: Apache-2.0
"""Fully connected networks forward and backward without autograd: few kernels and no graph.

Inputs and hidden values are [B, I], as in `MLP` and `EnsembleMLP`; outputs and their gradients
are [N, O, B], because products with few columns are slow. All of it runs without gradients.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from robot_rl.models.mlp import MLP, EnsembleMLP

#: Of the layer norm, as torch has it.
_EPSILON = 1e-5
_mask_out = torch.ops.aten.threshold_backward.grad_input
_norm = torch.ops.aten.native_layer_norm
_norm_backward = torch.ops.aten.native_layer_norm_backward


@dataclass(frozen=True, slots=True)
class Trace:
    """What the way back needs to know of the way there.

    Attributes:
        out: outputs, shape [N, O, B].
        inputs: of each layer, shape [N, B, I].
        norms: of each hidden layer its values before the layer norm, their mean and the inverse
            of their deviation; empty without layer norm.
    """

    out: Tensor
    inputs: list[Tensor]
    norms: list[tuple[Tensor, Tensor, Tensor]]

    def since(self, row: int) -> 'Trace':
        """The same for the rows of the batch from this one on, as views."""
        inputs = [x[:, row:] for x in self.inputs]
        norms = [(z[:, row:], mean[:, row:], rstd[:, row:]) for z, mean, rstd in self.norms]
        return Trace(self.out[:, :, row:], inputs, norms)


class Dense:
    """The networks of an `MLP` (N = 1) or an `EnsembleMLP`, with its very parameters."""

    def __init__(self, network: MLP | EnsembleMLP, members: slice = slice(None)) -> None:
        """Keeps views of the parameters, which see every change in place.

        Args:
            network: whose parameters are used.
            members: the networks of an ensemble that are evaluated.
        """
        self._parameters = [p.detach() for p in network.parameters()]
        self._layer_norm = isinstance(network, EnsembleMLP) and network.layer_norm
        self._layers = [
            (
                w.detach().view(-1, *w.shape[-2:])[members],
                b.detach().view(-1, 1, b.shape[-1])[members],
            )
            for w, b in zip(network.weights, network.biases, strict=True)
        ]
        self._transposed = [weight.mT for weight, _ in self._layers]

    def forward(self, x: Tensor, members: slice | Tensor | None = None) -> Trace:
        """Evaluates the networks, or some of them, on the shared input [B, I]."""
        layers = self._layers
        if members is not None:
            layers = [(weight[members], bias[members]) for weight, bias in layers]
        h = x.expand(len(layers[0][0]), -1, -1)
        inputs, norms = [h], []
        *hidden, last = layers
        for weight, bias in hidden:
            h = _affine(bias, h, weight)
            if self._layer_norm:
                z = h
                h, mean, rstd = _norm(z, z.shape[-1:], None, None, _EPSILON)
                norms.append((z, mean, rstd))
            inputs.append(h.relu_())
        return Trace(_outputs(h, *last), inputs, norms)

    def gradients(self, trace: Trace, d: Tensor) -> list[Tensor]:
        """Gradients of all parameters, in the order and shapes of the network's own.

        Args:
            trace: from `forward`, of all members.
            d: gradient of the outputs, shape [N, O, B].
        """
        weights = [torch.bmm(d, trace.inputs[-1]).mT.contiguous()]
        biases = [d.sum(2)]
        d = d.mT
        for i in reversed(range(len(self._layers) - 1)):
            d = self._before(i, d, trace)
            weights.append(torch.bmm(trace.inputs[i].mT, d))
            biases.append(d.sum(1))
        found = weights[::-1] + biases[::-1]
        shaped = zip(found, self._parameters, strict=True)
        return [g if g.shape == p.shape else g.view(p.shape) for g, p in shaped]

    def follow(self, source: 'Dense', share: float) -> None:
        """Moves the parameters by this share of the way to the source's."""
        torch._foreach_lerp_(self._parameters, source._parameters, share)

    def action_gradient(self, trace: Trace, d: Tensor, actions: int) -> Tensor:
        """Gradient [A, B] of the input's last columns, summed over the networks.

        That is what an actor's loss asks of its critics.

        Args:
            trace: from `forward`, of all members.
            d: gradient of the outputs, shape [N, 1, B].
            actions: A.
        """
        d = d.mT
        for i in reversed(range(len(self._layers) - 1)):
            d = self._before(i, d, trace)
        return torch.bmm(self._layers[0][0][:, -actions:], d.mT).sum(0)

    def _before(self, i: int, d: Tensor, trace: Trace) -> Tensor:
        """Gradient [N, B, I] of what enters hidden layer i's norm, from that of layer i + 1."""
        d = _mask_(_back(d, self._transposed[i + 1]), trace.inputs[i + 1])
        return _norm_back(d, *trace.norms[i]) if trace.norms else d


def _affine(bias: Tensor, x: Tensor, weight: Tensor) -> Tensor:
    """x W + b; compiled, the sum is one kernel with what follows it."""
    if torch.compiler.is_compiling():
        return torch.bmm(x, weight) + bias
    return torch.baddbmm(bias, x, weight)


def _outputs(h: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Outputs [N, O, B] of a last layer: transposed, or one vector after the other."""
    if weight.shape[2] > 1:
        return _affine(bias.mT, weight.mT, h.mT)
    out = h.new_empty(len(h), 1, h.shape[1])
    for i in range(len(h)):
        torch.mv(h[i], weight[i, :, 0], out=out[i, 0])
    return out.add_(bias)


def _back(d: Tensor, transposed: Tensor) -> Tensor:
    """d W^T, shape [N, B, I]; from a single output it is an outer product."""
    return d * transposed if d.shape[2] == 1 else torch.bmm(d, transposed)


def _mask_(d: Tensor, out: Tensor) -> Tensor:
    """The gradient before a ReLU, in place of the one behind it."""
    masked: Tensor = _mask_out(d, out, 0, grad_input=d)
    return masked


def _norm_back(d: Tensor, z: Tensor, mean: Tensor, rstd: Tensor) -> Tensor:
    wanted = [True, False, False]
    before: Tensor = _norm_backward(d, z, z.shape[-1:], mean, rstd, None, None, wanted)[0]
    return before
