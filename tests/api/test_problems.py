"""Problems: every error of every layer is application/problem+json, and says what a caller needs."""

import json

import pytest
from starlette.requests import Request
from starlette.responses import Response

from app import errors
from app.api.problems import BY_ERROR, KINDS, MEDIA_TYPE, kind_of, problem
from app.operations.crew import ServiceStopping
from tests.api.caller import Caller

MEMBERS = {"type", "title", "status", "detail", "instance"}


def _error_classes(root: type[errors.VmemsimError]) -> list[type[errors.VmemsimError]]:
    return [root, *(each for child in root.__subclasses__() for each in _error_classes(child))]


def test_kinds_of_all_error_classes_are_decided() -> None:
    """Each class has a kind; caller's errors are 404 or 422, states 409, capacities 507 or 503."""
    allowed = {
        errors.CallerError: {404, 422},
        errors.StateError: {409},
        errors.CapacityError: {503, 507},
    }
    for branch, statuses in allowed.items():
        for leaf in _error_classes(branch)[1:]:
            assert next(BY_ERROR[cls] for cls in leaf.__mro__ if cls in BY_ERROR).status in statuses, leaf


def test_kinds_have_a_slug_each() -> None:
    """Two kinds never share a slug."""
    kinds = {*BY_ERROR.values(), *KINDS.values()}
    assert len({kind.slug for kind in kinds}) == len(kinds)


def test_kind_of_a_subclass_is_its_nearest_ancestors() -> None:
    """An error class that the table does not name falls to its parent's kind."""

    class Nothing(errors.RangeUnavailable):
        """A new class."""

    assert kind_of(Nothing("x")).slug == "range-unavailable"
    assert kind_of(ServiceStopping()).status == 503


def test_problem_members_never_replace_the_standards_own() -> None:
    """A member called status is lost, not believed."""
    answer = problem(KINDS["unknown"], "d", instance="/x", members={"status": 200, "limit": 1})
    content = json.loads(bytes(answer.body))
    assert content == {
        "type": "/problems/unknown",
        "title": "Nothing has that name",
        "status": 404,
        "detail": "d",
        "instance": "/x",
        "limit": 1,
    }


def test_problem_tells_all_that_is_accepted() -> None:
    """A caller's value is quoted in part; what would do instead is told whole."""
    members = {"value": "x" * 999, "accepted": "y" * 999, "why": "\ud800"}
    content = json.loads(bytes(problem(KINDS["invalid-value"], "d", instance="/x", members=members).body))
    assert (len(content["value"]), len(content["accepted"]), content["why"]) == (200, 999, "?")


@pytest.mark.parametrize("value", [float("nan"), "\ud800", 10**4000, float("inf"), ["\ud800"]])
def test_problem_with_a_value_that_json_has_not_is_still_json(value: object) -> None:
    """Whatever an error quotes, the answer can be read."""
    answer = problem(KINDS["invalid-value"], "d", instance="/x", members={"value": value})
    assert "value" in json.loads(bytes(answer.body), parse_constant=pytest.fail)


@pytest.mark.parametrize(
    ("method", "path", "status", "slug"),
    [
        ("GET", "/nothing", 404, "no-such-path"),
        ("GET", "/v1/guests/", 404, "no-such-path"),
        ("GET", "/v1/guests/ghost", 404, "unknown"),
        ("GET", "/v1/guests/gh%00st%ff", 404, "unknown"),
        ("GET", "/v1/guests/ghost/virtio-mem/vm0", 404, "unknown"),
        ("DELETE", "/v1/guests/ghost", 404, "unknown"),
        ("PUT", "/v1/guests", 405, "method-not-allowed"),
        ("DELETE", "/v1/guests/ghost/allocations/x", 422, "invalid-value"),
        ("DELETE", "/v1/guests/ghost/alloc-contig-range", 422, "invalid-value"),
        ("DELETE", f"/v1/guests/ghost/alloc-contig-range?start_pfn=0&end_pfn={10**20}", 422, "invalid-value"),
    ],
)
def test_refused_request_is_a_problem(caller: Caller, method: str, path: str, status: int, slug: str) -> None:
    """What routing, path and query refuse is a problem with all its members."""
    answer = caller.call(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert answer.json()["type"] == f"/problems/{slug}"
    assert answer.json()["status"] == status
    assert answer.json().keys() >= MEMBERS


def test_method_not_allowed_lists_all_methods_of_the_path(caller: Caller) -> None:
    """Allow names the methods of every route at the path, not of one of them."""
    answer = caller.call("PUT", "/v1/guests/ghost/virtio-mem/vm0")
    assert answer.headers["allow"] == "GET, PATCH"
    assert caller.call("TRACE", "/v1/guests/ghost").headers["allow"] == "DELETE, GET"


def test_defect_is_a_problem_without_its_traceback(caller: Caller) -> None:
    """A bug of ours is 500; the answer says nothing of its inside."""

    async def broken(request: Request) -> Response:
        del request
        raise AssertionError("INV-4: secret")

    caller.app.add_route("/broken", broken)
    answer = caller.get("/broken")
    assert (answer.status_code, answer.json()["type"]) == (500, "/problems/internal-error")
    assert "secret" not in answer.text
    assert caller.get("/healthz").status_code == 200


BAD_BODIES = [
    (b"", 422),
    (b"{", 400),
    (b"null", 422),
    (b"[]", 422),
    (b"nonsense", 400),
    (b'{"boot_size": NaN}', 422),
    (b'{"boot_size": Infinity}', 422),
    (b'{"boot_size": 1e400}', 422),
    (b'{"boot_size": ' + b"9" * 4000 + b"}", 422),
    (b'{"boot_size": ' + b"9" * 5000 + b"}", 400),
    (b'{"boot_size": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
    (b'{"workload": ' + b"[" * 900 + b"]" * 900 + b', "boot_size": 536870912}', 422),
    (b'{"name": "\xff\xfe"}', 400),
    (b'{"name": "\\ud800", "boot_size": 536870912}', 422),
    (b'{"\\ud800": 1}', 422),
    (b'{"policy": "\\u0000", "boot_size": 536870912}', 422),
    ('{"name": "x"}'.encode("utf-16"), 422),
]


@pytest.mark.parametrize(("body", "status"), BAD_BODIES, ids=range(len(BAD_BODIES)))
def test_body_that_makes_no_sense_is_a_problem(caller: Caller, body: bytes, status: int) -> None:
    """No JSON, not the JSON that is wanted, numbers that are none, nesting, encodings: never a 500."""
    answer = caller.call("POST", "/v1/guests", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.headers["content-type"]) == (status, MEDIA_TYPE), answer.text
    assert json.loads(answer.text, parse_constant=pytest.fail).keys() >= MEMBERS
    assert caller.get("/v1/guests").json() == {"guests": []}


@pytest.mark.parametrize("media_type", ["application/x-www-form-urlencoded", "text/plain", ""])
def test_body_of_another_media_type_is_415(caller: Caller, media_type: str) -> None:
    """JSON that is not called JSON is refused, and told what to be called."""
    answer = caller.call(
        "POST", "/v1/guests", content=b'{"boot_size": 1}', headers={"Content-Type": media_type}
    )
    assert (answer.status_code, answer.json()["accepted"]) == (415, "application/json")
