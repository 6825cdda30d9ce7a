"""Drivers in requests and answers: parameters as the operation takes them, and no other words."""

import pytest
from pydantic import ValidationError

from app.api.schemas import drivers as schemas
from app.operations.drivers import DriverModule, ModuleParameters

MIB = 2**20


def test_parameters_left_out_are_the_kernels_own() -> None:
    """As a module that is loaded without any."""
    assert schemas.DriverParametersIn.model_validate({}).to_parameters() == ModuleParameters()
    assert schemas.DriverIn.model_validate({}).to_module() == DriverModule()


def test_parameters_keep_their_values() -> None:
    """A size may be text."""
    body = {
        "is_loaded": False,
        "unplug_online": False,
        "force_bbm": True,
        "bbm_block_size": "256MiB",
        "bbm_safe_unplug": False,
    }
    module = schemas.DriverIn.model_validate(body).to_module()
    expected = ModuleParameters(
        unplug_online=False, force_bbm=True, bbm_block_size=256 * MIB, bbm_safe_unplug=False
    )
    assert module == DriverModule(is_loaded=False, parameters=expected)


@pytest.mark.parametrize("body", [{"force_bbm": "yes"}, {"bbm_block_size": -1}, {"bbm": True}])
def test_other_words_are_refused(body: dict[str, object]) -> None:
    """No conversion, and no unknown parameter."""
    with pytest.raises(ValidationError):
        schemas.DriverIn.model_validate(body)
