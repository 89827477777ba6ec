"""Parts that methods share: networks, memories, attention, losses."""

VERSION = 1  # raised when a part comes to compute something else, as plug-ins are built from these parts, too
