"""The frame of the benchmarks: turns, ratios by round, goals, comparison, files, pages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from rich.console import Console

from bench import __main__ as command
from bench.errors import ContenderError, ResultsError, UnknownBenchmarkError, UnknownSizeError
from bench.frame import comparison, page, results, screen
from bench.frame.benchmark import Benchmark, Case, Goal, Measure, Place
from bench.frame.plot import draw
from bench.frame.registry import check_sizes, choose, find
from bench.frame.results import Result, Spread
from bench.frame.rounds import run

RATE = Measure("rate", "rows/s")


@pytest.fixture(autouse=True)
def _no_collection(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before each run garbage is collected, which takes its time in a process full of other tests' modules."""
    monkeypatch.setattr("bench.frame.rounds.gc.collect", lambda: 0)


def contender(figures: list[float], seen: list[str] | None = None, name: str = "") -> Callable[[], Mapping[str, float]]:
    """Gives the figures one after the other, and notes that it was asked."""
    rest = iter(figures)

    def measure() -> Mapping[str, float]:
        if seen is not None:
            seen.append(name)
        return {"rate": next(rest)}

    return measure


def measured(*cases: Case, rounds: int = 3, axis: str | None = None, only: tuple[str, ...] = ()) -> Result:
    def prepare(place: Place) -> Iterator[Case]:
        yield from cases

    benchmark = Benchmark("sample", "A sample", "Of **nothing**.", prepare, rounds=rounds, axis=axis)
    return run(benchmark, {}, lambda *_: None, only=only)


def sample(ours: list[float], goals: tuple[Goal, ...] = (), at: float | None = None) -> Case:
    contenders = {"peer": contender([100.0, 200.0, 400.0]), "ours": contender(ours)}
    return Case("a case", [RATE], contenders, "peer", goals, at=at, warm=0)


def test_contenders_take_turns_and_each_is_first() -> None:
    seen: list[str] = []
    contenders = {name: contender([1.0] * 4, seen, name) for name in ("a", "b", "c")}
    result = measured(Case("turns", [RATE], contenders, "a", warm=1))
    rounds = [seen[start : start + 3] for start in range(0, len(seen), 3)]
    assert [sorted(each) for each in rounds] == [["a", "b", "c"]] * 4
    assert {each[0] for each in rounds[1:]} == {"a", "b", "c"}
    # The warm round is not counted.
    assert [len(runs) for runs in result.cases[0].runs.values()] == [3, 3, 3]


def test_a_ratio_is_made_within_each_round() -> None:
    # The machine gets four times as fast: the medians of the figures would give 1, the rounds' ratios give a half.
    result = measured(sample([50.0, 100.0, 200.0]))
    assert result.cases[0].ratio("ours", "rate") == Spread(0.5, 0.5, 0.5)
    mixed = measured(sample([200.0, 100.0, 400.0]))
    assert mixed.cases[0].ratio("ours", "rate") == Spread(0.5, 1.0, 2.0)


def test_goals_are_judged_by_the_median() -> None:
    goals = (
        Goal("ours", against="peer", least=0.5),
        Goal("ours", against="peer", least=0.51),
        Goal("ours", most=100.0),
        Goal("ours", most=99.0),
    )
    verdicts = measured(sample([50.0, 100.0, 200.0], goals)).cases[0].verdicts()
    assert [verdict.reached for verdict in verdicts] == [True, False, True, False]
    assert verdicts[0].bound == "at least 0.5 of peer"
    assert verdicts[2].bound == "at most 100 rows/s"


def test_one_contender_is_measured_beside_what_it_is_compared_with() -> None:
    contenders = {name: contender([1.0] * 3) for name in ("peer", "ours", "theirs")}
    goals = (Goal("ours", against="peer", least=1), Goal("theirs", against="peer", least=1))
    result = measured(Case("a case", [RATE], contenders, "peer", goals, warm=0), only=("ours",))
    assert list(result.cases[0].runs) == ["peer", "ours"]
    assert [goal.contender for goal in result.cases[0].goals] == ["ours"]


def test_a_contender_that_fails_or_gives_other_measures_is_named() -> None:
    def fail() -> Mapping[str, float]:
        raise ZeroDivisionError("by nothing")

    for wrong, words in ((fail, "ours failed in round 1"), (lambda: {"speed": 1.0}, "ours gave speed in round 1")):
        with pytest.raises(ContenderError, match=words):
            measured(Case("a case", [RATE], {"peer": contender([1.0]), "ours": wrong}, "peer", warm=0))


def test_a_benchmark_that_cannot_be_prepared_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(place: Place) -> Iterator[Case]:
        place.stack.callback((tmp_path / "undone").touch)
        raise OSError("no disk")
        yield

    found = {
        "first": Benchmark("first", "First", "", broken),
        "second": Benchmark("second", "Second", "", lambda place: iter([sample([1.0] * 3)]), rounds=3),
    }
    monkeypatch.setattr(command, "find", lambda: found)
    monkeypatch.setattr(command, "LAST", tmp_path / "last")
    monkeypatch.setattr(command, "KEPT", tmp_path / "kept")
    assert command.main([]) == 1
    assert "first could not be made ready: OSError('no disk')" in capsys.readouterr().out
    assert set(results.read(tmp_path / "last" / "results.json")) == {"second"}
    assert (tmp_path / "undone").exists()


def test_results_survive_the_file(tmp_path: Path) -> None:
    found = {"sample": measured(sample([50.0, 100.0, 200.0], (Goal("ours", against="peer", least=0.5),)))}
    results.write(tmp_path / "results.json", found)
    assert results.read(tmp_path / "results.json") == found
    assert results.read(tmp_path / "none.json") == {}
    # Every run is there, not only what is made of it.
    kept = json.loads((tmp_path / "results.json").read_text())["sample"]["cases"][0]["runs"]["ours"]
    assert [each["values"]["rate"] for each in kept] == [50.0, 100.0, 200.0]
    assert all("others" in each["load"] for each in kept)
    (tmp_path / "results.json").write_text("{}x")
    with pytest.raises(ResultsError, match=r"results\.json"):
        results.read(tmp_path / "results.json")


def test_the_comparison_tells_noise_from_change() -> None:
    then = {"sample": measured(sample([50.0, 110.0, 200.0]))}
    same = comparison.compare({"sample": measured(sample([52.0, 110.0, 190.0]))}, then)
    assert [each.clear for each in same] == [False]
    faster = comparison.compare({"sample": measured(sample([100.0, 200.0, 400.0]))}, then)
    assert [(each.clear, each.better, each.change) for each in faster] == [(True, True, 2.0)]
    slower = comparison.compare({"sample": measured(sample([10.0, 20.0, 40.0]))}, then)
    assert [(each.clear, each.better) for each in slower] == [(True, False)]
    assert comparison.compare({"other": then["sample"]}, then) == []


@pytest.mark.parametrize("axis", [None, "rows"])
def test_the_page_needs_no_network(axis: str | None) -> None:
    at = [1.0, 10.0] if axis else [None]
    found = {"sample": measured(*(sample([50.0, 100.0, 200.0], at=each) for each in at), axis=axis)}
    text = page.html(found, comparison.compare(found, found))
    assert "<svg" in text
    assert "<strong>nothing</strong>" in text
    assert not re.search(r"""(src|href)=["'](?!#)|url\((?!#)|<script|@import""", text)


def test_the_same_results_give_the_same_picture() -> None:
    result = measured(sample([50.0, 100.0, 200.0]))
    assert draw(result, "svg") == draw(result, "svg")
    assert draw(result, "png").startswith(b"\x89PNG")


def test_notes_are_on_the_screen_and_on_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    def prepare(place: Place) -> Iterator[Case]:
        place.notes.append("A peer was left out.")
        yield sample([1.0] * 3)

    result = run(Benchmark("sample", "A sample", "", prepare, rounds=3), {}, lambda *_: None)
    screen.show(Console(width=140), result)
    assert "A peer was left out." in capsys.readouterr().out
    assert "A peer was left out." in page.html({"sample": result}, [])


def test_unknown_names_are_refused() -> None:
    known = find()
    assert {"capture", "cold-start", "prune", "projection", "queries"} <= set(known)
    with pytest.raises(UnknownBenchmarkError, match="querys: choose from"):
        choose(known, ["querys"])
    with pytest.raises(UnknownSizeError, match="rowz"):
        check_sizes(choose(known, ["queries"]), {"rowz": 3})


def test_the_command_writes_and_keeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = {"missed": [50.0, 100.0, 200.0], "gone": [1.0, 1.0, 1.0]}
    goal = (Goal("ours", against="peer", least=0.9),)

    def benchmark(name: str) -> Benchmark:
        return Benchmark(name, name, "", lambda place: iter([sample(figures[name], goal)]), rounds=3)

    monkeypatch.setattr(command, "find", lambda: {name: benchmark(name) for name in figures})
    monkeypatch.setattr(command, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(command, "LAST", tmp_path / "last")
    assert command.main(["gone", "--keep"]) == 0
    assert command.main(["missed", "--keep"]) == 0
    assert command.main(["missed", "--strict"]) == 1
    # What was not run again is kept.
    assert set(results.read(tmp_path / "kept" / "results.json")) == {"gone", "missed"}
    assert set(results.read(tmp_path / "last" / "results.json")) == {"missed"}
    assert {path.name for path in (tmp_path / "kept").iterdir()} == {
        "README.md", "results.json", "gone.png", "missed.png"
    }  # fmt: skip
    assert "missed" in capsys.readouterr().out
    assert command.main(["none"]) == 2
