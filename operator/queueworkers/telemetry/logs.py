"""
The operator's log: lines for people, or a JSON object in each line.

The sentences are the same.  What a program looks for (whom it is about, the reason, numbers) is given beside the sentence, in
``extra``, as `subject`, `reason` and `numbers`; nothing else of a record gets into the JSON.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from queueworkers.domain.identity import BudgetKey, PoolKey

if TYPE_CHECKING:
    from collections.abc import Mapping

CONSOLE = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def start_logging(*, level: str, style: str) -> None:
    """
    Have everything that is logged from now on written to standard error.

    Args:
        level: One of `settings.LOG_LEVELS`.
        style: One of `settings.LOG_FORMATS`.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if style == "json" else logging.Formatter(CONSOLE))
    logging.basicConfig(level=level.upper(), handlers=[handler])


class JsonFormatter(logging.Formatter):
    """Writes each record as one line: an object in ASCII, which every collector reads, whatever the locale."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record; a traceback is in it."""
        at = datetime.fromtimestamp(record.created, tz=UTC).isoformat(timespec="milliseconds")
        line: dict[str, object] = {
            "time": at.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **_spell_subject(getattr(record, "subject", None)),
        }
        if reason := getattr(record, "reason", None):
            line["reason"] = str(reason)
        line.update(getattr(record, "numbers", ()))
        line["logger"] = record.name
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def _spell_subject(subject: object) -> Mapping[str, str]:
    match subject:
        case PoolKey(namespace, name):
            return {"namespace": namespace, "pool": name}
        case BudgetKey(namespace, name):
            return {"namespace": namespace, "budget": name}
        case _:
            return {}
