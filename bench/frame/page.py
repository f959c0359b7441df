"""Results as pages: Markdown for the repository, and one HTML page with everything in it, which needs no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import jinja2
from markdown_it import MarkdownIt

from bench.frame.comparison import Difference
from bench.frame.figures import number, ratio, spread
from bench.frame.plot import draw
from bench.frame.results import CaseResult, Result

_HTML = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Benchmarks</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: 1rem 0 } td, th { padding: .2rem .7rem; border-bottom: 1px solid #ddd }
td:nth-child(n+4), th:nth-child(n+4) { text-align: right } svg { max-width: 100%; height: auto }
code { background: #f3f3f3; padding: 0 .2rem } .missed { color: #b3261e } .reached { color: #1e7b34 }
</style>
<h1>Benchmarks</h1>
{% for result in results %}<section id="{{ result.name }}">
{{ texts[result.name] | safe }}
{{ pictures[result.name] | safe }}
</section>
{% endfor %}{% if differences %}<h2>Beside the last committed results</h2>
<table><tr><th>benchmark, case<th>contender, measure<th>now<th>then<th>times</tr>
{% for each in differences %}<tr><td>{{ each.benchmark }}, {{ each.case }}<td>{{ each.contender }}, {{ each.measure }}
<td>{{ spread(each.now) }}<td>{{ spread(each.then) }}<td>{% if each.clear %}<b class="
{{- 'reached' if each.better else 'missed' }}">{{ ratio(each.change) }}</b>{% else %}{{ ratio(each.change) }}{% endif %}
{% endfor %}</table>
{% endif %}</html>
"""


def html(results: Mapping[str, Result], differences: Sequence[Difference]) -> str:
    """The page with tables, pictures and the comparison."""
    template = jinja2.Environment(autoescape=True).from_string(_HTML)
    renderer = MarkdownIt().enable("table")
    return template.render(
        results=list(results.values()),
        texts={name: renderer.render(section(result)) for name, result in results.items()},
        pictures={name: _inline(draw(result, "svg")) for name, result in results.items()},
        differences=differences,
        spread=spread,
        ratio=ratio,
    )


def markdown(results: Mapping[str, Result]) -> str:
    """The page beside the pictures."""
    head = (
        "# Results\n\nWritten by `make bench KEEP=1` from `results.json`, which has every run. Bold is what the others "
        "of a case are compared with; a ratio is the median of the ratios of the rounds, with the least and the "
        "greatest of them.\n"
    )
    parts = [f"{section(result)}\n![{result.title}]({name}.png)\n" for name, result in results.items()]
    return "\n".join([head, *parts])


def section(result: Result) -> str:
    """One benchmark as Markdown, without its picture."""
    lines = [f"## {result.title}", "", result.about.strip(), "", _conditions(result), ""]
    lines += [
        "| case | contender | measure | lowest | median | highest | unit | ratio |",
        "|---|---|---|--:|--:|--:|---|--:|",
    ]
    for case in result.cases:
        lines += _rows(case)
    verdicts = [(case, verdict) for case in result.cases for verdict in case.verdicts()]
    if verdicts:
        lines += ["", "Goals:", ""]
    for case, verdict in verdicts:
        reached = "reached" if verdict.reached else "**missed**"
        what = f"{case.name}: {verdict.goal.contender}, {verdict.measure.name}"
        lines.append(f"- {what} {ratio(verdict.figure)}, goal {verdict.bound}: {reached}")
    return "\n".join([*lines, "", *(f"{note}\n" for note in result.notes)])


def _rows(case: CaseResult) -> list[str]:
    rows = []
    for contender in case.runs:
        base = contender == case.against
        for measure in case.measures:
            found = case.spread(contender, measure.name)
            cells = [
                case.name,
                f"**{contender}**" if base else contender,
                measure.name,
                *(number(value) for value in found),
                measure.unit,
                "1" if base else spread(case.ratio(contender, measure.name)),
            ]
            rows.append(f"| {' | '.join(cells)} |")
    return rows


def _conditions(result: Result) -> str:
    sizes = ", ".join(f"{name} {size:,}" for name, size in result.sizes.items())
    others = result.others()
    packages = ", ".join(f"{name} {version}" for name, version in result.versions.items())
    return (
        f"{result.rounds} rounds on {result.date[:10]}{f' at {result.commit}' if result.commit else ''}"
        f"{f' ({sizes})' if sizes else ''}, in {result.seconds:.0f} s, on {result.machine['processor']}, "
        f"{result.machine['memory']}, {result.machine['system']}; other work kept {ratio(others.median)} of its "
        f"processors busy (up to {ratio(others.most)}). Versions: {packages}."
    )


def _inline(svg: bytes) -> str:
    text = svg.decode()
    return text[text.index("<svg") :]
