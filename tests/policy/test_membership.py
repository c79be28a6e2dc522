"""Which principal belongs to which team, in which role."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.match import matches
from gateway.policy.membership import MAX_REMEMBERED, MemberIndex, Right, Role
from policy.samples import policy

POLICY = policy("""
    pools: []
    operators: ["jwt:corp:platform-oncall", "jwt:ops:*"]
    teams:
      ranking:
        members:
          submitters: ["mtls:spiffe://corp.example/ns/ranking/sa/*", "jwt:corp:both"]
          viewers: ["jwt:corp:dashboards", "jwt:corp:both"]
      search:
        members:
          submitters: ["mtls:spiffe://corp.example/ns/search/**"]
          viewers: ["jwt:corp:*", "mtls-dns:*.search.corp.example"]
""")


def test_an_exact_name_and_patterns_of_several_teams_add_up() -> None:
    found = POLICY.membership("jwt:corp:dashboards")
    assert found.roles == {"ranking": Role.VIEWER, "search": Role.VIEWER}
    assert not found.operator


def test_a_pattern_gives_its_team_alone() -> None:
    assert POLICY.membership("mtls:spiffe://corp.example/ns/ranking/sa/batch").roles == {"ranking": Role.SUBMITTER}
    assert POLICY.membership("mtls:spiffe://corp.example/ns/ranking/sa/a/b").roles == {}
    assert POLICY.membership("mtls:spiffe://corp.example/ns/search/sa/a/b").roles == {"search": Role.SUBMITTER}
    assert POLICY.membership("mtls-dns:web.search.corp.example").roles == {"search": Role.VIEWER}
    assert POLICY.membership("mtls-dns:a.web.search.corp.example").roles == {}


def test_who_is_named_nowhere_may_do_nothing() -> None:
    found = POLICY.membership("jwt:elsewhere:alice")
    assert not found.operator
    assert not any(may("ranking") for may in (found.may_read, found.may_write, found.may_cancel))


def test_a_submitter_who_is_also_a_viewer_is_a_submitter() -> None:
    assert POLICY.membership("jwt:corp:both").roles["ranking"] is Role.SUBMITTER


def test_viewers_read_and_submitters_write() -> None:
    viewer = POLICY.membership("jwt:corp:dashboards")
    assert viewer.may_read("ranking")
    assert not viewer.may_write("ranking")
    assert not viewer.may_cancel("ranking")
    submitter = POLICY.membership("mtls:spiffe://corp.example/ns/ranking/sa/batch")
    assert submitter.may_write("ranking")
    assert submitter.may_cancel("ranking")
    assert not submitter.may_read("search")


def test_operators_read_and_cancel_everywhere_and_create_nowhere() -> None:
    for name in ("jwt:corp:platform-oncall", "jwt:ops:alice"):
        operator = POLICY.membership(name)
        assert operator.operator
        assert operator.may_read("ranking")
        assert operator.may_cancel("ranking")
        assert not operator.may_write("ranking")


NAMES = st.text(st.sampled_from("ab:."), min_size=1, max_size=6)
PATTERNS = st.lists(st.sampled_from(["a", "b", ":", ".", "*", "**"]), min_size=1, max_size=6).map("".join)


@given(st.lists(st.tuples(PATTERNS.filter(lambda p: "***" not in p), st.sampled_from(list("xyz"))), max_size=8), NAMES)
def test_the_index_finds_what_trying_every_pattern_finds(rights: list[tuple[str, str]], name: str) -> None:
    index = MemberIndex((pattern, Right(team, Role.VIEWER)) for pattern, team in rights)
    assert index.of(name).roles.keys() == {team for pattern, team in rights if matches(pattern, name)}


def test_strangers_do_not_grow_the_memory_without_bound() -> None:
    index = MemberIndex([("jwt:corp:*", Right("ranking", Role.VIEWER))])
    for i in range(MAX_REMEMBERED + 100):
        index.of(f"jwt:corp:{i}")
    assert index.of.cache_info().currsize == MAX_REMEMBERED
