"""A flow of coupling layers, as Durkan et al. (2019) have it, in torch: inverses by bisection, slopes by autograd."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch.nn.functional import softmax

LEAST = np.log(1000)
Knots = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def within(
    x_0: torch.Tensor,
    x_1: torch.Tensor,
    y_0: torch.Tensor,
    y_1: torch.Tensor,
    d_0: torch.Tensor,
    d_1: torch.Tensor,
    xi: torch.Tensor,
) -> torch.Tensor:
    """y at a share ξ of a bin: equation 4 of the paper."""
    s, rest = (y_1 - y_0) / (x_1 - x_0), xi * (1 - xi)
    return y_0 + (y_1 - y_0) * (s * xi**2 + d_0 * rest) / (s + (d_1 + d_0 - 2 * s) * rest)


class Couplings:
    """Layers of rational-quadratic splines on −B … B, and the identity beyond; points ``(N, 2)``, float64."""

    def __init__(self, arrays: Mapping[str, np.ndarray], layers: int, bins: int, bound: float) -> None:
        self.layers, self.bins, self.bound = layers, bins, bound
        self.known: dict[bytes, np.ndarray] = {}
        self.weights = {name: torch.tensor(np.asarray(a, dtype=np.float64)) for name, a in arrays.items()}

    def moved(self, k: int) -> int:
        """The first layer moves the second coordinate."""
        return 1 - k % 2

    def knots(self, k: int, kept: torch.Tensor) -> Knots:
        """Knots' x and y, and slopes there, ``(N, K + 1)`` each, as the network of layer k says them."""
        h, depth = (
            kept[:, None].clamp(-self.bound, self.bound),
            1 + max(int(n.split(".")[2]) for n in self.weights if n.startswith(f"layers.{k}.")),
        )
        for i in range(depth):
            h = h @ self.weights[f"layers.{k}.{i}.weight"].T + self.weights[f"layers.{k}.{i}.bias"]
            h = torch.relu(h) if i < depth - 1 else h
        w, v, d = h.split([self.bins, self.bins, self.bins - 1], dim=1)
        zero = torch.zeros(len(h), 1, dtype=h.dtype)

        def places(r: torch.Tensor) -> torch.Tensor:
            share = softmax(r / (1 + 2 * r.abs() / LEAST), dim=1)
            return 2 * self.bound * torch.cat([zero, share.cumsum(1)], dim=1) - self.bound

        slopes = torch.cat([zero, d / (1 + d.abs() / LEAST), zero], dim=1).exp()
        return places(w), places(v), slopes

    def bent(self, knots: Knots, x: torch.Tensor) -> torch.Tensor:
        bins = self.bins_of(knots, x, 0)
        return torch.where(x.abs() < self.bound, within(*bins, (x - bins[0]) / (bins[1] - bins[0])), x)

    def unbent(self, knots: Knots, y: torch.Tensor) -> torch.Tensor:
        """By bisection in the bin of y."""
        bins, low, high = self.bins_of(knots, y, 1), torch.zeros_like(y), torch.ones_like(y)
        for _ in range(48):
            middle = (low + high) / 2
            below = within(*bins, middle) < y
            low, high = torch.where(below, middle, low), torch.where(below, high, middle)
        return torch.where(y.abs() < self.bound, bins[0] + low * (bins[1] - bins[0]), y)

    def bins_of(self, knots: Knots, at: torch.Tensor, axis: int) -> list[torch.Tensor]:
        """x, y and slope at both ends of the bin that each point lies in."""
        k = ((at[:, None] >= knots[axis]).sum(1) - 1).clamp(0, self.bins - 1)[:, None]
        return [a.gather(1, k + i)[:, 0] for a in knots for i in (0, 1)]

    def layer(self, k: int, x: torch.Tensor, share: float = 1.0) -> torch.Tensor:
        """That share of the way through layer k."""
        moved = self.moved(k)
        at = x[:, moved]
        new = at + share * (self.bent(self.knots(k, x[:, 1 - moved]), at) - at)
        return torch.stack([new, x[:, 1]] if moved == 0 else [x[:, 0], new], dim=1)

    def after(self, x: np.ndarray | torch.Tensor, passed: float) -> torch.Tensor:
        """Points from x, when so many layers have been passed."""
        y = torch.as_tensor(x, dtype=torch.float64)
        for k in range(int(np.ceil(passed))):
            y = self.layer(k, y, min(1.0, passed - k))
        return y

    def to_x(self, z: np.ndarray) -> np.ndarray:
        """From noise to data, layer by layer by bisection; what was asked before is remembered."""
        asked = np.asarray(z, dtype=np.float64)
        if asked.tobytes() not in self.known:
            self.known[asked.tobytes()] = self.back(asked, self.layers, 0)
        return self.known[asked.tobytes()]

    def back(self, y: np.ndarray, passed: int, to: int) -> np.ndarray:
        """From where so many layers have been passed to where fewer have been."""
        found = torch.as_tensor(y, dtype=torch.float64).clone()
        for k in range(passed - 1, to - 1, -1):
            moved = self.moved(k)
            found[:, moved] = self.unbent(self.knots(k, found[:, 1 - moved]), found[:, moved])
        return found.numpy()

    def jacobian(self, x: np.ndarray, passed: float) -> np.ndarray:
        """∂y/∂x at each point ``(N, 2, 2)``, y after so many layers."""
        at = torch.tensor(x, dtype=torch.float64, requires_grad=True)
        y = self.after(at, passed)
        rows = [torch.autograd.grad(y[:, i].sum(), at, retain_graph=True)[0] for i in (0, 1)]
        return torch.stack(rows, dim=1).numpy()

    def log_prob(self, x: np.ndarray) -> np.ndarray:
        """log p_x, nats."""
        z = self.after(x, self.layers).numpy()
        return -np.log(2 * np.pi) - (z**2).sum(1) / 2 + np.linalg.slogdet(self.jacobian(x, self.layers))[1]
