"""Purchase invoices: born-digital US Letter pages with a text layer, in four layouts."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from random import Random

from pipeline.demo import invention, words
from pipeline.demo.entries import (
    Entry,
    Manner,
    date_entry,
    integer_entry,
    money_entry,
    phone_entry,
    text_entry,
)
from pipeline.demo.invention import Place
from pipeline.types import FieldSpec

FIELDS = (
    FieldSpec("InvoiceNumber"),
    FieldSpec("InvoiceDate", "date"),
    FieldSpec("DueDate", "date"),
    FieldSpec("PurchaseOrder"),
    FieldSpec("CustomerName"),
    FieldSpec("VendorPhone", "phoneNumber"),
    FieldSpec("Packages", "integer"),
    FieldSpec("SalesTax", "currency", "currency"),
    FieldSpec("TotalDue", "currency", "currency"),
)
_TAX_RATES = ("0.05", "0.0725", "0.0825")


@dataclass(frozen=True, slots=True)
class Item:
    name: str
    quantity: int
    price: Decimal

    @property
    def amount(self) -> Decimal:
        return self.quantity * self.price


@dataclass(frozen=True, slots=True)
class Invoice:
    """What an invoice says. `entries` holds the fields and the decoys that were filled in, by name."""

    vendor: str
    vendor_place: Place
    customer_place: Place
    ship_to: str
    ship_place: Place
    items: tuple[Item, ...]
    entries: dict[str, Entry]
    manner: Manner

    def get(self, field: str) -> Entry | None:
        return self.entries.get(field)

    def __getitem__(self, field: str) -> Entry:
        return self.entries[field]


def invent(random: Random, manner: Manner) -> Invoice:
    items = tuple(_item(random, name) for name in random.sample(words.GOODS, random.randint(1, 6)))
    entries = [*_facts(random, manner), *_dates(random, manner), *_sums(random, items, manner)]
    return Invoice(
        vendor=invention.company(random),
        vendor_place=invention.us_place(random),
        customer_place=invention.us_place(random),
        ship_to=invention.person(random),
        ship_place=invention.us_place(random),
        items=items,
        entries={entry.field: entry for entry in entries},
        manner=manner,
    )


def _item(random: Random, name: str) -> Item:
    return Item(name, random.randint(1, 24), invention.amount(random, 2, 190))


def _facts(random: Random, manner: Manner) -> list[Entry]:
    number = random.choice(("{:05d}", "INV-{:05d}", "{:07d}", "A{:05d}")).format(random.randint(1200, 98999))
    order = text_entry("PurchaseOrder", f"PO-{random.randint(1000, 99999)}")
    return [
        text_entry("InvoiceNumber", number),
        *([order] if random.random() < 0.75 else []),
        text_entry("CustomerName", invention.company(random)),
        phone_entry("VendorPhone", invention.us_phone(random), manner),
        phone_entry("fax", invention.us_phone(random), manner),
        integer_entry("Packages", random.randint(1, 48)),
        text_entry("customer_number", f"{random.randint(10000, 99999)}"),
        text_entry("terms", random.choice(("Net 15", "Net 30", "Net 45", "2% 10, Net 30"))),
        text_entry("carrier", random.choice(("Ground", "Courier", "Freight", "Pick-up"))),
    ]


def _dates(random: Random, manner: Manner) -> list[Entry]:
    ordered = invention.day(random)
    invoiced = invention.later(random, ordered, 2, 20)
    return [
        date_entry("order_date", ordered, manner),
        date_entry("InvoiceDate", invoiced, manner),
        date_entry("DueDate", invention.later(random, invoiced, 14, 45), manner),
    ]


def _sums(random: Random, items: tuple[Item, ...], manner: Manner) -> list[Entry]:
    subtotal = sum((item.amount for item in items), Decimal(0))
    tax = (subtotal * Decimal(random.choice(_TAX_RATES))).quantize(Decimal("0.01"))
    freight = invention.amount(random, 5, 60)
    return [
        money_entry("subtotal", subtotal, manner),
        money_entry("freight", freight, manner),
        money_entry("SalesTax", tax, manner),
        money_entry("TotalDue", subtotal + tax + freight, manner),
    ]
