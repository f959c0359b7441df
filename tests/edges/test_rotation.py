"""Exchanging the API's credentials: nobody with old or new ones is locked out meanwhile, and reading stays bounded."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.authorize.check import PAUSE_AFTER_FAILURE_S, REREAD_S, REREADS_AT_ONCE, CredentialCheck
from functions.authorize.credentials import Credentials
from functions.common.errors import SecretUnreadable
from functions.common.secret_store import SecretVersion

ARN = "arn:aws:secretsmanager:us-east-1:000000000000:secret:api"
MAX_AGE, OVERLAP = 300.0, 3600.0
OLD, NEW, NEWEST, WRONG = (Credentials("demo", word) for word in ("old", "new", "newest", "guess"))


class Scene:
    """Secrets Manager, as far as the check uses it, and the time (both clocks show the same)."""

    def __init__(self) -> None:
        self.time = 1_000_000.0
        self.versions = [SecretVersion({"username": "demo", "password": "old", "api_key": "key"}, 0.0)]
        self.reads = 0
        self.down = False
        self.previous_down = False

    def version(self, arn: str, stage: str = "AWSCURRENT") -> SecretVersion | None:
        assert arn == ARN
        self.reads += 1
        if self.down or (self.previous_down and stage == "AWSPREVIOUS"):
            raise SecretUnreadable("down")
        place = -1 if stage == "AWSCURRENT" else -2
        return self.versions[place] if len(self.versions) >= -place else None

    def rotate(self, to: Credentials) -> None:
        fields = {"username": to.username, "password": to.password, "api_key": "key"}
        self.versions.append(SecretVersion(fields, self.time))

    def environment(self, overlap: float = OVERLAP) -> CredentialCheck:
        """A new environment of the function."""
        return CredentialCheck(self, ARN, MAX_AGE, overlap, clock=lambda: self.time, now=lambda: self.time)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_a_secret_is_read_once_within_its_age(scene: Scene) -> None:
    check = scene.environment()
    for _ in range(5):
        scene.time += 59
        assert check.check(OLD)
    assert scene.reads == 1
    scene.time += MAX_AGE
    assert check.check(OLD)
    assert scene.reads == 2


@pytest.mark.parametrize("warm", [True, False])
def test_both_credentials_are_good_from_the_rotation_to_the_end_of_the_overlap(scene: Scene, warm: bool) -> None:
    check = scene.environment()
    if warm:
        assert check.check(OLD)
        scene.time += 1
    scene.rotate(NEW)
    written = scene.time
    for later in (0.0, 1.0, MAX_AGE, OVERLAP - 1):
        scene.time = written + later
        for credentials in (NEW, OLD, NEW):
            assert check.check(credentials), (credentials.password, later)
            assert scene.environment().check(credentials), (credentials.password, later)
    scene.time = written + OVERLAP
    assert check.check(NEW)
    assert check.check(OLD) is None
    assert scene.environment().check(OLD) is None


def test_the_callers_key_is_always_the_one_in_the_usage_plan(scene: Scene) -> None:
    scene.rotate(NEW)
    scene.versions[0].fields["api_key"] = "a key that is gone"
    for credentials in (OLD, NEW):
        caller = scene.environment().check(credentials)
        assert caller is not None
        assert (caller.username, caller.api_key) == ("demo", "key")


def test_rotating_twice_or_an_overlap_of_nothing_ends_the_old_ones(scene: Scene) -> None:
    scene.rotate(NEW)
    assert scene.environment(overlap=0).check(OLD) is None
    assert scene.environment(overlap=0).check(NEW)
    scene.rotate(NEWEST)
    assert scene.environment().check(OLD) is None
    assert scene.environment().check(NEW)
    assert scene.environment().check(NEWEST)


def test_an_environment_that_nobody_wakes_forgets_old_ones_within_their_age(scene: Scene) -> None:
    check = scene.environment(overlap=0)
    assert check.check(OLD)
    scene.rotate(NEW)
    scene.time += MAX_AGE
    assert check.check(OLD) is None


def test_guessing_does_not_reach_secrets_manager_each_time(scene: Scene) -> None:
    check = scene.environment()
    # Rest earns no more than the few at once.
    scene.time += MAX_AGE - 11
    for _ in range(1000):
        scene.time += 0.01
        assert check.check(WRONG) is None
    assert scene.reads <= 1 + REREADS_AT_ONCE + 10 / REREAD_S


def test_new_credentials_are_known_soon_even_under_a_flood_of_wrong_ones(scene: Scene) -> None:
    check = scene.environment()
    for _ in range(500):
        scene.time += 0.01
        check.check(WRONG)
    scene.rotate(NEW)
    for _ in range(int(REREAD_S / 0.01) + 1):
        scene.time += 0.01
        check.check(WRONG)
    assert check.check(NEW)


# Apart by more than what wrong credentials may use up: a flood is another test's.
MOMENTS = st.lists(
    st.tuples(st.floats(3 * REREAD_S, 2 * OVERLAP / 10), st.sampled_from(["rotate", "guess", "wake", "cold"])),
    max_size=25,
)


@settings(max_examples=300)
@given(MOMENTS)
def test_at_no_moment_is_a_caller_of_a_rotation_locked_out(moments: list[tuple[float, str]]) -> None:
    """Whatever happens in between: who holds the newest credentials, or the ones before within the overlap, gets in."""
    scene = Scene()
    environments = [scene.environment()]
    held, before, rotated_at = OLD, None, -OVERLAP
    for pause, what in moments:
        scene.time += pause
        if what == "rotate":
            before, held = held, Credentials("demo", f"{scene.time}")
            scene.rotate(held)
            rotated_at = scene.time
        elif what == "guess":
            assert not any(check.check(WRONG) for check in environments)
        elif what == "wake":
            assert environments[0].check(held)
        else:
            environments.append(scene.environment())
        for check in environments:
            assert check.check(held)
            if before is not None and scene.time < rotated_at + OVERLAP:
                assert check.check(before)
            elif before is not None:
                assert check.check(before) is None


def test_an_outage_of_secrets_manager_is_bridged_for_one_age_only(scene: Scene) -> None:
    check = scene.environment()
    assert check.check(OLD)
    scene.down = True
    scene.time += 2 * MAX_AGE - 1
    assert check.check(OLD)
    assert check.check(WRONG) is None
    scene.time += 2
    with pytest.raises(SecretUnreadable):
        check.check(OLD)
    scene.down = False
    scene.time += PAUSE_AFTER_FAILURE_S
    assert check.check(OLD)


@pytest.mark.parametrize("later", [MAX_AGE, 3 * MAX_AGE])
def test_an_outage_is_not_asked_about_with_each_request(scene: Scene, later: float) -> None:
    check = scene.environment()
    assert check.check(OLD)
    scene.down = True
    scene.time += later
    before = scene.reads
    for _ in range(100):
        scene.time += PAUSE_AFTER_FAILURE_S / 100
        try:
            check.check(OLD)
        except SecretUnreadable:
            assert later > 2 * MAX_AGE
    assert scene.reads - before <= 2


def test_previous_credentials_that_cannot_be_had_keep_nobody_else_out(scene: Scene) -> None:
    warm = scene.environment()
    assert warm.check(OLD)
    scene.rotate(NEW)
    scene.previous_down = True
    assert warm.check(NEW)
    assert warm.check(OLD), "known from before"
    cold = scene.environment()
    assert cold.check(NEW)
    assert cold.check(OLD) is None
    scene.previous_down = False
    scene.time += REREAD_S
    assert cold.check(OLD)
    scene.versions[-2].fields.clear()
    assert scene.environment().check(NEW)


def test_previous_credentials_once_known_outlast_an_outage(scene: Scene) -> None:
    check = scene.environment()
    scene.rotate(NEW)
    assert check.check(OLD)
    scene.previous_down = True
    scene.time += MAX_AGE
    assert check.check(OLD)
    assert check.check(NEW)


def test_a_secret_without_a_value_lets_nobody_in(scene: Scene) -> None:
    scene.versions.clear()
    with pytest.raises(SecretUnreadable, match="no value"):
        scene.environment().check(OLD)
