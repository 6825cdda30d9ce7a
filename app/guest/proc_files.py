"""The files of a guest's /proc, by name, as parsers of the real ones read them.

Left out: their texts (app.mm.vmstat, app.guest.programs.programs).
"""

from collections.abc import Callable, Mapping

from app.guest.programs.programs import Programs
from app.mm import vmstat
from app.mm.node import Node

PROC_FILES: Mapping[str, Callable[[Node, Programs], str]] = {
    "buddyinfo": lambda node, _: vmstat.buddyinfo(node),
    "pagetypeinfo": lambda node, _: vmstat.pagetypeinfo(node),
    "zoneinfo": lambda node, _: vmstat.zoneinfo(node),
    "meminfo": lambda node, _: vmstat.meminfo(node),
    "vmstat": lambda node, programs: programs.signals.vmstat(node),
    "loadavg": lambda _, programs: programs.loadavg(),
    "pressure/memory": lambda _, programs: programs.pressure(),
    "kmsg": lambda _, programs: programs.signals.log.text(),
}
