from m0 import x
from m0 import x
from m0 import x
from m0 import x
from m0 import x
from m0 import x
from m0 import x
from m0 import x
from m0 import x
from m0 import x
from m0 import x
from m0 import x
x()
try:
    from m0 import y
except ImportError:
    from m0 import y as y
try:
    from m0 import y
except ImportError:
    from m0 import y as y
try:
    from m0 import y
except ImportError:
    from m0 import y as y
try:
    from m0 import y
except ImportError:
    from m0 import y as y
try:
    from m0 import y
except ImportError:
    from m0 import y as y
try:
    from m0 import y
except ImportError:
    from m0 import y as y
try:
    from m0 import y
except ImportError:
    from m0 import y as y
try:
    from m0 import y
except ImportError:
    from m0 import y as y

y()
