"""Write the page of the API: `python -m contract`."""

from __future__ import annotations

import sys

from contract.document import Document
from contract.page import PAGE, render

if __name__ == "__main__":
    PAGE.write_text(render(Document.read()), encoding="utf-8")
    sys.stdout.write(f"Wrote {PAGE.name}, {PAGE.stat().st_size / 1024:.0f} KiB.\n")
