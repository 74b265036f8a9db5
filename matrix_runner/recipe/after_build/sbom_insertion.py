"""The steps that put software bills of materials, the project's and ours, into the repaired wheel (PEP 770). Pure."""

from collections.abc import Iterator
from typing import Final

from msgspec.structs import replace

from matrix_runner.config.loading.settings import Settings
from matrix_runner.config.options.wheel_options import SBOMS
from matrix_runner.model.outcomes import StepKind
from matrix_runner.recipe.after_build.repairing import auditwheel_release
from matrix_runner.recipe.commands import Commands
from matrix_runner.recipe.image_facts import ImageFacts
from matrix_runner.recipe.step import Step
from matrix_runner.recipe.toolbox import calls_auditwheel

# Members are copied as they are, compressed: to pack a large wheel anew takes long, and would undo the compression that
# was chosen. RECORD is written anew at the end (binary distribution format), so that the file holds nothing twice:
# installers that unpack a wheel as it arrives would see both.
_PROGRAM: Final = """\
import base64, glob, hashlib, os, sys, time, zipfile
def give_up(text):
    text = "sboms: " + text + "\\n"
    sys.stderr.write(text if isinstance(text, str) else text.encode("utf-8"))
    sys.exit(1)
def quoted(name):
    return '"%s"' % name.replace('"', '""') if "," in name or '"' in name else name
wheels = glob.glob(os.path.join(sys.argv[1], "*.whl"))
if len(wheels) != 1:
    give_up("repair left %d wheels, not one" % len(wheels))
wheel, documents = wheels[0], {}
for path in sys.argv[2:]:
    path = path if isinstance(path, type(u"")) else path.decode("utf-8")
    name = os.path.basename(path)
    if not os.path.isfile(path):
        give_up("%s is no file of the project, as it is after the build" % path)
    if name in documents:
        give_up("two files are called %s" % name)
    with open(path, "rb") as file:
        documents[name] = file.read()
source = zipfile.ZipFile(wheel)
members = sorted(source.infolist(), key=lambda one: one.header_offset)
found = [one for one in members if one.filename.count("/") == 1 and one.filename.endswith(".dist-info/RECORD")]
if len(found) != 1:
    give_up("%s has %d files RECORD, not one" % (os.path.basename(wheel), len(found)))
record = found[0]
folder = record.filename[:-len("RECORD")] + "sboms/"
moment = time.gmtime(max(int(os.environ["SOURCE_DATE_EPOCH"]), 315532800))[:6]
present = dict((one.filename, one) for one in members)
rows, new = [], []
for name, content in sorted(documents.items()):
    target = folder + name
    if target in present:
        if source.read(target) != content:
            give_up("the wheel has another %s already" % target)
        continue
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode("ascii").rstrip("=")
    rows.append(u"%s,sha256=%s,%d" % (quoted(target), digest, len(content)))
    info = zipfile.ZipInfo(target, moment)
    info.external_attr, info.create_system, info.compress_type = 0o100644 << 16, 3, zipfile.ZIP_DEFLATED
    new.append((info, content))
lines = source.read(record).decode("utf-8").splitlines()
own = [number for number, line in enumerate(lines) if line.startswith(record.filename + ",")]
at = own[0] if own else len(lines)
text = u"\\n".join(lines[:at] + rows + lines[at:]) + u"\\n"
again = zipfile.ZipInfo(record.filename, record.date_time)
again.external_attr, again.create_system, again.compress_type = record.external_attr, 3, zipfile.ZIP_DEFLATED
with open(wheel, "rb") as old:
    ends = [one.header_offset for one in members[1:]] + [source.start_dir]
    partial = wheel + ".part"
    target = zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, allowZip64=True)
    for one, end in zip(members, ends):
        if one is record:
            continue
        old.seek(one.header_offset)
        left, one.header_offset = end - one.header_offset, target.fp.tell()
        while left:
            piece = old.read(min(left, 1 << 20))
            if not piece:
                give_up("%s is cut off" % os.path.basename(wheel))
            target.fp.write(piece)
            left -= len(piece)
        target.filelist.append(one)
        target.NameToInfo[one.filename] = one
    target.start_dir = target.fp.tell()
    target._didModify = True
    for info, content in new + [(again, text.encode("utf-8"))]:
        target.writestr(info, content)
    target.close()
source.close()
os.rename(partial, wheel)
print("sboms: %d put into the wheel" % len(rows))
"""
"""A program for any Python from 2.7 on. Arguments: the directory of the wheel, and the documents' paths."""


FIRST_WITH_OWNERS: Final = (6, 5)
"""The first auditwheel that asks for the owners of what it grafts (its source; 6.4.2 does not)."""


def lists_owners(settings: Settings, facts: ImageFacts) -> bool:
    """Whether repair lists the packages that own the libraries which it grafts."""
    release = auditwheel_release(facts)
    return calls_auditwheel(settings) and release is not None and release >= FIRST_WITH_OWNERS


def sbom_steps(commands: Commands) -> Iterator[Step]:
    """Yield the step that adds the documents of `sboms`, if there are any, to the only wheel in `Layout.repaired`."""
    names, layout = commands.settings[SBOMS], commands.layout
    if names:
        paths = tuple(f"{layout.project}/{name}" for name in names)
        yield _insertion(commands, paths, f"put {', '.join(names)} into the wheel")


def bill_step(commands: Commands, name: str) -> Step:
    """Return the step that adds a document of ours, in `Layout.bills`, to the only wheel in `Layout.repaired`."""
    shown = "list the grafted libraries that no package owns"
    return _insertion(commands, (f"{commands.layout.bills}/{name}",), shown)


def _insertion(commands: Commands, paths: tuple[str, ...], shown: str) -> Step:
    layout, tools = commands.layout, commands.tools
    argv = (f"{tools.python_bin}/python", "-E", "-s", "-c", _PROGRAM, layout.repaired, *paths)
    # Not in the project, whose modules may be named like those of the standard library.
    step = commands.step(StepKind.REPAIR, argv, path=(tools.python_bin,), cwd=layout.repaired)
    return replace(step, shown=shown)
