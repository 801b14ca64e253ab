"""The command, also as ``python -m tap_servicetitan_dispatch``."""

import signal


def main() -> None:
    """Run the tap; until it takes the signals over, Ctrl-C ends the process without a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from tap_servicetitan_dispatch.tap import TapServiceTitanDispatch  # noqa: PLC0415 - takes long

    TapServiceTitanDispatch.cli()


if __name__ == "__main__":
    main()
