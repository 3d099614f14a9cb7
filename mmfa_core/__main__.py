"""Start the command line: python -m mmfa_core COMMAND ... (see --help)."""

import sys

from mmfa_core.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
