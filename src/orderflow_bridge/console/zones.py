"""The operator's time zone: the browser tells it in a cookie, and UTC stands in until it does."""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from orderflow_bridge.domain.time import as_utc

__all__ = ["COOKIE", "Zone"]

COOKIE = "ofb-zone"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+-]{0,40}(?:/[A-Za-z0-9_+-]{1,40}){0,2}")


class Zone:
    """Write times as the operator's clock shows them, and read the days that they mean."""

    def __init__(self, name: str = "") -> None:
        self.name: str = "UTC"
        self._zone: tzinfo = UTC
        name = name.replace("%2F", "/")
        if _NAME.fullmatch(name):
            try:
                self._zone = ZoneInfo(name)
                self.name = name
            except (ZoneInfoNotFoundError, ValueError, OSError):
                pass

    @classmethod
    def known(cls, name: str) -> "Zone | None":
        """Give the zone of a name; None where there is no such zone."""
        zone = cls(name)
        return zone if zone.name == name else None

    def local(self, milliseconds: int) -> datetime:
        """Give a moment (Unix ms) in this zone."""
        return as_utc(milliseconds).astimezone(self._zone)

    def text(self, milliseconds: int) -> str:
        """Write a moment for a person: `2026-03-01 14:05:09`, and `UTC` behind it where it is."""
        return f"{self.local(milliseconds):%Y-%m-%d %H:%M:%S}" + (
            " UTC" if self.name == "UTC" else ""
        )

    def full(self, milliseconds: int) -> str:
        """Write a moment with the name of the zone: `2026-03-01 14:05:09 (Europe/London)`."""
        return f"{self.local(milliseconds):%Y-%m-%d %H:%M:%S} ({self.name})"

    def field(self, milliseconds: int) -> str:
        """Write a moment as an input of the type `datetime-local` has it, with seconds."""
        return f"{self.local(milliseconds):%Y-%m-%dT%H:%M:%S}"

    def moment(self, text: str) -> int | None:
        """Read what such an input sends (Unix ms); None for what is no moment since 1970."""
        for written in ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M"):
            try:
                moment = datetime.strptime(text, written).replace(tzinfo=self._zone)
                milliseconds = int(moment.timestamp() * 1000)
            except (ValueError, OverflowError):
                continue
            return milliseconds if milliseconds >= 0 else None
        return None

    def day_begins(self, day: str) -> int | None:
        """Tell when a day `2026-03-01` begins here (Unix ms); None for what is no day."""
        try:
            begin = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=self._zone)
            return int(begin.timestamp() * 1000)
        except (ValueError, OverflowError):
            return None

    def day_ends(self, day: str) -> int | None:
        """Tell when the day after it begins (Unix ms); None for what is no day."""
        try:
            after = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(days=1)
        except (ValueError, OverflowError):
            return None
        return self.day_begins(f"{after:%Y-%m-%d}")
