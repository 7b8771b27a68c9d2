"""Helpers of the course on multilingual and cross-lingual fine-tuning."""

import os

# torch's CPU library keeps its last 1,024 kernels, one for every shape of input. Texts have so many shapes that this
# takes hundreds of megabytes; with 64 of them training takes as long, and notebook 10 needs 0.4 GB less. Read once,
# when the first kernel is made, so it must be said before.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")
