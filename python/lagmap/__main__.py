"""`python -m lagmap`"""

import sys

from lagmap._find import main

if __name__ == "__main__":
    sys.exit(main())
