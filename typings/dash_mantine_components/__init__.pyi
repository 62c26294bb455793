# The package brings no types. Every name of it is a component that takes children and properties.
from collections.abc import Callable

from dash.development.base_component import Component

def __getattr__(name: str) -> Callable[..., Component]: ...
