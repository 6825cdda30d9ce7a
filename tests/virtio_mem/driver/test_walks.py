"""The walks of both modes: the plan chooses them, and they take what parameters allow."""

import pytest

from app.mm.policies.quantities import Mode
from app.units import MIB
from app.virtio_mem.driver.acts import run
from app.virtio_mem.driver.bigblock_mode import BigBlockMode
from app.virtio_mem.driver.options import ModuleParameters
from app.virtio_mem.driver.subblock_mode import SubblockMode
from app.virtio_mem.driver.walks import make_walks
from tests.virtio_mem.board import TOY, build

BIG = ModuleParameters(force_bbm=True)


@pytest.mark.parametrize(
    ("parameters", "mode", "book", "unit"),
    [
        (ModuleParameters(), Mode.SUB_BLOCK, SubblockMode, 1 * MIB),
        (BIG, Mode.BIG_BLOCK, BigBlockMode, 8 * MIB),
    ],
)
def test_plan_chooses_the_book(parameters: ModuleParameters, mode: Mode, book: type, unit: int) -> None:
    """One small protocol for the driver, whatever the mode."""
    board = build(TOY._replace(parameters=parameters))
    assert board.driver.plan.mode is mode
    assert isinstance(board.driver.book, book)
    assert board.driver.unit_size == unit


@pytest.mark.parametrize("parameters", [ModuleParameters(), BIG])
def test_walks_plug_clean_up_and_unplug_by_units(parameters: ModuleParameters) -> None:
    """Each is done act by act; there is nothing to clean up after a plug that went well."""
    board = build(TOY._replace(parameters=parameters))
    board.driver.unload()
    device, driver = board.device, board.driver
    device.set_requested_size(16 * MIB)
    driver.queue.refresh()
    walks = make_walks(driver.queue, board.node, driver.plan, policy=board.node.policy, sink=board.sink)
    nr_units = 16 * MIB // driver.unit_size
    assert run(walks.plug(nr_units)) == "0"
    assert device.plugged_size == 16 * MIB
    assert run(walks.clean_up()) == "0"
    assert run(walks.unplug(nr_units)) == "0"
    assert device.plugged_size == 0
