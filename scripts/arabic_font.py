"""Makes an Arabic font whose text can be copied from a PDF: one glyph for each letter.

A ligature is one glyph for two letters, and readers such as pdftotext then give the two back in
the wrong order: "شركة" comes out as "رشكة", and so does every lam followed by alef. Here letters
join without ligatures, and lam-alef, which Arabic can't do without, becomes two glyphs: the
alef's draws the whole shape, the lam's is empty, and each is as wide as half of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fontTools.otlLib import builder
from fontTools.ttLib import TTFont, newTable
from fontTools.ttLib.tables import otTables
from fontTools.ttLib.tables._g_l_y_f import Glyph, GlyphComponent

#: What IBM Plex may not be called once it is changed: "Plex" is a reserved font name.
FAMILY = "Invoice Sans Arabic"

ALEFS = {0x622, 0x623, 0x625, 0x627, 0x671, 0x672, 0x673}
LAMS = {0x644, 0x6B5, 0x6B6, 0x6B7, 0x6B8, 0x76A}
#: A glyph's class in GDEF, and types of lookups in GPOS.
BASE = 1
MARK_TO_BASE = 4
MARK_TO_LIGATURE = 5


def copyable(source: Path, target: Path, style: str) -> None:
    """Writes `target`, the font without ligatures of letters and under its own name."""
    font = TTFont(source, recalcTimestamp=False)
    lookup = required_ligatures(font)
    pairs = lam_alef_pairs(font, lookup)
    halves = {pair: split(font, pair, ligature) for pair, ligature in pairs.items()}
    font.setGlyphOrder(font["glyf"].glyphOrder)
    replace_ligatures(font, lookup, halves)
    place_marks(font, pairs, halves)
    for name in ("dlig", "liga"):
        drop_feature(font, name)
    rename(font, style)
    font.save(target)


def required_ligatures(font: TTFont) -> Any:
    """The lookup of the ligatures that are always made."""
    gsub = font["GSUB"].table
    index = next(
        record.Feature.LookupListIndex[0]
        for record in gsub.FeatureList.FeatureRecord
        if record.FeatureTag == "rlig"
    )
    return gsub.LookupList.Lookup[index]


def lam_alef_pairs(font: TTFont, lookup: Any) -> dict[tuple[str, str], str]:
    """The lam's and the alef's glyph of each lam-alef, and the ligature that draws it."""
    letters = letters_of_forms(font)
    return {
        (first, ligature.Component[0]): ligature.LigGlyph
        for first, ligatures in lookup.SubTable[0].ligatures.items()
        for ligature in ligatures
        if letters.get(first) in LAMS and letters.get(ligature.Component[0]) in ALEFS
    }


def letters_of_forms(font: TTFont) -> dict[str, int]:
    """The letter of which a glyph is the initial, medial or final form."""
    gsub = font["GSUB"].table
    glyph_of = font.getBestCmap()
    forms = {}
    for record in gsub.FeatureList.FeatureRecord:
        if record.FeatureTag in {"init", "medi", "fina"}:
            for index in record.Feature.LookupListIndex:
                forms_of = gsub.LookupList.Lookup[index].SubTable[0].mapping
                for letter in LAMS | ALEFS:
                    glyph = glyph_of.get(letter)
                    if glyph in forms_of:
                        forms[forms_of[glyph]] = letter
    return forms


def split(font: TTFont, pair: tuple[str, str], ligature: str) -> tuple[str, str]:
    """Adds the empty glyph of the lam and the one of the alef that draws the ligature."""
    lam, alef = f"{pair[0]}.lam", f"{ligature}.alef"
    width = font["hmtx"][ligature][0]
    if lam not in font["glyf"].keys():  # noqa: SIM118 - the table has no __contains__
        add_glyph(font, lam, Glyph(), (width - width // 2, 0))
    drawing = Glyph()
    drawing.numberOfContours = -1
    part = GlyphComponent()
    part.glyphName, part.x, part.y, part.flags = ligature, 0, 0, 0x204
    drawing.components = [part]
    add_glyph(font, alef, drawing, (width // 2, font["hmtx"][ligature][1]))
    return lam, alef


def add_glyph(font: TTFont, name: str, glyph: Glyph, metrics: tuple[int, int]) -> None:
    """Adds a letter's glyph with its width and left side bearing."""
    font["glyf"][name] = glyph
    font["hmtx"][name] = metrics
    font["GDEF"].table.GlyphClassDef.classDefs[name] = BASE


def replace_ligatures(
    font: TTFont, lookup: Any, halves: dict[tuple[str, str], tuple[str, str]]
) -> None:
    """Turns the lookup of required ligatures into one that replaces lam and alef side by side."""
    lookups = font["GSUB"].table.LookupList
    glyph_map = font.getReverseGlyphMap()
    contexts = []
    for lam in sorted({first for first, _ in halves}):
        alefs = {alef: new for (first, alef), (_, new) in halves.items() if first == lam}
        empty = next(new for (first, _), (new, _) in halves.items() if first == lam)
        context = otTables.ChainContextSubst()
        context.Format = 3
        context.BacktrackCoverage, context.LookAheadCoverage = [], []
        context.InputCoverage = [
            builder.buildCoverage({lam}, glyph_map),
            builder.buildCoverage(set(alefs), glyph_map),
        ]
        context.SubstLookupRecord = []
        for position, mapping in enumerate(({lam: empty}, alefs)):
            record = otTables.SubstLookupRecord()
            record.SequenceIndex = position
            record.LookupListIndex = len(lookups.Lookup)
            context.SubstLookupRecord.append(record)
            lookups.Lookup.append(
                builder.buildLookup([builder.buildSingleSubstSubtable(mapping)], lookup.LookupFlag)
            )
        contexts.append(context)
    lookup.LookupType = 6
    lookup.SubTable = contexts
    lookup.SubTableCount = len(contexts)
    lookups.LookupCount = len(lookups.Lookup)


def place_marks(
    font: TTFont,
    pairs: dict[tuple[str, str], str],
    halves: dict[tuple[str, str], tuple[str, str]],
) -> None:
    """Gives the halves the places for vowel signs that the ligature's two components had."""
    lookups = font["GPOS"].table.LookupList.Lookup
    ligatures = next(x for x in lookups if x.LookupType == MARK_TO_LIGATURE).SubTable[0]
    places: dict[str, Any] = {}
    for pair, ligature in pairs.items():
        lam, alef = halves[pair]
        at = ligatures.LigatureCoverage.glyphs.index(ligature)
        first, second = ligatures.LigatureArray.LigatureAttach[at].ComponentRecord
        places[alef] = list(second.LigatureAnchor)
        moved = font["hmtx"][alef][0]
        places[lam] = [
            anchor and builder.buildAnchor(anchor.XCoordinate - moved, anchor.YCoordinate)
            for anchor in first.LigatureAnchor
        ]
    table = otTables.MarkBasePos()
    table.Format = 1
    table.MarkCoverage, table.MarkArray = ligatures.MarkCoverage, ligatures.MarkArray
    table.ClassCount = ligatures.ClassCount
    table.BaseCoverage = builder.buildCoverage(set(places), font.getReverseGlyphMap())
    table.BaseArray = otTables.BaseArray()
    table.BaseArray.BaseRecord = []
    for glyph in table.BaseCoverage.glyphs:
        record = otTables.BaseRecord()
        record.BaseAnchor = places[glyph]
        table.BaseArray.BaseRecord.append(record)
    table.BaseArray.BaseCount = len(places)
    bases = next(x for x in lookups if x.LookupType == MARK_TO_BASE)
    bases.SubTable.append(table)
    bases.SubTableCount = len(bases.SubTable)


def drop_feature(font: TTFont, tag: str) -> None:
    """Leaves a feature of GSUB with nothing to do."""
    for record in font["GSUB"].table.FeatureList.FeatureRecord:
        if record.FeatureTag == tag:
            record.Feature.LookupListIndex = []
            record.Feature.LookupCount = 0


def rename(font: TTFont, style: str) -> None:
    """Takes away every name that says Plex but the copyright, and gives the new one."""
    old = font["name"]
    copyright_notice, licence = old.getDebugName(0), old.getDebugName(13)
    font["name"] = new = newTable("name")
    new.names = []
    regular = style == "Regular"
    for name_id, text in {
        0: copyright_notice,
        1: FAMILY if regular else f"{FAMILY} {style}",
        2: "Regular",
        3: f"{FAMILY} {style}, after IBM Plex Sans Arabic 1.101",
        4: f"{FAMILY} {style}",
        5: "Version 1.101",
        6: f"{FAMILY.replace(' ', '')}-{style}",
        13: licence,
        16: FAMILY,
        17: style,
    }.items():
        new.setName(text, name_id, 3, 1, 0x409)
