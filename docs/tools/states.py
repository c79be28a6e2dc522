"""Writes docs/states.md from the transition table, so that the page and the code cannot differ."""

import pages

from gateway.domain.states import ACTIVE, ENDS, MOVES, State

MEANING = {
    State.QUEUED: "Accepted and durable; held by the gateway until its turn. `waiting` says why.",
    State.SUBMITTING: "The create call is being sent, or its outcome is not known yet. It holds a slot.",
    State.PENDING: "Vertex has accepted the Vertex job and has not started it.",
    State.RUNNING: "Vertex is working through the rows.",
    State.PAUSED: "Vertex has paused the Vertex job.",
    State.CANCELLING: "A view, never stored: a cancel is wanted and the end is not known yet.",
    State.SUCCEEDED: "Every row was processed.",
    State.PARTIALLY_SUCCEEDED: "Some results are missing; `rows` and `partial_failures` say which.",
    State.FAILED: "It failed as a whole; `error` says why.",
    State.CANCELLED: "Cancelled; what was finished before stays in the output.",
    State.EXPIRED: "It waited too long, here or in Vertex.",
}

INTRODUCTION = """\
# States of a batch job

A batch job moves only along this table, and each move is written into `transitions` with its time, reason and actor.
A move that the table does not hold is refused by the code before it reaches the store.

- **Queued**: held by the gateway.
- **Active**: it holds a slot of its pool, whatever Vertex calls it.
- **Ended**: nothing leaves these states. A wait loop must stop at all five.

A cancel is a wish (`cancel_time`), not a state: from the wish to the end callers see CANCELLING, while the stored state
goes on following Vertex. SUCCEEDED may still win.
"""


def kind(state: State) -> str:
    if state in ENDS:
        return "ended"
    if state in ACTIVE:
        return "active"
    return "queued" if state is State.QUEUED else "view"


def diagram() -> str:
    """A Mermaid state diagram. Moves to the five ends are drawn to one box: every state that has one has them all."""
    lines = ["```mermaid", "stateDiagram-v2", "    direction LR", "    state Ended {"]
    lines += [f"        {state}" for state in State if state in ENDS]
    lines += ["    }", "    [*] --> QUEUED"]
    for state, targets in MOVES.items():
        lines += [f"    {state} --> {to}" for to in State if to in targets - ENDS]
        if targets >= ENDS:
            lines.append(f"    {state} --> Ended")
    return "\n".join([*lines, "```"])


def table() -> str:
    rows = ["| state | kind | meaning | may move to |", "| --- | --- | --- | --- |"]
    for state in State:
        targets = MOVES.get(state, frozenset())
        moves = ", ".join(to for to in State if to in targets) or "–"
        rows.append(f"| {state} | {kind(state)} | {MEANING[state]} | {moves} |")
    return "\n".join(rows)


def render() -> str:
    return f"{INTRODUCTION}\n{diagram()}\n\n{table()}"


if __name__ == "__main__":
    pages.run("states.md", render, tool="states.py", source="src/gateway/domain/states.py")
