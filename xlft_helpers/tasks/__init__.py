"""Applications: what a multilingual model is put to work on."""
