"""Reading backlogs: one file per kind of source."""
