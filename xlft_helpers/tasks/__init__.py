"""Tasks: what a cross-lingual encoder is used for, each a small system with its metric."""
