"""Many short texts at once, such as names: each a row, filled up with −1; with torch.

What :meth:`genmodels.transformer.runtime.TransformerRuntime.log_probs` and ``say`` do one after another, for a
network in training, which is asked again and again.
"""

from __future__ import annotations

import numpy as np
import torch

from genmodels.transformer.model import Transformer


@torch.no_grad()
def row_log_probs(model: Transformer, rows: np.ndarray) -> np.ndarray:
    """log p of each letter but the first, nats: ``(N, T)``, T ≤ C + 1, to ``(N, T − 1)`` float64; NaN beyond."""
    where = next(model.parameters()).device
    whole = torch.as_tensor(np.array(rows, dtype=np.int64), device=where)
    said = model(whole[:, :-1].clamp(min=0)).log_softmax(-1).gather(-1, whole[:, 1:, None].clamp(min=0))[..., 0]
    return np.where(rows[:, 1:] >= 0, said.double().cpu().numpy(), np.nan)


@torch.no_grad()
def draw_rows(model: Transformer, end: int, chance: np.ndarray) -> np.ndarray:
    """Texts drawn letter by letter from p itself, until the end sign comes or there is no more chance.

    Args:
        model: It is told the end sign first, which also begins a text.
        end: The number of the end sign.
        chance: Uniform in 0 … 1, ``(N, T)``, T ≤ C: letter t of row n is the first whose cumulative probability is
            above ``chance[n, t]``.

    Returns:
        ``(N, T)`` int64, without the first end sign; −1 after the second.
    """
    where = next(model.parameters()).device
    rows = np.full((len(chance), chance.shape[1] + 1), end, dtype=np.int64)
    for t in range(chance.shape[1]):
        logits = model(torch.as_tensor(rows[:, : t + 1], device=where))[:, -1]
        cumulative = logits.double().softmax(-1).cumsum(-1).cpu().numpy()
        rows[:, t + 1] = np.minimum((cumulative <= chance[:, t, None]).sum(axis=1), cumulative.shape[1] - 1)
    said = rows[:, 1:]
    over = np.cumsum(said == end, axis=1) - (said == end) > 0
    return np.where(over, -1, said)
