"""Places for what costs memory as long as its caller likes, and who gives one up where all are taken."""

from collections import defaultdict

from gateway.api.interceptors.deadline import TimeLimit


class Place(TimeLimit):
    """How long a place may be held; less where it is needed for others."""

    __slots__ = ("gave_way",)

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.gave_way = False

    def give_way(self) -> None:
        """The time is up, as others need the place."""
        self.gave_way = True
        self.end()


class Places:
    """At most so many at a time. Where all are taken, who holds most of them gives up the one that it has held longest:
    so those who are done soon are not kept out by those who never are.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.taken = 0
        """How many are."""
        self._held: defaultdict[str, dict[Place, None]] = defaultdict(dict)

    def of(self, whose: str) -> int:
        """How many one of them holds."""
        return len(self._held.get(whose, ()))

    def take(self, whose: str, place: Place) -> None:
        """Hold a place until it is left or has to be given up."""
        if self.taken >= self.most:
            holder = max(self._held, key=self.of)
            longest = next(iter(self._held[holder]))
            self.leave(holder, longest)
            longest.give_way()
        self._held[whose][place] = None
        self.taken += 1

    def leave(self, whose: str, place: Place) -> None:
        held = self._held.get(whose, {})
        if place not in held:
            return  # It was given up before.
        del held[place]
        self.taken -= 1
        if not held:
            del self._held[whose]
