"""The ``kioskd`` command: finds the sub-command and hands over to its module."""

from __future__ import annotations

import gc
import os
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Mapping, Sequence
from importlib import import_module
from io import TextIOWrapper

from daemon import __version__
from daemon.texts import LANGUAGES, Language, Text, terminal_language

FAILED = 1
USAGE = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells report it
BROKEN_PIPE = 141  # 128 + SIGPIPE

COMMANDS: Mapping[str, tuple[str, Text]] = {
    "run": ("daemon.run", Text("运行守护进程", "the daemon itself")),
    "check": ("daemon.check", Text("检查配置文件，列出全部错误", "check the configuration; every error at once")),
    "figures": ("daemon.figures.command", Text("每天的统计数字", "what the days came to: tickets, waits, ratings")),
    "events": ("daemon.events_command", Text("列出或导出已保存的事件", "what is stored: list, filter, export")),
    "slip": ("daemon.slip", Text("不用打印机，预览小票", "a slip as it will look, without a printer")),
    "bench": (
        "simulators.bench.cli",
        Text("在浏览器中打开一个全模拟的窗口", "a whole simulated counter in the browser"),
    ),
    "simulate": (
        "simulators.cli",
        Text("在 pty、TCP 或真实串口上模拟一个设备", "one simulated device on a pty, TCP port or tty"),
    ),
    "scan": ("daemon.scan", Text("列出已连接的设备，输出可粘贴的配置", "what is attached, as configuration to paste")),
    "doctor": (
        "daemon.doctor.cli",
        Text("说明什么不工作、该输入什么命令", "why something does not work, and what to type"),
    ),
    "watch": ("daemon.watch", Text("实时显示事件和状态", "events and states as they come")),
    "send": ("daemon.send", Text("发送一个命令并等待答复", "send a command and wait for its reply")),
}
"""Every sub-command: the module with its ``add_arguments(parser)`` and ``run(args) -> exit code``, and its help.

A module is imported only when its command is chosen. The simulators' stand here as names, in one table that
both sides can read: the packages `daemon` and `simulators` import nothing from each other, and a kiosk that
never simulates never loads a simulator.
"""

DESCRIPTION = Text(
    "驱动服务大厅自助机的取号打印机、叫号屏、评价器和电话，并通过 MQTT 如实报告。",
    "Drives a service hall's ticket printer, call displays, rating panels and phones, and tells the truth over MQTT.",
)
EPILOG = Text(
    """\
示例：
  kioskd bench                                   没有硬件也能试用
  kioskd check --config /etc/kioskd/kioskd.toml  改完配置后检查
  kioskd check --explain                         每个值是什么、从哪里来
  kioskd doctor                                  什么不工作、该输入什么命令
  kioskd run --config /etc/kioskd/kioskd.toml    运行

退出码：0 成功；1 失败或有错误；2 用法错误；78 run 的配置有误；130 被 Ctrl-C 中断。
文档：docs/configuration.zh-CN.md、docs/statuses.zh-CN.md；每个命令都有 --help。""",
    """\
examples:
  kioskd bench                                   try it without any hardware
  kioskd check --config /etc/kioskd/kioskd.toml  after every change of the configuration
  kioskd check --explain                         what each value is, and where it is from
  kioskd doctor                                  why something does not work, and what to type
  kioskd run --config /etc/kioskd/kioskd.toml    the daemon

exit codes: 0 success; 1 failed, or errors were found; 2 wrong usage; 78 run: the configuration is wrong;
130 interrupted by Ctrl-C.
documentation: docs/configuration.md, docs/statuses.md; and --help of every command.""",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in `argv` and give its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal without Chinese is no reason to crash
    try:
        code = _dispatch(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # whoever read our output went away; the interpreter's last flush must not complain again
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    return code


def _dispatch(arguments: list[str]) -> int:
    language, chosen = _look_ahead(arguments)
    parser, commands = _parser(language)
    if chosen is None:
        parser.parse_args(arguments)
        parser.print_help()
        return USAGE
    module_name, _ = COMMANDS[chosen]
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for some reads every installed package
    gc.disable()  # what importing makes is not garbage: looking for some takes a tenth of the time
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        print(_MISSING.fill(command=chosen, name=error.name).to(language), file=sys.stderr)
        return FAILED
    finally:
        gc.freeze()
        gc.enable()
    commands[chosen].set_defaults(language=language)
    module.add_arguments(commands[chosen])
    code: int = module.run(parser.parse_args(arguments))
    return code


_MISSING = Text(
    "kioskd {command}：没有安装 {name}（bench 需要安装 kioskd[bench]）",
    "kioskd {command}: {name} is not installed (bench needs kioskd[bench])",
)


def _look_ahead(arguments: Sequence[str]) -> tuple[Language, str | None]:
    """The language, and which command is meant: known before the whole is parsed, as each brings its own arguments."""
    parser = ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--language", nargs="?")
    parser.add_argument("command", nargs="?")
    found, _ = parser.parse_known_args(arguments)
    language = found.language if found.language in LANGUAGES else terminal_language(os.environ)
    return language, found.command if found.command in COMMANDS else None


def _parser(language: Language) -> tuple[ArgumentParser, Mapping[str, ArgumentParser]]:
    parser = ArgumentParser(
        prog="kioskd",
        description=DESCRIPTION.to(language),
        epilog=EPILOG.to(language),
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"kioskd {__version__}")
    parser.add_argument("--language", choices=LANGUAGES, default=language, help="default: by LC_ALL, LC_MESSAGES, LANG")
    group = parser.add_subparsers(dest="command", metavar="COMMAND", title=_TITLE.to(language))
    commands = {
        name: group.add_parser(name, help=summary.to(language), description=summary.to(language), allow_abbrev=False)
        for name, (_, summary) in COMMANDS.items()
    }
    return parser, commands


_TITLE = Text("命令", "commands")


if __name__ == "__main__":
    sys.exit(main())
