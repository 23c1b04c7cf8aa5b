"""What there is: sections and pages, the families of generative models, and when they first appeared."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Concept:
    """A page, built or planned."""

    page: str
    title: str


SECTIONS: dict[str, tuple[Concept, ...]] = {
    "Foundations": (
        Concept("gaussian", "The Gaussian"),
        Concept("mixture", "Mixtures and EM"),
        Concept("boundaries", "Two ways to draw a boundary"),
    ),
    "Latent variables": (
        Concept("pixels", "Pixels"),
        Concept("autoencoder", "Autoencoders"),
        Concept("vae", "Variational autoencoders"),
    ),
    "Adversarial": (Concept("gan", "GANs"),),
    "Diffusion": (Concept("diffusion", "Diffusion"),),
}


@dataclass(frozen=True)
class Model:
    """One generative model on the map.

    Args:
        name: As the field calls it.
        year: First appearance.
        paper: Who, as one cites it.
        page: Its page in this dashboard, if it is to have one.
        disputed: Where lectures disagree about its family or its year, and why.
    """

    name: str
    year: str
    paper: str
    page: str = ""
    disputed: str = ""


@dataclass(frozen=True)
class Family:
    """One branch of the tree of generative models."""

    name: str
    means: str
    models: tuple[Model, ...]


DIFFUSION_DISPUTE = (
    "Lectures disagree on diffusion: counted by its training bound it is an approximate-likelihood model, "
    "counted by how it is used (a sampler that turns noise into data) an implicit one."
)

FAMILIES: tuple[Family, ...] = (
    Family(
        "Exact likelihood",
        "log p(x) can be computed",
        (
            Model("Gaussian", "1809", "Gauss", "gaussian"),
            Model("Gaussian mixture", "1894", "Pearson; EM: Dempster, Laird & Rubin 1977", "mixture"),
            Model("Kriging", "1951", "Krige; Matheron 1963"),
            Model("Hidden Markov model", "1966", "Baum & Petrie"),
            Model("Normalizing flow", "2014", "NICE: Dinh, Krueger & Bengio",
                  disputed="Lectures that date flows 2015 mean Rezende & Mohamed: variational inference with "
                           "normalizing flows. NICE had been made public in 2014."),
            Model("Autoregressive", "2016", "PixelRNN: van den Oord et al.; WaveNet"),
        ),
    ),
    Family(
        "Approximate likelihood",
        "a bound on log p(x), or log p(x) up to a constant",
        (
            Model("Boltzmann machine", "1985", "Ackley, Hinton & Sejnowski"),
            Model("Variational autoencoder", "2013", "Kingma & Welling; Rezende et al. 2014", "vae",
                  disputed="Dated 2013 by its preprint, 2014 by its conference paper."),
            Model("Diffusion", "2015", "Sohl-Dickstein et al.; DDPM: Ho, Jain & Abbeel 2020", "diffusion",
                  disputed=DIFFUSION_DISPUTE),
        ),
    ),
    Family(
        "Implicit",
        "samples, but no p(x)",
        (
            Model("Multiple-point geostatistics", "1993", "Guardiano & Srivastava"),
            Model("GAN", "2014", "Goodfellow et al.", "gan"),
        ),
    ),
)  # fmt: skip

TIMELINE: tuple[tuple[int, str, str], ...] = (
    (1809, "Gaussian", "Gauss"),
    (1894, "Gaussian mixture", "Pearson"),
    (1951, "Kriging", "Krige"),
    (1966, "Hidden Markov model", "Baum & Petrie"),
    (1977, "EM", "Dempster, Laird & Rubin"),
    (1985, "Boltzmann machine", "Ackley, Hinton & Sejnowski"),
    (1993, "Multiple-point geostatistics", "Guardiano & Srivastava"),
    (2013, "VAE", "Kingma & Welling"),
    (2014, "GAN", "Goodfellow et al."),
    (2014, "Flow (NICE)", "Dinh et al."),
    (2014, "Attention", "Bahdanau et al."),
    (2015, "Diffusion", "Sohl-Dickstein et al."),
    (2016, "PixelRNN, WaveNet", "van den Oord et al."),
    (2017, "Transformer", "Vaswani et al."),
    (2020, "DDPM", "Ho, Jain & Abbeel"),
)
