"""The sides from which the program is attacked, each a module with a fixed and a random part."""

from . import argv, files, pictures, rendering, serve, state, streams, terminal

ALL = [streams, files, pictures, state, argv, serve, terminal, rendering]
