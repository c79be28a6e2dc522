"""The proof that a create is sent once: the real controller, stepped gate by gate through every order that matters.

**What runs.** The loops, submit and resolve of the product, unchanged, over a real PostgreSQL, Google's own client and
the emulator, on a clock that the proof drives. Nothing of them is modelled: a model proves only the model.

**Gates** (`gates.py`, `gated_store.py`, `gated_edges.py`). Every statement to the store, every commit, every request to
Vertex, the last moment before a create goes out, and every sleep on the clock stops at a gate. An *actor* is one line
of work: a leader's pass, a create under way, a caller who cancels, somebody at Vertex's console, time itself. The
scheduler (`scheduler.py`) opens one gate at a time and waits until that actor stands at its next one; so a list of
actors is a schedule, and the same list gives the same run. An actor that waits inside PostgreSQL for a lock is
recognised by `pg_blocking_pids` and put aside until whoever holds the lock has let go.

**Which orders.** Two steps depend on each other where one writes what the other reads or writes, or both want the same
lock (`footprints.py`); only their order can matter. After each run the search (`search.py`) looks for races, pairs of
dependent steps of two actors that nothing else ordered, and for each asks for the run in which the second came first.
What an earlier run already contains, up to the order of independent steps, is pruned before it is run. That is dynamic
partial-order reduction, ordered by the number of reversals. Whoever is interrupted stays frozen while the others do all
their work; so at one reversal the first leader has been frozen before each step where that can matter while the second
took over and did everything; at two, that one was interrupted as well, or the event came at every moment of it.
Hypothesis goes on from there, with more batch jobs, more events and up to eight interruptions.

**Judgement** (`audit.py`). After every schedule the world comes to rest: trouble ends, time passes T several times
over, the next leader makes its passes. Then an audit reads the emulator's record of calls and a log that a trigger
keeps in PostgreSQL, and knows nothing of the controller's own idea of what happened.

**Guards** (`guards.py`, `removals.py`). Each rule of the protocol can be taken out at run time. The proof is worth
something because the audit then finds a schedule that breaks a promise.
"""
