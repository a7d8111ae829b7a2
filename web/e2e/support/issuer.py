"""The issuer of logins that the laws of the service use, as a process: prints its address, ends by SIGTERM."""

import signal

from tests.server.oidc_provider import running_provider


def main() -> None:
    """Run until told to stop."""
    with running_provider() as provider:
        print(f"an issuer of logins on {provider.address}", flush=True)
        signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    signal.pthread_sigmask(
        signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT}
    )  # before any thread, so that all inherit it
    main()
