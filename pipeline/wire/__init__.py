"""Pure codecs of what goes over the wire, by family of API versions; client and emulator share them."""
