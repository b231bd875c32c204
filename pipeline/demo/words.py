"""The word lists that invented people, companies and goods are made of."""

from __future__ import annotations

_FIRST_NAMES = """
Alma Anders Beatriz Bruno Carla Chloé Dalia Dominik Elif Emil Farah Felix Greta Hanna Idris Inès Ivo
Jana José Jürgen Kamala Kofi Lena Liam Lotte Łukasz Malik Marta Milan Nadia Nils Noor Olga Oskar
Paula Petra Quentin Ramona René Rosa Samir Selma Søren Tamar Theo Ulla Vera Viktor Wanda Yusuf Zoë
Zuzana
"""
_LAST_NAMES = """
Abbott Almeida Baker Bergström Calloway Castañeda Dupont Eriksen Falk Ferreira García Grønn Haddad
Hartley Iqbal Jansen Kaplan Kowalski Lindqvist Mbeki Moreau Müller Nakamura Novák Okafor Olsen
Pereira Quiñones Ravn Rossi Sandoval Schäfer Tanaka Thornton Ueda Valdés Vogel Walsh Weiss Yılmaz
Zielinski
"""
_COMPANY_HEADS = """
Alder Anchor Amber Birchwood Blue_Harbor Brightwell Canyon Cedar_Point Cobalt Copperfield Delta
Eastgate Fairview Falcon Granite Greenline Halcyon Hawthorn Ironbridge Juniper Kestrel Lakeside
Lantern Maple_Street Meridian Northwind Oakridge Orchard_Hill Pinnacle Quarry Redwood River_Bend
Saffron Silver_Birch Summit Tidewater Upland Violet Westbrook Willow Yellowstone
"""
FIRST_NAMES = tuple(_FIRST_NAMES.split())
LAST_NAMES = tuple(_LAST_NAMES.split())
COMPANY_HEADS = tuple(head.replace("_", " ") for head in _COMPANY_HEADS.split())
COMPANY_TRADES = (
    "Bakery",
    "Bicycles",
    "Catering",
    "Ceramics",
    "Components",
    "Dental Supply",
    "Electrical",
    "Fabrics",
    "Foods",
    "Furniture",
    "Garden Centre",
    "Instruments",
    "Joinery",
    "Laboratories",
    "Logistics",
    "Marine",
    "Office Supply",
    "Optics",
    "Packaging",
    "Plumbing",
    "Printing",
    "Roofing",
    "Textiles",
    "Tools",
)
US_ENDINGS = ("Inc.", "LLC", "Co.", "Corp.", "Group", "& Sons")
UK_ENDINGS = ("Ltd", "Limited", "LLP", "Partners", "& Daughters")
STREETS = (
    "Ash Lane",
    "Bridge Road",
    "Canal Street",
    "Dock Street",
    "Elm Avenue",
    "Foundry Lane",
    "Garden Row",
    "High Street",
    "Kiln Road",
    "Market Square",
    "Mill Lane",
    "Park Avenue",
    "Quay Street",
    "Station Road",
    "Tannery Way",
    "Union Street",
    "Vine Street",
    "Wharf Road",
)
US_CITIES = (
    "Albany, NY 12207",
    "Austin, TX 78701",
    "Boise, ID 83702",
    "Burlington, VT 05401",
    "Columbus, OH 43215",
    "Denver, CO 80202",
    "Madison, WI 53703",
    "Portland, OR 97205",
    "Santa Fe, NM 87501",
    "Tacoma, WA 98402",
)
UK_CITIES = (
    "Bath BA1 2QH",
    "Bristol BS1 4DJ",
    "Cardiff CF10 3AT",
    "Durham DH1 3HP",
    "Leeds LS1 5DL",
    "Norwich NR2 1TF",
    "Oxford OX1 1BX",
    "York YO1 7HH",
)
US_AREA_CODES = ("206", "303", "312", "415", "503", "512", "608", "617", "718", "802")
UK_EXCHANGES = (
    ("020", "7946"),
    ("0113", "496"),
    ("0117", "496"),
    ("0131", "496"),
    ("0151", "496"),
    ("0161", "496"),
)
GOODS = (
    "Archive box, grey",
    "Brass hinge 60 mm",
    "Cable reel 25 m",
    "Canvas apron",
    "Copy paper A4, 500 sheets",
    "Desk lamp, black",
    "Drill bit set",
    "Filter cartridge",
    "Floor mat 80 x 120",
    "Hand truck",
    "Label roll 50 mm",
    "Packing tape",
    "Pallet wrap",
    "Safety gloves, size 9",
    "Shelf bracket",
    "Steel ruler",
    "Storage bin, large",
    "Wall clock",
    "Work light LED",
)
FAULTS = (
    "Replaced worn door seal",
    "Cleaned drain and filter",
    "Reset controller after power cut",
    "Tightened loose belt",
    "Renewed thermostat",
    "Topped up coolant",
)
MACHINES = ("Cold room", "Dishwasher", "Freight lift", "Heat pump", "Ice maker", "Oven", "Press brake")
