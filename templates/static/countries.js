// Countries: their codes, and their names in the language of the page.

const CODES = "AD AE AF AG AI AL AM AO AR AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GT GU GW GY HK HN HR HT HU ID IE IL IM IN IO IQ IS IT JE JM JO JP KE KG KH KI KM KN KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RW SA SB SC SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW";

const names = new Intl.DisplayNames(["en"], { type: "region" });

/** @param {string} code @returns {string} */
export function countryName(code) {
  try {
    return names.of(code) ?? code;
  } catch {
    return code;
  }
}

/** All countries by name. @returns {{value: string, label: string}[]} */
export function countries() {
  return CODES.split(" ")
    .map((value) => ({ value, label: countryName(value) }))
    .sort((one, other) => one.label.localeCompare(other.label, "en"));
}

/** The country that the browser's language names, for a first guess. @returns {string} */
export function likelyCountry() {
  const region = new Intl.Locale(navigator.language).region ?? "";
  return CODES.split(" ").includes(region) ? region : "";
}
