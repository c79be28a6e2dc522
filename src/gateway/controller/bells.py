"""How the loops of one term wake each other without knowing each other."""

from collections import defaultdict
from collections.abc import Callable
from enum import Enum, auto, unique

from gateway.domain.batch_job import PoolId


@unique
class Bell(Enum):
    """What a loop may be told to look at."""

    DISPATCH = auto()
    RESOLVE = auto()
    POLL = auto()
    CANCEL = auto()
    DELETE = auto()


Ringer = Callable[[PoolId | None], None]


class Bells:
    """Ringing a bell that nobody has hung up does nothing: in a test a loop may stand alone."""

    def __init__(self) -> None:
        self._ringers: defaultdict[Bell, list[Ringer]] = defaultdict(list)

    def hang(self, bell: Bell, ringer: Ringer) -> None:
        self._ringers[bell].append(ringer)

    def ring(self, bell: Bell, pool: PoolId | None = None) -> None:
        """Wake a loop for one pool, or for all of them."""
        for ringer in self._ringers[bell]:
            ringer(pool)
