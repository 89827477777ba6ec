"""Methods, each behind the interface of `base.Adapter`. Knows datasets' clips, and nothing of the harness."""
