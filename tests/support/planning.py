"""Settings, jobs and facts for tests of planning and of cells: the defaults, but for what a test says."""

from collections.abc import Mapping
from typing import Literal

from matrix_runner.catalog import Catalog
from matrix_runner.catalog.constraints import load_constraints
from matrix_runner.config.create_args.create_args import parse_create_args
from matrix_runner.config.kinds.values import ContainerEngine, EngineChoice
from matrix_runner.config.loading.layers import Origin, Setting
from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.options import OPTIONS
from matrix_runner.config.options.option import Option, Source
from matrix_runner.matrix import Execution, Host, Job
from matrix_runner.matrix.image_choice import ImageChoice
from matrix_runner.matrix.rungs import rungs_of
from matrix_runner.model.cells import Cell
from matrix_runner.model.platforms import Arch, Libc
from matrix_runner.recipe.cell_recipe import CellRecipe
from matrix_runner.recipe.image_facts import ImageFacts, InterpreterFacts
from matrix_runner.recipe.layout import Layout
from matrix_runner.recipe.toolbox import Toolbox

IMAGE_PATH = "/usr/local/bin:/usr/bin:/bin"


def settings_with(
    values: Mapping[Option[object], object] | None = None,
    *,
    source: Source = Source.FILE,
    project_name: str | None = None,
    requires_python: str | None = None,
) -> Settings:
    """Return the default settings with these values, all of which came from `source`."""
    given = {option.name: value for option, value in (values or {}).items()}

    def setting(option: Option[object]) -> Setting:
        if option.name in given:
            origin = Origin(source=source, text=f"test: {option.name}")
            return Setting(name=option.name, value=given[option.name], origin=origin, rank=1)
        default = Origin(source=Source.DEFAULT, text="default")
        return Setting(name=option.name, value=option.default, origin=default)

    origin = Origin(source=Source.FILE, text="test: requires-python")
    return Settings(
        resolved=tuple(map(setting, OPTIONS)),
        project_name=project_name,
        metadata_python=None
        if requires_python is None
        else Setting(name="requires-python", value=requires_python, origin=origin),
    )


def engine_with(*words: str, name: EngineChoice = EngineChoice.DOCKER) -> ContainerEngine:
    """Return the engine with these `create-args`."""
    return ContainerEngine(name=name, arguments=parse_create_args(words))


def elf_header(arch: Arch) -> bytes:
    """Return the first 40 bytes of a program of that architecture: its header, up to e_flags of a 32-bit file."""
    order: Literal["little", "big"] = "little" if arch.byte_order == "little" else "big"
    ident = b"\x7fELF" + bytes([1 if arch.bits == 32 else 2, 1 if order == "little" else 2, 1]) + bytes(9)
    flags = 0x05000400 if arch is Arch.ARMV7L else 0
    return ident + (2).to_bytes(2, order) + arch.elf_machine.to_bytes(2, order) + bytes(16) + flags.to_bytes(4, order)


def facts_for(
    cell: Cell,
    directory: str,
    *,
    modules: tuple[str, ...] = ("pip", "ensurepip", "venv", "build"),
    tools: tuple[str, ...] = ("auditwheel", "patchelf", "uv"),
) -> ImageFacts:
    """Return what an image that suits the cell is seen to hold: one interpreter, and tools."""
    interpreter = InterpreterFacts(
        directory=directory,
        version="0.0.0",
        modules=frozenset(modules),
        extension_suffix=None,
    )
    return ImageFacts(
        machine=cell.platform.arch.tag,
        elf=elf_header(cell.platform.arch),
        libc=cell.platform.libc,
        libc_version="2.31" if cell.platform.libc is Libc.GLIBC else "1.2",
        path=IMAGE_PATH,
        plat=f"{cell.platform.libc}_2_31_{cell.platform.arch}",
        tools=tuple((tool, f"{tool} 1.0") for tool in tools),
        directories=(directory,),
        interpreters=(interpreter,),
    )


def job_for(
    identifier: str,
    catalog: Catalog,
    settings: Settings | None = None,
    *,
    image: str = "registry/image:1",
    host: Host | None = None,
) -> Job:
    """Return the job of a cell that the catalog knows, natively if no host is given."""
    cell = Cell.parse(identifier)
    known = catalog.known(cell.interpreter)
    own, choice = settings or settings_with(), ImageChoice(reference=image, family=None, origin="test")
    return Job(
        cell=cell,
        directories=known.directories,
        image=choice,
        settings=own,
        ladder=rungs_of(own, cell.platform.arch, choice, catalog),
        remark=catalog.remark(cell),
        execution=Execution.NATIVE if host is None else host.execution(cell.platform.arch),
    )


def recipe_for(
    job: Job,
    *,
    modules: tuple[str, ...] = ("pip", "ensurepip", "venv", "build"),
    tools: tuple[str, ...] = ("auditwheel", "patchelf", "uv"),
    is_disposable: bool = True,
    root: str = "",
    package: str = "",
    passed: tuple[tuple[str, str], ...] = (),
    groups: tuple[str, ...] = (),
) -> CellRecipe:
    """Return the recipe of a job in an image with these modules and tools."""
    facts = facts_for(job.cell, job.directories[0], modules=modules, tools=tools)
    toolbox = Toolbox(
        cell=job.cell,
        settings=job.settings,
        facts=facts,
        interpreter=facts.interpreters[0],
        layout=Layout(root=root, inner=package),
        is_disposable=is_disposable,
        pinned=load_constraints(),
    )
    return CellRecipe(job=job, tools=toolbox, epoch=1_000_000_000, passed=passed, groups=groups)
