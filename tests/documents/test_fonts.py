from __future__ import annotations

import json
import re

from fontTools.ttLib import TTFont

from tests.documents.samples import TEMPLATES

FONTS = TEMPLATES / "fonts"
FILES = sorted(FONTS.glob("*.[ot]tf"))


def test_the_coverage_file_says_what_the_fonts_have() -> None:
    coverage = json.loads((FONTS / "coverage.json").read_text())
    assert sorted(coverage) == [path.name for path in FILES]
    for path in FILES:
        with TTFont(path, lazy=True) as font:
            mapped = set(font.getBestCmap())
        said = {code for first, last in coverage[path.name] for code in range(first, last + 1)}
        assert said == mapped, path.name


def test_every_font_is_asked_for_by_the_template_and_every_one_asked_for_is_there() -> None:
    families = set()
    for path in FILES:
        with TTFont(path, lazy=True) as font:
            families.add(font["name"].getBestFamilyName())
    source = (TEMPLATES / "invoice.typ").read_text()
    listed = re.search(r"font: \((.*?)\)", source, re.DOTALL)
    assert listed
    assert set(re.findall(r'"(.*?)"', listed[1])) == families


def test_the_fonts_fit_into_a_lambda_package_beside_all_else() -> None:
    assert sum(path.stat().st_size for path in FONTS.iterdir()) < 16 * 2**20


def test_every_font_is_under_the_open_font_licence_and_no_reserved_name() -> None:
    notice = (FONTS / "OFL.txt").read_text()
    for path in FILES:
        with TTFont(path, lazy=True) as font:
            names = font["name"]
        assert "SIL Open Font License" in names.getDebugName(13), path.name
        family = path.name.partition("-")[0]
        assert re.search(rf"^{family}-", notice, re.MULTILINE), path.name
        assert not {"Plex", "Source"} & set(names.getBestFamilyName().split()), path.name
