"""Writes docs/net.schema.json: the JSON schema of a net's structure, for editors.

python tools/write_schema.py           writes it
python tools/write_schema.py --check   says whether it is as it would be written
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
TARGET = ROOT / "docs" / "net.schema.json"


def text() -> str:
    """The whole file as it should be."""
    from netgraph import net_json_schema

    return json.dumps(net_json_schema(), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(0 if TARGET.read_text() == text() else "docs/net.schema.json is stale: run python tools/write_schema.py")
    TARGET.write_text(text())
