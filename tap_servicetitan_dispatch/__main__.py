"""The commands; the tap's also as `python -m tap_servicetitan_dispatch`."""

import gc
import signal
import sys


def main() -> None:
    """Run the tap; until it takes the signals over, Ctrl-C ends the process without a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.disable()  # imports make nothing that is to be collected; to look for it takes a seventh
    from tap_servicetitan_dispatch.tap import TapServiceTitanDispatch  # noqa: PLC0415 - takes long

    gc.freeze()  # what start-up has made stays; no collection need look through it again
    gc.enable()
    TapServiceTitanDispatch.cli()


def sandbox() -> None:
    """Serve the sandbox on its own, if it was installed with the tap."""
    try:
        from tap_servicetitan_dispatch.sandbox.cli import main as serve  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        from tap_servicetitan_dispatch.errors import NoSandboxError  # noqa: PLC0415 - seldom

        sys.exit(f"servicetitan-sandbox: {NoSandboxError(error.name)}")
    serve()


def page() -> None:
    """Make pages of the marts, if the extra for them was installed with the tap."""
    try:
        from tap_servicetitan_dispatch.page.cli import main as make  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        from tap_servicetitan_dispatch.errors import NoPageError  # noqa: PLC0415 - seldom

        sys.exit(f"dispatch-page: {NoPageError(error.name)}")
    make()


if __name__ == "__main__":
    main()
