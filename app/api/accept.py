"""Which of the media types that a route can answer its caller wants most (RFC 9110, 12.5.1)."""

from collections.abc import Sequence

from fastapi import HTTPException

_ANY = "*/*"


def choose_media_type(accept: str, offered: Sequence[str]) -> str:
    """Returns the one of `offered` with the highest quality; among equals the first. An empty header wants any.

    Raises HTTPException (406) when none will do.
    """
    wanted = _qualities(accept or _ANY)
    rated = [(_quality_of(media_type, wanted), media_type) for media_type in offered]
    quality, best = max(rated, key=lambda pair: pair[0])
    if not quality:
        raise HTTPException(406, f"Accept is {accept[:200]!r}; offered: {', '.join(offered)}")
    return best


def _qualities(accept: str) -> dict[str, float]:
    """Returns the quality of each range named; parameters other than q are not looked at."""
    qualities: dict[str, float] = {}
    for part in accept.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = next((text.removeprefix("q=") for text in parameters if text.startswith("q=")), "1")
        qualities[name] = max(qualities.get(name, 0.0), _number(quality))
    return qualities


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        return 0.0
    return number if 0 <= number <= 1 else 0.0


def _quality_of(media_type: str, wanted: dict[str, float]) -> float:
    """Returns the quality of the most particular range that covers the type."""
    family = media_type.partition("/")[0] + "/*"
    return next((wanted[name] for name in (media_type, family, _ANY) if name in wanted), 0.0)
