"""The rules of one country are imported, not those of all: each web process has them in memory."""

import json
import subprocess
import sys

PROGRAM = """
import json, sys
from datetime import date
from askproai_core.public_holidays import public_holidays
from holidays.registry import COUNTRIES
def loaded():
    return sorted({name.split(".")[2] for name in sys.modules if name.startswith("holidays.countries.")} & set(COUNTRIES))
before, germany = loaded(), public_holidays("DE", "BE", 2026)
first = loaded()
broken = []
for _, code, *_ in COUNTRIES.values():
    try:
        public_holidays(code, None, 2026)
    except Exception as error:
        broken.append(f"{code}: {error!r}")
print(json.dumps([before, first, germany[date(2026, 10, 3)], broken, len(loaded()) == len(COUNTRIES)]))
"""


def test_each_countrys_holidays_load_without_the_others() -> None:
    output = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=True)
    before, first, name, broken, all_loaded = json.loads(output.stdout)
    assert before == []
    assert first == ["germany"]
    assert name == "Tag der Deutschen Einheit"
    assert broken == []
    assert all_loaded
