"""What `sam build` and `cargo lambda build` made: that it runs on Lambda, and how large it is."""

import io
import re
import zipfile

from check import Failed, expect, ok

# Of Amazon Linux 2023, on which `provided.al2023` runs.
GLIBC = (2, 34)
# What is aimed at, in bytes: Lambda fetches a program before it starts it.
MOST = 7_500_000
# e_machine of an ELF file, at offset 18.
AARCH64 = 0xB7


def pack(files, compression=zipfile.ZIP_STORED):
    """A ZIP as Lambda takes it; of {name: content}, all executable."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o755 << 16
            archive.writestr(entry, content, compression)
    return packed.getvalue()


def check(functions, built, cargo):
    """Of {logical id: binary}, the folder of `sam build` and that of cargo-lambda: {logical id:
    program}. Prints the sizes."""
    programs = {}
    print("| function | program | zipped | glibc |\n|---|---:|---:|---:|")
    total = 0
    for logical, name in sorted(functions.items(), key=lambda pair: pair[1]):
        files = sorted(file.name for file in (built / logical).iterdir())
        if files != ["bootstrap"]:
            raise Failed(f"{name}: sam build made {files}, not one program")
        program = (built / logical / "bootstrap").read_bytes()
        if program[:4] != b"\x7fELF" or int.from_bytes(program[18:20], "little") != AARCH64:
            raise Failed(f"{name} is no program for arm64")
        needs = max(
            (int(major), int(minor)) for major, minor in re.findall(rb"GLIBC_(\d+)\.(\d+)", program)
        )
        if needs > GLIBC:
            raise Failed(f"{name} needs glibc {needs}, Lambda has {GLIBC}")
        if len(program) > MOST:
            raise Failed(f"{name} has {len(program):,} bytes, and may have {MOST:,}")
        if program != (cargo / name / "bootstrap").read_bytes():
            raise Failed(f"{name}: sam build and cargo lambda build made different programs")
        zipped = len(pack({"bootstrap": program}, zipfile.ZIP_DEFLATED))
        total += zipped
        print(
            f"| `{name}` | {len(program) / 1e6:.2f} MB | {zipped / 1e6:.2f} MB "
            f"| {needs[0]}.{needs[1]} |"
        )
        programs[logical] = program
    print(f"| together | | {total / 1e6:.2f} MB | |")
    carrying = {
        functions[logical] for logical, program in programs.items() if b"GetSecretValue" in program
    }
    expect(
        "a program carries the code of its own function alone: "
        "the key check knows no Secrets Manager",
        False,
        "authorize-key" in carrying,
    )
    expect(
        "programs of cargo lambda build",
        sorted(functions.values()),
        sorted(folder.name for folder in cargo.iterdir()),
    )
    ok(
        f"{len(programs)} programs for arm64, none larger than {MOST / 1e6} MB, "
        f"none needs a glibc newer than {GLIBC[0]}.{GLIBC[1]}"
    )
    return programs
