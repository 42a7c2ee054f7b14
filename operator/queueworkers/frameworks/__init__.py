"""The queue frameworks that pools may name in ``spec.framework``."""

from __future__ import annotations

from types import MappingProxyType

from queueworkers.frameworks.custom import CUSTOM
from queueworkers.frameworks.laravel import LARAVEL
from queueworkers.frameworks.thinkphp import THINKPHP

FRAMEWORKS = MappingProxyType({framework.name: framework for framework in (LARAVEL, THINKPHP, CUSTOM)})
"""By name, as in ``spec.framework``.  A new framework is one more file and one more entry."""
