"""Files that are written whole or not at all."""

from pathlib import Path
from uuid import uuid4


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file (text as UTF-8); one that exists is replaced only once the new one is complete."""
    # A name that no other process takes, on this machine or another one that shares the folder.
    temporary = path.with_name(f"{path.name}.{uuid4().hex}.tmp")
    temporary.write_bytes(content if isinstance(content, bytes) else content.encode())
    temporary.replace(path)
