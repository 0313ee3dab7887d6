"""The shop's own products, as SQLAlchemy models on the shop's own engine."""

from collections.abc import Mapping, Sequence

from orderflow_bridge_sqlalchemy.types import Key
from sqlalchemy import BigInteger, CheckConstraint, Engine, Text, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from orderflow_bridge.domain.product import Product

__all__ = ["CURRENCY", "Base", "Item", "ShopCatalogue"]

CURRENCY = "GBP"

_FIRST_PRODUCTS = (
    ("mug-ash", "Ash-glazed mug", "Thrown stoneware, 300 ml, no two alike.", 2200),
    ("bowl-rice", "Rice bowl", "Small, deep, and warm in both hands.", 1850),
    ("pot-side", "Side-handled teapot", "Holds 350 ml; pours without a drip.", 6800),
    ("caddy-tin", "Tea caddy", "Double-lidded tin for 100 g of leaves.", 1450),
    ("tea-sencha", "Sencha, 100 g", "Spring picking from Shizuoka.", 1250),
    ("tea-oolong", "Roasted oolong, 100 g", "Dark, nutty, good for five brews.", 1390),
)


class Base(DeclarativeBase):
    """The shop's tables."""


class Item(Base):
    """A product; its sku compares as bytes on every database, as the bridge's do."""

    __tablename__ = "product"
    __table_args__ = (CheckConstraint("pence >= 0", name="product_pence"),)

    sku: Mapped[str] = mapped_column(Key(64), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text)
    pence: Mapped[int] = mapped_column(BigInteger)
    for_sale: Mapped[bool] = mapped_column(default=True)


class ShopCatalogue:
    """Sell the shop's table through the bridge: the port `ProductCatalog`, and what pages need."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def prepare(self) -> None:
        """Make the tables, and fill the shop's own the first time."""
        Base.metadata.create_all(self._engine)
        with Session(self._engine) as session, session.begin():
            if session.scalars(select(Item.sku).limit(1)).first() is None:
                session.add_all(
                    Item(sku=sku, name=name, description=description, pence=pence)
                    for sku, name, description, pence in _FIRST_PRODUCTS
                )

    def items(self) -> Sequence[Item]:
        """Give what is for sale, by name."""
        with Session(self._engine) as session:
            return session.scalars(select(Item).where(Item.for_sale).order_by(Item.name)).all()

    def find(self, skus: Sequence[str], currency: str) -> Mapping[str, Product]:
        """Give the products for sale among `skus`; the shop has prices in pounds alone."""
        with Session(self._engine) as session:
            items = session.scalars(select(Item).where(Item.for_sale, Item.sku.in_(skus)))
            return {
                item.sku: Product(
                    sku=item.sku,
                    name=item.name,
                    unit_price=item.pence if currency == CURRENCY else None,
                )
                for item in items
            }
