"""States and countries, which are no identifiers, and the forms of post codes."""

from __future__ import annotations

SHORT = (
    "al|ak|az|ar|ca|co|ct|de|fl|ga|hi|id|il|in|ia|ks|ky|la|me|md|ma|mi|mn|ms|mo|mt|ne|nv|nh|nj|nm|ny|nc|nd|oh|ok|or|pa|ri|sc|sd|"
    "tn|tx|ut|vt|va|wa|wv|wi|wy|dc|pr|nsw|vic|qld|tas|act|nt|sa|on|qc|bc|ab|mb|sk|ns|nb|nl|pe"
)
SHORT_STATES = frozenset(SHORT.split("|"))
# Short forms that are words or abbreviations of notes as well.
WORDY_STATES = frozenset("in or me on hi ok de la al pa ma id ms md ne pe ab act co sa nt mt sc".split())
STATES = frozenset(
    (
        "alabama|alaska|arizona|arkansas|california|colorado|connecticut|delaware|florida|georgia|hawaii|idaho|illinois|"
        "indiana|iowa|"
        "kansas|kentucky|louisiana|maine|maryland|massachusetts|michigan|minnesota|mississippi|missouri|montana|nebraska|nevada|"
        "new hampshire|new jersey|new mexico|new york|north carolina|north dakota|ohio|oklahoma|oregon|pennsylvania|rhode island|"
        "south carolina|south dakota|carolina|dakota|tennessee|texas|utah|vermont|virginia|washington|west virginia|"
        "wisconsin|wyoming|ontario|"
        "quebec|british columbia|alberta|manitoba|saskatchewan|nova scotia|new brunswick|newfoundland|new south wales|queensland|"
        "tasmania|victoria|bayern|bavaria|saxony|catalonia|andalusia|hessen|sachsen|jalisco|kerala|punjab|gujarat|"
        "maharashtra|tamil nadu"
    ).split("|")
)
COUNTRIES = frozenset(
    (
        "england|scotland|wales|northern ireland|ireland|united kingdom|uk|germany|deutschland|france|spain|españa|italy|"
        "italia|mexico|"
        "méxico|india|nigeria|kenya|ghana|japan|china|canada|australia|new zealand|puerto rico|brazil|brasil|peru|vietnam|"
        "việt nam|"
        "philippines|sweden|norway|denmark|finland|poland|austria|switzerland|netherlands|belgium|portugal|greece|turkey|egypt|"
        "israel|south africa|ethiopia|argentina|chile|colombia|usa|us|united states|afghanistan|albania|algeria|angola|"
        "armenia|azerbaijan|belarus|bolivia|botswana|bulgaria|burma|cambodia|cameroon|congo|costa rica|croatia|cuba|cyprus|"
        "czech republic|czechia|dominican republic|ecuador|el salvador|eritrea|estonia|fiji|gambia|georgia|guatemala|"
        "guinea|guyana|haiti|honduras|hong kong|hungary|iceland|iran|iraq|ivory coast|jamaica|kazakhstan|kuwait|laos|"
        "latvia|lebanon|liberia|libya|lithuania|luxembourg|madagascar|malawi|malaysia|mali|malta|mauritius|moldova|"
        "mongolia|morocco|mozambique|myanmar|namibia|nepal|nicaragua|niger|oman|panama|papua new guinea|paraguay|qatar|"
        "romania|russia|rwanda|samoa|saudi arabia|senegal|serbia|sierra leone|singapore|slovakia|slovenia|somalia|south "
        "korea|north korea|korea|sri lanka|sudan|syria|taiwan|tanzania|togo|tonga|trinidad|tunisia|uganda|ukraine|uruguay|"
        "uzbekistan|venezuela|yemen|zambia|zimbabwe|america|europe|asia|africa|pakistan|bangladesh|thailand|indonesia|"
        "jordan|chad"
    ).split("|")
)
CODE = (
    r"[0-9]{5}(?:-[0-9]{4})?|[0-9]{3} [0-9]{2,3}|[0-9]{2}-[0-9]{3}|[0-9]{3}-[0-9]{4}|[0-9]{5}-[0-9]{3}|[0-9]{6}|"
    r"[0-9]{4}(?: [a-z]{2}\b)?|"
    r"[a-z]{1,2}[0-9][a-z0-9]? ?[0-9][a-z]{2}|[a-z][0-9][a-z] ?[0-9][a-z][0-9]"
)
