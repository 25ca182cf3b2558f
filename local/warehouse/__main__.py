"""``python -m local.warehouse``: the warehouse's own process, until SIGTERM.

The secrets come in the environment (``WAREHOUSE_…``), where other users of the machine cannot read them.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import threading
import time
from pathlib import Path

from local.warehouse.faults import Faults
from local.warehouse.https_server import WarehouseServer
from local.warehouse.spark import start_spark, stop_spark
from local.warehouse.thrift_service import WarehouseService
from local.warehouse.tokens import Tokens
from local.warehouse.wire import Processor

logger = logging.getLogger("local.warehouse")


def main() -> None:
    started = time.monotonic()
    _configure_logging()
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    options = _options()
    spark = start_spark(options.folder)
    spark.sql("SHOW SCHEMAS").collect()  # loads what every statement needs, so that the first one does not wait
    faults = Faults()
    server = WarehouseServer(
        options.certificate,
        options.key,
        http_path=options.http_path,
        tokens=_tokens(),
        faults=faults,
        latency_ms=options.latency_ms,
        answer=Processor(WarehouseService(spark, faults)).answer,
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    _write(options.port_file, str(server.server_port))
    logger.info("answers on port %d after %.1f s", server.server_port, time.monotonic() - started)
    stopped.wait()
    stop_spark()


def _tokens() -> Tokens:
    secrets = os.environ
    return Tokens(secrets["WAREHOUSE_TOKEN"], secrets["WAREHOUSE_CLIENT_ID"], secrets["WAREHOUSE_CLIENT_SECRET"])


def _configure_logging() -> None:
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("local.warehouse").setLevel(logging.INFO)
    # pyspark writes each failed statement's whole stack there; our own line and the client's answer say enough.
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="local.warehouse")
    parser.add_argument("--folder", type=Path, required=True, help="everything that Spark writes goes there")
    parser.add_argument("--port-file", type=Path, required=True, help="written when the warehouse answers")
    parser.add_argument("--certificate", type=Path, required=True)
    parser.add_argument("--key", type=Path, required=True)
    parser.add_argument("--http-path", required=True)
    parser.add_argument("--latency-ms", type=int, default=0, help="added to every request")
    return parser.parse_args()


def _write(path: Path, text: str) -> None:
    partial = path.with_suffix(".partial")
    partial.write_text(text)
    partial.rename(path)


if __name__ == "__main__":
    main()
