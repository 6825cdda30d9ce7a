"""Phases as data: what is endless, and which labels they make and need."""

from app.guest.programs.phases import Do, Phase
from app.mm.page import PageKind


def test_phase_without_time_is_endless() -> None:
    """A leak or a churn without a time never ends; everything else does."""
    assert Phase(do=Do.LEAK, labels=("a",), rate=1).is_endless
    assert Phase(do=Do.CHURN, labels=("a",), millionths=1).is_endless
    assert not Phase(do=Do.LEAK, labels=("a",), rate=1, duration_ns=5).is_endless
    assert not Phase(do=Do.GROW, labels=("a",), by=1, rate=1).is_endless


def test_labels_made_and_used() -> None:
    """Growing makes a label, churning and releasing need one, holding neither."""
    grow = Phase(do=Do.GROW, labels=("a",), kind=PageKind.ANON, by=1)
    churn = Phase(do=Do.CHURN, labels=("a", "b"), millionths=1)
    assert (grow.labels_made, grow.labels_used) == (("a",), ())
    assert (churn.labels_made, churn.labels_used) == ((), ("a", "b"))
    assert Phase(do=Do.HOLD, duration_ns=1).labels_used == ()
