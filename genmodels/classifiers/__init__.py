r"""Two ways to a boundary: model how each class generates its points, or only where one class ends.

*Generative*: p(x, y) = p(y) p(x | y), fitted by counting and by maximum likelihood, one class after the other.
Bayes' rule then gives p(y | x) = p(x, y) / p(x) with p(x) = Σ_y p(x, y). It can also sample x, notice that x is
far from all data (p(x) is small), and leave out a feature it was not given, by integrating over it.

*Discriminative*: p(y | x) = softmax(W φ(x) + b)_y, logistic regression, which minimises −1/N Σ_n log p(y_n | x_n) and
says nothing of x. φ are the monomials of the *standardised* x up to a degree. With two classes class 0 is the
reference: W = (0, w), b = (0, b₁), so that w·φ + b₁ are the log-odds of class 1.

| p(x given y)                  | fitted by                                  | log-odds in x |
|-------------------------------|--------------------------------------------|---------------|
| N(μ_y, Σ), one Σ              | :func:`fit_lda`                            | linear        |
| N(μ_y, Σ_y)                   | :func:`fit_qda`                            | quadratic     |
| Π_d N(μ_yd, σ²_yd)            | :func:`fit_naive_bayes`                    | quadratic     |
| Π_d N(μ_yd, σ²_d)             | :func:`fit_naive_bayes`, shared_variance   | linear        |
| Σ_k π_yk N(μ_yk, Σ_yk)        | :func:`fit_class_mixtures`                 | any shape     |

So LDA and naive Bayes with shared variances have the p(y | x) of logistic regression of degree 1, with other weights:
those that maximise p(x, y), not p(y | x). Ng & Jordan (2001) compare these two. scikit-learn's ``GaussianNB``, with
a variance per class, is another model. LDA's p(y | x) is as sure far from the data as logistic regression's: only
p(x) warns.

What is fitted takes points x ``(N, D)``, finite, their labels y ``(N,)``, integers in 0 … K − 1, and ``n_classes``,
K ≥ 2; each class must occur. A ValueError says what is wrong with them, counting classes and features from 1.
Covariances are divided by N, as in scikit-learn 1.9. If a hyperplane of φ-space separates the classes
(:func:`separable`), or one class from the others, the loss of logistic regression falls to its infimum only as
‖W‖ → ∞: without a penalty there is no optimum (:func:`has_optimum`), and what is returned depends on when one stops.

Sources: Bishop (2006), sections 4.2 and 4.3; Hastie, Tibshirani & Friedman (2009), sections 4.3 and 4.4; Ng & Jordan
(2001), *On discriminative vs. generative classifiers*, NIPS 14; Albert & Anderson (1984), *Biometrika* 71(1), for
separation. Rows are points, arrays float64, logarithms natural.
"""

from genmodels.classifiers.discriminative import DiscriminativeClassifier, fit_logistic
from genmodels.classifiers.generative import (
    GenerativeClassifier,
    fit_class_mixtures,
    fit_lda,
    fit_naive_bayes,
    fit_qda,
)
from genmodels.classifiers.labelled import check_labelled

__all__ = [
    "DiscriminativeClassifier",
    "GenerativeClassifier",
    "check_labelled",
    "fit_class_mixtures",
    "fit_lda",
    "fit_logistic",
    "fit_naive_bayes",
    "fit_qda",
]
