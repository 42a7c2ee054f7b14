"""The statuses that a command ends with; 2 is click's own, for arguments that make no sense."""

NOT_DONE = 1
"""What was asked for could not be done; the sentence on standard error says why."""

NOT_SO = 3
"""It could be asked, and the answer is no: the replacement stopped or is held, or something is wrong."""

TOO_LATE = 4
"""It did not come about within `--timeout`."""

READER_GONE = 141
"""Nobody reads standard output any more, as shells count it for programs that the signal ends."""

INTERRUPTED = 130
"""Somebody pressed Ctrl-C, as shells count it."""
