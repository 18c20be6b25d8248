"""Say how much of the code the tests ran, and fail below a share of its lines.

python -m scripts.check_coverage coverage.xml --lines 90
"""

from __future__ import annotations

import argparse
import sys
from xml.etree import ElementTree


def main() -> int:
    """Print the shares; 1 if too few lines were run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", help="what `coverage xml` wrote")
    parser.add_argument("--lines", type=float, required=True, help="percent of lines, at least")
    arguments = parser.parse_args()
    root = ElementTree.parse(arguments.report).getroot()
    lines, branches = (100 * float(root.attrib[f"{kind}-rate"]) for kind in ("line", "branch"))
    print(f"covered: {lines:.1f} % of lines, {branches:.1f} % of branches")
    if lines < arguments.lines:
        print(f"at least {arguments.lines:.0f} % of lines are wanted", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
