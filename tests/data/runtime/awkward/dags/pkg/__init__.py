from .constants import NAME
