"""What the captions of the autoregressive page claim: its three parts."""

from tests.claims.oracles import ar_heads, ar_pixels, ar_text

ORACLES = [*ar_text.ORACLES, *ar_heads.ORACLES, *ar_pixels.ORACLES]
