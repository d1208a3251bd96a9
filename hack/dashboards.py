"""Renders the dashboards in hack/dashboards.yaml as Grafana's JSON. `make generate` writes the JSON into the chart.

tests/e2e/test_prometheus.py runs each query in a Prometheus that has scraped the demo.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

SOURCE: Final = "hack/dashboards.yaml"
_COLUMNS, _WIDTH, _HEIGHT = 24, 12, 8
_DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
_SCHEMA: Final = 39  # version of the JSON, which Grafana 10 and later upgrade


def load_dashboards() -> dict[str, Any]:
    """Return the dashboards by name, as hack/dashboards.yaml declares them."""
    loaded: dict[str, Any] = yaml.safe_load((Path(__file__).parent.parent / SOURCE).read_text("utf-8"))
    return loaded


def dashboard_files() -> Iterator[tuple[str, str]]:
    """Yield path and text of the JSON file of each dashboard in the chart."""
    for name, dashboard in load_dashboards().items():
        text = json.dumps(_render(name, dashboard), ensure_ascii=False, indent=1)
        yield f"charts/askproai/dashboards/{name}.json", f"{text}\n"


def _render(name: str, dashboard: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "uid": f"askproai-{name}",
        "title": f"AskProAI / {dashboard['title']}",
        "description": dashboard["description"],
        "tags": ["askproai"],
        "schemaVersion": _SCHEMA,
        "editable": False,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": list(_variables(dashboard))},
        "links": [
            {"type": "dashboards", "tags": ["askproai"], "title": "AskProAI", "asDropdown": True, "keepTime": True}
        ],
        "panels": [_panel(number, panel) for number, panel in enumerate(dashboard["panels"])],
    }


def _variables(dashboard: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    yield {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}
    if dashboard.get("ofTenants"):
        yield {
            "name": "tenant",
            "label": "Tenant",
            "type": "query",
            "datasource": _DATASOURCE,
            "query": {"query": "label_values(askproai_config_hash_info, tenant)", "refId": "tenants"},
            "refresh": 2,  # with each change of the time range
            "sort": 1,
            "includeAll": True,
            "allValue": ".+",
            "multi": True,
        }


def _panel(number: int, panel: Mapping[str, Any]) -> dict[str, Any]:
    is_table = panel.get("kind") == "table"
    per_row = _COLUMNS // _WIDTH
    return {
        "id": number + 1,
        "title": panel["title"],
        "type": panel.get("kind", "timeseries"),
        "datasource": _DATASOURCE,
        "gridPos": {"x": number % per_row * _WIDTH, "y": number // per_row * _HEIGHT, "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {"defaults": {"unit": panel.get("unit", "short"), "min": 0}, "overrides": []},
        "options": {}
        if is_table
        else {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": _DATASOURCE,
                "expr": " ".join(query.split()),
                "legendFormat": legend,
                **({"instant": True, "format": "table"} if is_table else {}),
            }
            for index, (legend, query) in enumerate(panel["queries"].items())
        ],
    }
