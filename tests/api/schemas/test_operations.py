"""Operations in answers: the document and what operations tell have the same members."""

from app.api.schemas.operations import Operation, Operations
from app.operations.operation import Operation as Told
from app.operations.operation import OperationState, Retry, Standing


def test_operation_is_told_as_documented() -> None:
    """Every member is there, whatever the state."""
    told = Told(
        id="op-1",
        guest="web",
        device="vm0",
        requested_size=0,
        size_before=2**30,
        begun_us=5,
        standing=Standing(size=2**21, state=OperationState.WAITING_RETRY, retry=Retry(50_000, 50_000_005, 1)),
    )
    operation = Operation.model_validate(told.describe(), strict=True)
    assert (operation.requested, operation.achieved, operation.is_over) == (2**30, 2**30 - 2**21, False)
    assert operation.retry is not None
    assert operation.retry.due_us == 50_000_005
    assert Operations.model_validate({"operations": [told.describe()]}, strict=True).operations == [operation]
