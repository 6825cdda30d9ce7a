"""`vmemctl create`: makes a guest from a geometry preset, or from a capture of a real machine.

Its many options stand above the command, each with its help.
"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group

from clients.specs import GuestSpec, ImportSpec
from clients.vmemctl import arguments
from clients.vmemctl.load_report import load_report
from clients.vmemctl.progress import STANDARD_INPUT, open_upload
from clients.vmemctl.session import JsonOption, Session, open_session
from clients.vmemctl.tables import guest_details

_PRESET_PANEL = "A guest from a geometry preset"
_CAPTURE_PANEL = "A guest from a capture"

NameArgument = Annotated[
    str | None, typer.Argument(help="Name; the service chooses one when left out.", show_default=False)
]
PolicyOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME[+SWITCH=VALUE,...]",
        help="Kernel, and switches that differ from it; `vmemctl policies` lists them.",
        show_default="linux-5.19; with --from, the captured kernel's",
    ),
]
DeviceSpecOption = Annotated[
    list[str] | None,
    typer.Option(
        "--device",
        "-d",
        metavar="SIZE[:BLOCK][,node=N]",
        help="A virtio-mem device: its region, its block size, and its NUMA node; may be repeated. "
        "With --from: which memory is the device's: auto, zone:NAME, range:START-END or above:START.",
        show_default=False,
    ),
]
FallbackOption = Annotated[
    str | None,
    typer.Option(
        metavar="LEVEL,...",
        help="Levels of an unplug, largest first, of memory_block, chunk, section, pageblock.",
        show_default="the policy's own",
    ),
]
PresetOption = Annotated[
    str, typer.Option(help="Geometry; `vmemctl presets` lists them.", rich_help_panel=_PRESET_PANEL)
]
BootOption = Annotated[
    int | None,
    typer.Option(
        parser=arguments.size,
        metavar="SIZE",
        help="Boot memory.",
        show_default="1GiB",
        rich_help_panel=_PRESET_PANEL,
    ),
]
NumaOption = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE,...",
        help="Boot memory of each NUMA node, 0 for one that devices fill.",
        show_default="one node",
        rich_help_panel=_PRESET_PANEL,
    ),
]
RequestedOption = Annotated[
    list[int] | None,
    typer.Option(
        parser=arguments.size,
        metavar="SIZE",
        help="What the device has plugged at once; for several devices once, or once for each.",
        show_default="0",
        rich_help_panel=_PRESET_PANEL,
    ),
]
DriverOption = Annotated[
    str | None,
    typer.Option(
        metavar="none|NAME=VALUE,...",
        help="none: no driver is loaded; else its parameters: unplug_online, force_bbm, bbm_block_size, "
        "bbm_safe_unplug.",
        show_default="loaded, without parameters",
        rich_help_panel=_PRESET_PANEL,
    ),
]
CmaOption = Annotated[
    list[str] | None,
    typer.Option(
        "--cma",
        metavar="NAME:SIZE[@BASE]",
        help="A CMA area in boot memory; may be repeated.",
        show_default=False,
        rich_help_panel=_PRESET_PANEL,
    ),
]
OnlineOption = Annotated[
    str | None,
    typer.Option(
        metavar="POLICY",
        help="What the guest does with plugged memory: movable, kernel, online (contiguous zones), auto-movable or "
        "offline.",
        show_default="movable; with --from, what the capture says",
    ),
]
SettingOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="How memory is hotplugged, and what of boot memory is not free; may be repeated: "
        f"{', '.join(arguments.SETTINGS)}.",
        show_default=False,
        rich_help_panel=_PRESET_PANEL,
    ),
]
SeedOption = Annotated[
    int | None,
    typer.Option(help="Equal seeds make equal guests.", show_default="0"),
]
ClockOption = Annotated[
    str | None,
    typer.Option(
        metavar="MODE[:SCALE]",
        help="Who drives its clock: instant, manual, or realtime, as in realtime:60.",
        show_default="instant",
        rich_help_panel=_PRESET_PANEL,
    ),
]
CostOption = Annotated[
    str | None,
    typer.Option(
        metavar="PROFILE",
        help="What its acts take of simulated time: a cost profile of the service.",
        show_default="hyperalloc-2025",
        rich_help_panel=_PRESET_PANEL,
    ),
]
WorkloadOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|FILE.json",
        help="What fills the guest: idle, busy, fragmented ..., or steps of your own as a JSON array.",
        show_default=False,
        rich_help_panel=_PRESET_PANEL,
    ),
]
PhasesOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.json",
        help="What the guest's programs do over time, as `workload start` takes it.",
        show_default=False,
        rich_help_panel=_PRESET_PANEL,
    ),
]
CaptureOption = Annotated[
    Path | None,
    typer.Option(
        "--from",
        metavar="FILE.vmem",
        help='A capture of a real machine; "-" reads standard input.',
        show_default=False,
        rich_help_panel=_CAPTURE_PANEL,
    ),
]
BlockOption = Annotated[
    int | None,
    typer.Option(
        "--block-size",
        parser=arguments.size,
        metavar="SIZE",
        help="Block size of the device.",
        show_default="a pageblock",
        rich_help_panel=_CAPTURE_PANEL,
    ),
]
PerCpuOption = Annotated[
    str | None,
    typer.Option(
        "--per-cpu",
        metavar="WHICH",
        help="Which unmarked pages are taken to wait on per-cpu lists: auto, none or all.",
        show_default="auto",
        rich_help_panel=_CAPTURE_PANEL,
    ),
]
PinnedOption = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        metavar="FRACTION",
        help="Share of the movable pages that is taken to be pinned.",
        show_default="0",
        rich_help_panel=_CAPTURE_PANEL,
    ),
]


def create(  # noqa: PLR0913 - one argument for each option of the command line
    context: typer.Context,
    name: NameArgument = None,
    *,
    preset: PresetOption = "x86-64",
    policy: PolicyOption = None,
    boot: BootOption = None,
    numa: NumaOption = None,
    device: DeviceSpecOption = None,
    requested: RequestedOption = None,
    driver: DriverOption = None,
    cma: CmaOption = None,
    fallback: FallbackOption = None,
    online: OnlineOption = None,
    settings: SettingOption = None,
    seed: SeedOption = None,
    clock: ClockOption = None,
    cost: CostOption = None,
    workload: WorkloadOption = None,
    phases: PhasesOption = None,
    capture: CaptureOption = None,
    block_size: BlockOption = None,
    per_cpu: PerCpuOption = None,
    pinned: PinnedOption = None,
    as_json: JsonOption = False,
) -> None:
    """Makes a guest, from a geometry preset or (with --from) from a capture of a real machine."""
    session = open_session(context, as_json=as_json)
    common = _members(fallback, online, name=name, policy=policy, seed=seed)
    if capture is not None:
        where = ",".join(device or ()) or None
        options = ImportSpec(**common, device=where, block_size=block_size, per_cpu=per_cpu)
        _import(session, capture, replace(options, pinned_fraction=pinned))
        return
    spec = GuestSpec(
        **common,
        preset=preset,
        **arguments.boot_memory(boot, numa),
        devices=arguments.devices(device or (), requested or (), driver),
        cma_areas=arguments.cma_areas(cma) if cma else None,
        clock=None if clock is None else arguments.clock(clock),
        cost=None if cost is None else {"profile": cost},
        workload=None if workload is None else arguments.workload(workload),
        phases=None if phases is None else arguments.script(phases),
        **arguments.settings(settings or ()),
    )
    _create(session, spec)


def _members(
    fallback: str | None,
    online: str | None,
    **members: Any,  # noqa: ANN401 - of either spec
) -> dict[str, Any]:
    levels = None if fallback is None else arguments.comma_list(fallback)
    zone = None if online is None else arguments.online(online)
    return {"fallback": levels, "online": zone, **members}


def _create(session: Session, spec: GuestSpec) -> None:
    guest = session.client.create_guest(spec)
    session.print(guest, guest_details(guest))


def _import(session: Session, path: Path, spec: ImportSpec) -> None:
    if path != STANDARD_INPUT and not path.is_file():
        raise typer.BadParameter(f"{path} is no file")
    with open_upload(session, path) as capture:
        imported = session.client.import_guest(capture, spec)
    shown = Group(load_report(imported.load_report), guest_details(imported.guest))
    session.print(imported, shown)
