"""What each operation of torch becomes; importing this enters all of them."""

from . import attention as attention
from . import convolution as convolution
from . import elementwise as elementwise
from . import indexing as indexing
from . import layout as layout
from . import pooling as pooling
from . import sampling as sampling
from . import sequence as sequence
from . import sums as sums
from . import tensors as tensors
