"""`make test-clients`: build the programs of every language here, and run them against a real gateway."""

import argparse
import sys
from collections.abc import Iterable, Iterator

from clients import page
from clients.examples import EXAMPLES, FEATURES, run_example
from clients.prepare import forge_token, use_up_quota
from clients.results import Outcome, Result, closing, table
from clients.standing import Standing, standing
from clients.toolchains import TOOLCHAINS, BuildError, Toolchain
from clients.vertex import scenarios
from clients.vertex.registry import VERTEX_CLIENTS
from clients.vertex.running import run_clients


def main() -> None:
    parser = argparse.ArgumentParser(prog="clients", description="Run programs of every language against a gateway.")
    parser.add_argument("languages", nargs="*", help="only these")
    parser.add_argument("--write", action="store_true", help=f"keep the table of clients of Vertex AI in {page.PAGE}")
    parser.add_argument("--all", action="store_true", help="fail where anything is skipped")
    arguments = parser.parse_args()
    wanted = {each.lower() for each in arguments.languages}
    toolchains = [each for each in TOOLCHAINS if not wanted or each.language.lower() in wanted]
    built = {each.language: made for each in toolchains if (made := prepared(each)) is not None}
    with standing() as gateway:
        forge_token(gateway)
        use_up_quota(gateway)
        examples = [each for one in toolchains for each in told(examples_of(one.language, built, gateway))]
        clients = [each for one in toolchains for each in told(clients_of(one.language, built, gateway))]
    print("\n".join(["", *table("program", FEATURES, examples), "", *table("client", scenarios.FEATURES, clients)]))
    print(f"\n{closing([*examples, *clients])}")
    stale = page.keep(clients, write=arguments.write)
    print(stale)
    sys.exit(bool(stale) or not well([*examples, *clients], skips=not arguments.all))


def well(results: Iterable[Result], *, skips: bool) -> bool:
    """Whether nothing has failed, and, where no skips are allowed, nothing was skipped."""
    bad = {Outcome.FAILED} if skips else {Outcome.FAILED, Outcome.SKIPPED}
    return bad.isdisjoint(each.outcome for each in results)


def prepared(toolchain: Toolchain) -> str | None:
    """Build a language's programs. Answers why that could not be, empty where it could; None where it is not here."""
    if missing := toolchain.missing():
        print(f"{toolchain.language}: skipped, there is no {' and no '.join(missing)} here", flush=True)
        return None
    try:
        print(f"{toolchain.language}: built in {toolchain.build():.1f} s", flush=True)
    except BuildError as error:
        return str(error)
    return ""


def told(results: Iterable[Result]) -> Iterator[Result]:
    """The same, and each is told as it is known."""
    for result in results:
        print(f"{result.program}: {result.feature}: {result.outcome} {result.saw}".rstrip(), flush=True)
        yield result


def examples_of(language: str, built: dict[str, str], gateway: Standing) -> Iterator[Result]:
    """What comes of the examples of a language."""
    for example in EXAMPLES:
        if example.language == language:
            trouble = built.get(language)
            yield from without(example.program, FEATURES, trouble) if trouble != "" else run_example(example, gateway)


def clients_of(language: str, built: dict[str, str], gateway: Standing) -> Iterator[Result]:
    """What comes of the clients of Vertex AI that need a language."""
    clients = [each for each in VERTEX_CLIENTS if each.language == language]
    trouble = built.get(language)
    if trouble == "":
        yield from run_clients(clients, gateway)
    else:
        yield from (one for each in clients for one in without(each.program, scenarios.FEATURES, trouble))


def without(program: str, features: Iterable[str], trouble: str | None) -> Iterator[Result]:
    """The results of a program that was not run: skipped, or failed by what kept it from being built."""
    outcome = Outcome.SKIPPED if trouble is None else Outcome.FAILED
    return (Result(program, feature, outcome, trouble or "") for feature in features)


if __name__ == "__main__":
    main()
