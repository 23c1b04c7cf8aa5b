"""What stands around every page: sidebar, style, the map of concepts, what is loaded behind the first picture."""
