"""`make test-clients`: build the programs of every language here, and run them against a real gateway."""

import argparse
import sys
from collections.abc import Iterator

from clients.examples import EXAMPLES, FEATURES, Example, run_example
from clients.prepare import forge_token, use_up_quota
from clients.results import Outcome, Result, closing, table
from clients.standing import Standing, standing
from clients.toolchains import TOOLCHAINS, BuildError, Toolchain


def main() -> None:
    parser = argparse.ArgumentParser(prog="clients", description="Run programs of every language against a gateway.")
    parser.add_argument("languages", nargs="*", help="only these")
    wanted = {each.lower() for each in parser.parse_args().languages}
    toolchains = [each for each in TOOLCHAINS if not wanted or each.language.lower() in wanted]
    built = {each.language: made for each in toolchains if (made := prepared(each)) is not None}
    with standing() as gateway:
        forge_token(gateway)
        use_up_quota(gateway)
        results = [result for each in toolchains for result in run_language(each.language, built, gateway)]
    print("\n".join(["", *table("program", FEATURES, results), "", closing(results)]))
    sys.exit(any(each.outcome is Outcome.FAILED for each in results))


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


def run_language(language: str, built: dict[str, str], gateway: Standing) -> Iterator[Result]:
    """Run the programs of a language, and tell of each feature as it is known."""
    for example in EXAMPLES:
        if example.language == language:
            for result in results_of(example, built.get(language), gateway):
                print(f"{result.program}: {result.feature}: {result.outcome} {result.saw}".rstrip(), flush=True)
                yield result


def results_of(example: Example, trouble: str | None, gateway: Standing) -> Iterator[Result]:
    """The results of one program, or of what kept it from being run."""
    if trouble == "":
        yield from run_example(example, gateway)
        return
    outcome = Outcome.SKIPPED if trouble is None else Outcome.FAILED
    yield from (Result(example.program, feature, outcome, trouble or "") for feature in FEATURES)


if __name__ == "__main__":
    main()
