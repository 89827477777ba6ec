"""Anomalies planted in normal video of a fixed camera: people cut out of it are put in again, some of them oddly."""
