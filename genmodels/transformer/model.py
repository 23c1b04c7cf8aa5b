"""The transformer as a torch module, and what training descends; the model itself is told in :mod:`.config`."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from genmodels.nn.layers import linear
from genmodels.transformer.config import EPS, Shape, angles, windows

WINDOWS = 128  # that are read at once where a text is judged


class Block(nn.Module):
    """One layer: its heads, then its perceptron."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        d, self.heads = shape.width, shape.heads
        self.query_key_value = linear(d, 3 * d, bias=False)
        self.out = linear(d, d, bias=False)
        self.up = linear(d, 4 * d, bias=False)
        self.down = linear(4 * d, d, bias=False)

    def forward(
        self,
        h: torch.Tensor,
        turn: tuple[torch.Tensor, torch.Tensor],
        dropout: float,
        generator: torch.Generator | None,
    ) -> torch.Tensor:
        """``(B, T, d)`` to the same."""
        b, t, d = h.shape
        parts = self.query_key_value(norm(h)).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        q, k = rotate(parts[:2], *turn).to(parts.dtype)
        mixed = F.scaled_dot_product_attention(q, k, parts[2], is_causal=True).transpose(1, 2).reshape(b, t, d)
        h = h + drop(self.out(mixed), dropout, generator)
        return h + drop(self.down(F.gelu(self.up(norm(h)), approximate="tanh")), dropout, generator)


class Transformer(nn.Module):
    """Letters to the logits of the next ones.

    Args:
        shape: Its size.
    """

    cos: torch.Tensor
    sin: torch.Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.width = shape.width
        self.embed = linear(shape.width, shape.letters, bias=False)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        cos, sin = angles(shape.context, shape.width // shape.heads)
        self.register_buffer("cos", torch.tensor(cos, dtype=torch.float32), persistent=False)
        self.register_buffer("sin", torch.tensor(sin, dtype=torch.float32), persistent=False)

    def forward(
        self, tokens: torch.Tensor, dropout: float = 0.0, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """Numbers of letters ``(B, T)``, T ≤ C, to logits ``(B, T, V)``.

        Args:
            tokens: int64.
            dropout: Share of the entries of h's increments (and of its start) that are 0 …
            generator: … as this generator says, which lives on the tokens' device; None drops nothing.
        """
        t = tokens.shape[1]
        h = drop(math.sqrt(self.width) * F.embedding(tokens, self.embed.weight), dropout, generator)
        turn = self.cos[:t], self.sin[:t]
        for block in self.blocks:
            h = block(h, turn, dropout, generator)
        return self.embed(norm(h))


def norm(h: torch.Tensor) -> torch.Tensor:
    """h divided by its root mean square over the last axis."""
    return F.rms_norm(h, h.shape[-1:], eps=EPS)


def rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Turn the pairs (m, m + half) of the last axis of ``(…, T, size)`` by the angles ``(T, size/2)``."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, a * sin + b * cos), dim=-1)


def drop(x: torch.Tensor, share: float, generator: torch.Generator | None) -> torch.Tensor:
    """Dropout (Srivastava et al. 2014) with a generator of ours; torch's own draws from the global seed."""
    if not share or generator is None:
        return x
    kept = torch.empty_like(x).bernoulli_(1 - share, generator=generator)
    return x * kept / (1 - share)


@torch.no_grad()
def log_probs(model: Transformer, tokens: np.ndarray, context: int) -> np.ndarray:
    """log p of each letter but the first, given those before it, nats, ``(N,)`` to ``(N − 1,)`` float64.

    How far back each looks is told in :mod:`.config`. The sum is log p of the text, its first letter given.
    """
    where = next(model.parameters()).device
    text = torch.as_tensor(np.array(tokens, dtype=np.int64), device=where)
    parts = windows(len(text), context)
    if not parts:
        return np.empty(0)
    alike, rest = parts[:-1], parts[-1:]  # the last may be shorter
    found = []
    for group in [*(alike[i : i + WINDOWS] for i in range(0, len(alike), WINDOWS)), rest]:
        rows = torch.stack([text[start : stop + 1] for start, stop, _ in group])
        said = model(rows[:, :-1]).log_softmax(-1).gather(-1, rows[:, 1:, None])[..., 0]
        found += [row[first - start - 1 :] for row, (start, _, first) in zip(said, group, strict=True)]
    return torch.cat(found).double().cpu().numpy()
