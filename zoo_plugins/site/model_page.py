"""The page of one export, and the same as `model.json`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from zoo_core.commands import shell_word, typed, use_of

from .comparing import Pair
from .drawing import Drawn, draw_graph
from .exhibits import Exhibit
from .facts import number, row_of, rows_in, text
from .filters import Filters, first_filters
from .hub_card import FILE as HUB_CARD
from .in_words import preprocessing, signature
from .markdown import rendered
from .pages import Pages
from .runs import Training, training_of

ROOT = "../../"
_SECTIONS = {
    "try": "Try it",
    "checks": "Checks",
    "training": "Training",
    "filters": "Filters",
    "graph": "Graph",
    "signature": "Inputs and outputs",
    "card": "Card",
    "files": "Files",
    "use": "Use it",
}
_LINK = re.compile(r"https?://[^\s\"<>]+")


class ModelPage:
    """What is made for one export: the page, the data, and pictures beside them."""

    def __init__(self, exhibit: Exhibit, *, address: str, pairs: Sequence[Pair] = ()) -> None:
        self.exhibit = exhibit
        self.row = row_of(exhibit)
        self.training: Training | None = training_of(exhibit.metadata)
        self.filters: Filters | None = first_filters(exhibit)
        self.graph: Drawn = draw_graph(exhibit)
        self.commands = _commands(exhibit, address)
        self.outputs = _outputs(exhibit.report)
        self.checks = [{key: text(each, key) for key in ("rule", "outcome", "detail")} for each in _checks(exhibit)]
        self.preprocessing = preprocessing(exhibit.metadata)
        self.signature = signature(exhibit.metadata)
        self.pairs = [pair for pair in pairs if exhibit.name in {pair.a, pair.b}]

    def html(self, pages: Pages) -> str:
        """The page."""
        words = self.exhibit.metadata
        source = text(words, "source")
        there = {"training": self.training, "filters": self.filters, "card": self.exhibit.card}
        sections = [(key, name) for key, name in _SECTIONS.items() if there.get(key, True)]
        return pages.page(
            "model.html",
            root=ROOT,
            row=self.row,
            report=self.exhibit.report if text(self.exhibit.report, "reference") else {"reference": ""},
            outputs=self.outputs,
            checks=self.checks,
            training=self.training,
            filters=self.filters,
            graph=self.graph,
            signature=self.signature,
            preprocessing=self.preprocessing,
            labels=_labels(words),
            card=rendered(self.exhibit.card) if self.exhibit.card else "",
            files=[{**each.to_json(), "link": quote(each.name)} for each in self.exhibit.files],
            source=source,
            source_link=source if _LINK.fullmatch(source) else "",
            left_out=self.exhibit.left_out,
            commands=self.commands,
            hub_card=HUB_CARD if self.exhibit.card else "",
            typed_name=shell_word(self.exhibit.name),
            sections=sections,
            pairs=[
                (pair.b if self.exhibit.name == pair.a else pair.a, f"{ROOT}{pair.place}/index.html")
                for pair in self.pairs
            ],
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON: everything that the page says."""
        run = self.training
        return {
            "schema": 1,
            **{key: value for key, value in self.row.items() if key not in {"source", "report", "error"}},
            "metadata": dict(self.exhibit.metadata),
            "report": self.row["report"],
            "bench": dict(self.exhibit.bench) or None,
            "signature": self.signature,
            "preprocessing": self.preprocessing,
            "graph": self.graph.to_json(),
            "run": None if run is None else {"name": run.name, "seconds": run.seconds, "epochs": list(run.rows)},
            "card": self.exhibit.card,
            "commands": dict(self.commands["listed"]),
            "files": [each.to_json() for each in self.exhibit.files],
        }

    def pictures(self) -> dict[str, bytes]:
        """The pictures beside the page, by name."""
        found = {picture.file: picture.content for picture in (self.training.pictures if self.training else ())}
        return found | ({self.filters.file: self.filters.content} if self.filters else {})


def _checks(exhibit: Exhibit) -> list[Mapping[str, Any]]:
    return rows_in(exhibit.report, "checks")


def _outputs(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = []
    for each in rows_in(report, "outputs"):
        error, bound, floors = (number(each.get(key)) for key in ("error", "bound", "floors"))
        if error is not None and bound is not None and floors is not None:
            used = error / bound if bound > 0 else 0.0 if error == 0 else 1.0
            found.append(
                {"name": text(each, "name"), "error": error, "bound": bound, "floors": floors, "used": round(used, 4)}
            )
    return found


def _labels(metadata: Mapping[str, Any]) -> list[str]:
    labels = metadata.get("labels")
    return [each for each in labels if isinstance(each, str)] if isinstance(labels, list) else []


def _commands(exhibit: Exhibit, address: str) -> dict[str, Any]:
    """How to get, check, use and cite it, as commands that can be pasted; `address` is where the site will be."""
    name = exhibit.name
    get = [f"mkdir -p {shell_word(name)} && cd {shell_word(name)}"]
    for each in exhibit.files:
        where = f"{address}{exhibit_page(exhibit)}{quote(each.name)}"
        get.append(f"curl --create-dirs -o {shell_word(each.name)} {shell_word(where)}")
    listed = [("Get it, with its report and card", "\n".join([*get, "cd .."]))] if address else []
    listed += [
        ("Check it on your machine; PyTorch is not needed", typed("verify", name)),
        ("Use it", use_of(name, exhibit.metadata)),
        ("Serve it over HTTP", typed("serve", name)),
        ("Cite it", _citation(exhibit)),
    ]
    return {"verify": typed("verify", name), "listed": listed}


def exhibit_page(exhibit: Exhibit) -> str:
    """The address of its page, below the site's."""
    return str(row_of(exhibit)["source"])


def _citation(exhibit: Exhibit) -> str:
    """As BibTeX; the hash says exactly which file is meant."""
    key = re.sub(r"[^A-Za-z0-9]+", "-", exhibit.name).strip("-") or "export"
    source = re.sub(r"[{}\\%\s]", "", text(exhibit.metadata, "source"))
    title = re.sub(r"[{}\\%]", "", exhibit.name)
    lines = [f"@misc{{{key},", f"  title = {{{title}}},"]
    lines += [f"  howpublished = {{\\url{{{source}}}}},"] if source else []
    return "\n".join([*lines, f"  note = {{ONNX file, sha256 {exhibit.files[0].sha256}}}", "}"])
