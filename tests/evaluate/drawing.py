"""An engine that knows each answer with a set probability: it draws by the request's seed, so its truth is known exactly."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence

from medlms.types import Reply, Request


class Drawing:
    """Writes what ``says(request, draw)`` returns; ``draw`` is seeded by the request alone. ``order`` reorders the replies."""

    name = "drawing"
    path = "drawing"

    def __init__(
        self,
        says: Callable[[Request, random.Random], str],
        *,
        stop_after: int | None = None,
        order: Callable[[list[Request]], list[Request]] = list,
        finish: str = "stop",
    ) -> None:
        self.says, self.stop_after, self.order, self.finish = says, stop_after, order, finish
        self.asked: list[Request] = []

    def answer(self, requests: Sequence[Request]) -> Iterator[Reply]:
        for request in self.order(list(requests)):
            if self.stop_after is not None and len(self.asked) >= self.stop_after:
                raise KeyboardInterrupt
            self.asked.append(request)
            seed = f"{request.seed}" if request.temperature else request.id.partition("@")[0]
            text = self.says(request, random.Random(seed))
            words = sum(len(turn.text.split()) for turn in request.messages)
            yield Reply(request.id, text, self.finish, words, len(text.split()), 0.1, 0.1)

    score = choose = answer


def knows(share: float, options: int = 2) -> Callable[[Request, random.Random], str]:
    """Reasons, and names the right option (the question's number modulo ``options``) with this probability, else any other."""

    def says(request: Request, draw: random.Random) -> str:
        right = int(request.id.partition("@")[0].partition("/")[2]) % options
        others = [option for option in range(options) if option != right]
        chosen = right if draw.random() < share else draw.choice(others)
        return f"Option A or B? I weigh them.\nAnswer: {'ABCDEF'[chosen]}"

    return says
