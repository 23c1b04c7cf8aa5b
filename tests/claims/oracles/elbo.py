"""What the captions of the page of bounds claim: its parts."""

from tests.claims.oracles import elbo_bound, elbo_exact, elbo_recorded

ORACLES = [*elbo_exact.ORACLES, *elbo_bound.ORACLES, *elbo_recorded.ORACLES]
