"""A driver's options, and the defaults of a module that is loaded without any."""

from app.virtio_mem.driver.options import DriverOptions, ModuleParameters


def test_default_options_are_the_kernels_own() -> None:
    """The levels and the policy of the node."""
    options = DriverOptions()
    assert options.fallback is None
    assert options.policy is None
    assert options.parameters == ModuleParameters()
