"""Reboots and sleep: the kinds that there are, and no other."""

import pytest
from pydantic import ValidationError

from app.api.schemas.power import RebootIn, SuspendIn
from app.operations.power import RebootKind, SleepKind


def test_every_kind_can_be_asked_for() -> None:
    """The words are those of the operations; a reboot is a system reset unless it is said otherwise."""
    assert [RebootIn(kind=kind.value).kind for kind in RebootKind] == list(RebootKind)
    assert [SuspendIn(kind=kind.value).kind for kind in SleepKind] == list(SleepKind)
    assert RebootIn().kind == "system_reset"


@pytest.mark.parametrize("kind", ["", "S3", "warm", None, 3])
def test_unknown_kind_is_refused(kind: object) -> None:
    """Also in the wrong case."""
    for schema in (RebootIn, SuspendIn):
        with pytest.raises(ValidationError):
            schema.model_validate({"kind": kind})
