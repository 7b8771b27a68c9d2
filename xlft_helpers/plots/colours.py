"""The colours of every figure, safe for colour-blind readers."""

PALETTE = "colorblind"
SEQUENTIAL = "cividis"
