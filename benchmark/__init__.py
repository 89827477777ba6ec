"""crossvad: which video anomaly detector still works on a camera it has never seen, after a few seconds of it?"""

__version__ = "0.1.0"
