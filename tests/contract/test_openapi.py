"""The live service keeps what openapi.json says: requests of every shape, made up by schemathesis from the document.

The search repeats itself exactly. Two rounds: as the document has it, where most paths name nothing that exists; and
with the names of a guest that does.
"""

from pathlib import Path
from typing import Any

import httpx
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import CheckFunction
from schemathesis.specs.openapi.checks import (
    negative_data_rejection,
    positive_data_acceptance,
    use_after_free,
)

DOCUMENT = schemathesis.openapi.from_path(Path(__file__).parents[2] / "openapi.json")
SEARCH = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
# A value can have the documented shape and still be no multiple of a block: 422 is an answer to it.
ALWAYS_EXCLUDED: list[CheckFunction] = [positive_data_acceptance]
# Names put in by hand make a path sound that was meant to be broken, and the guest is made anew when it is deleted.
EXCLUDED_FOR_GUEST: list[CheckFunction] = [*ALWAYS_EXCLUDED, negative_data_rejection, use_after_free]

GUEST = {
    "name": "web",
    "boot_size": "512MiB",
    "online": "online_kernel",
    "devices": [{"size": "1GiB", "requested_size": "256MiB"}],
    "cma_areas": [{"name": "dma", "size": "16MiB"}],
    "workload": "busy",
}
NAMES = {
    "guest": "web",
    "device": "vm0",
    "allocation": 1,
    "file": "zoneinfo",
    "area": "dma",
    "pfn": 126976,
    "memory_block": 32,
    "snapshot": "snapshot-1",
    "fault": 1,
}
# What a call before may have taken away, or none has made.
MAY_BE_GONE = ("{allocation}", "{pfn}", "{snapshot}", "/restore", "{fault}")


@DOCUMENT.parametrize()
@SEARCH
def test_service_keeps_its_document(case: schemathesis.Case[Any], service_url: str) -> None:
    """Statuses, media types, headers and bodies are as documented; what must be refused is."""
    _without_waits(case)
    case.call_and_validate(base_url=service_url, excluded_checks=ALWAYS_EXCLUDED)


@DOCUMENT.include(path_regex=r"\{guest\}").parametrize()
@SEARCH
def test_service_keeps_its_document_for_a_guest(case: schemathesis.Case[Any], service_url: str) -> None:
    """The same for a guest that exists, which stays sound whatever was asked of it."""
    made = httpx.post(f"{service_url}/v1/guests", json=GUEST)
    assert made.status_code in {201, 409}, made.text
    case.path_parameters = {name: NAMES[name] for name in case.path_parameters or {}}
    _without_waits(case)
    answer = case.call_and_validate(base_url=service_url, excluded_checks=EXCLUDED_FOR_GUEST)
    assert answer.status_code != 404 or case.operation.path.endswith(MAY_BE_GONE)
    if case.operation.method.upper() == "POST" and answer.status_code < 400:
        assert httpx.post(f"{service_url}/v1/guests/web/verify").json() == {"violations": []}
    if "/faults" in case.operation.path or case.operation.path.endswith("/suspend"):
        # A guest that may be dead, or asleep, is no subject for the other calls.
        httpx.delete(f"{service_url}/v1/guests/web")


def _without_waits(case: schemathesis.Case[Any]) -> None:
    """Asks for answers that come at once: a stream has no end, and a clock that stands keeps an operation for ever."""
    if case.operation.path.endswith("/events"):
        case.query["follow"] = "false"
    if "wait" in case.query and isinstance(case.query["wait"], float):
        case.query["wait"] = min(case.query["wait"], 0.05)
