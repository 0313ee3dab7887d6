"""What the shop of the pages sells, to whom, and what its storefronts do wrong."""

from orderflow_bridge.domain.pricing import ShippingRate, TaxRate
from orderflow_bridge.domain.product import CatalogueEntry

__all__ = ["BUYERS", "CATALOGUE", "SHIPPING", "TAX"]

_EURO = 118

SHIPPING = (
    ShippingRate(method="post", name="Post", prices={"GBP": 395, "EUR": 850}),
    ShippingRate(method="courier", name="Courier", prices={"GBP": 790, "EUR": 1_490}),
)
TAX = (
    TaxRate(country="GB", rate="20"),
    TaxRate(country="IE", rate="23"),
    TaxRate(country="DE", rate="19"),
)


def _ware(
    sku: str, name: str, pence: int, stock: int | None = 400, *, active: bool = True
) -> CatalogueEntry:
    prices = {"GBP": pence, "EUR": pence * _EURO // 100}
    return CatalogueEntry(sku=sku, name=name, prices=prices, stock=stock, active=active)


CATALOGUE = (
    _ware("bowl-oat", "Breakfast bowl, oat", 1_890),
    _ware("bowl-slate", "Breakfast bowl, slate", 1_890),
    _ware("candle-fig", "Fig leaf candle", 2_400),
    _ware("fern-pot", "Fern in a stoneware pot", 3_250),
    _ware("gift-card-25", "Gift card", 2_500, None),
    _ware("jug-half", "Milk jug, half a litre", 1_625),
    _ware("mug-ash", "Ash-glazed mug", 2_200),
    _ware("mug-tenmoku", "Tenmoku mug", 2_200, 0),
    _ware("plate-dinner", "Dinner plate", 2_250),
    _ware("plate-side", "Side plate", 1_450),
    _ware("spoon-olive", "Olive wood spoon", 950),
    _ware("teapot-08", "Teapot, 0.8 litres", 5_400),
    _ware("vase-bud", "Bud vase", 2_975),
    _ware("wreath-2025", "Winter wreath", 3_900, 12, active=False),
)

BUYERS = {
    "GBP": (
        ("Ada Thornton", "ada@thornton.example", "12 Mill Lane", "Leeds", "LS1 4DY", "GB"),
        ("Bram Okafor", "bram@okafor.example", "8 Quay Street", "Bristol", "BS1 5TX", "GB"),
        ("Cleo Marsh", "cleo@marsh.example", "3 Rose Court", "York", "YO1 7HH", "GB"),
        ("Dara Finch", "dara@finch.example", "27 Harbour Road", "Edinburgh", "EH6 6QN", "GB"),
        ("Eli Novak", "eli@novak.example", "5 Castle Hill", "Lincoln", "LN1 3AA", "GB"),
        ("Farah Lindqvist", "farah@lindqvist.example", "41 Sea View", "Margate", "CT9 1JX", "GB"),
        ("Gwen Pritchard", "gwen@pritchard.example", "2 Chapel Row", "Conwy", "LL32 8AY", "GB"),
    ),
    "EUR": (
        ("Hannes Brandt", "hannes@brandt.example", "Lindenweg 14", "Bremen", "28195", "DE"),
        ("Ines Keller", "ines@keller.example", "Am Markt 3", "Lübeck", "23552", "DE"),
        ("Jarlath Byrne", "jarlath@byrne.example", "9 Pearse Road", "Sligo", "F91 Y8K2", "IE"),
        ("Kira Doyle", "kira@doyle.example", "16 Patrick Street", "Cork", "T12 KP84", "IE"),
    ),
}
"""Name, e-mail, street, city, postal code and country, by the currency that they pay in."""
