"""The demo's shop: a few products made up for it."""

__all__ = ["ADDRESS", "CATALOGUE", "CUSTOMER"]

CATALOGUE = """\
sku,name,price,currency,stock,tax_class
LAMP-01,Reading lamp with a linen shade,48.00,GBP,25,
LAMP-01,Reading lamp with a linen shade,56.00,EUR,25,
MUG-BLUE,"Stoneware mug, blue glaze",11.50,GBP,140,
MUG-SAND,"Stoneware mug, sand glaze",11.50,GBP,96,
NOTE-A5,"Notebook A5, dotted, 160 pages",7.95,GBP,,
BOOK-TIDE,The tide table reader (paperback),12.99,GBP,40,books
TEA-ASSAM,"Assam tea, loose leaf, 250 g",9.20,GBP,,
BAG-FELT,"Felt shopping bag, grey",24.00,GBP,3,
POST-CARD,Harbour postcard,0.85,GBP,500,
"""

CUSTOMER = {"email": "robin.example@shop.example", "name": "Robin Example"}

ADDRESS = {
    "name": "Robin Example",
    "line1": "12 Harbour Street",
    "city": "Whitby",
    "postal_code": "YO21 1AA",
    "country": "GB",
}
