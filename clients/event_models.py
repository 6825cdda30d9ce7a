"""An event of a guest, as the service tells it.

Mirrors the envelope of GET /v1/guests/{guest}/events.
"""

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, JsonValue


class Event(BaseModel):
    """Something that happened: its number, its type, and what else there is to tell.

    type `dropped`: events `from` to `to` are lost, because they were asked for too late.
    """

    model_config = ConfigDict(frozen=True)

    id: int
    type: str
    fields: Mapping[str, JsonValue]

    @property
    def simulated_us(self) -> int | None:
        """When it happened on the guest's clock, in `dropped` the event after those lost; None from old services."""
        moment = self.fields.get("simulated_us")
        return moment if isinstance(moment, int) else None
