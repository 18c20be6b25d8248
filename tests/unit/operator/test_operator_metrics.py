from __future__ import annotations

import asyncio

import aiohttp

from rowmill_operator.metrics import Metrics, serve


def scrape(metrics: Metrics) -> str:
    async def scraped() -> str:
        runner = await serve(metrics, port=0)
        # Of IPv6 an address has more than host and port.
        port = next(address[1] for address in runner.addresses if len(address) == 2)
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{port}/metrics") as response,
        ):
            text = await response.text()
        await runner.cleanup()
        return text

    return asyncio.run(scraped())


def test_experiments_are_counted_by_phase_as_they_are_now() -> None:
    phases = ["Running", "Running", "Complete"]
    metrics = Metrics()
    metrics.watch(lambda: phases, lambda: 3, lambda: 2, lambda: 1.5)
    text = scrape(metrics)
    assert 'rowmill_operator_experiments{phase="Running"} 2.0' in text
    assert 'rowmill_operator_experiments{phase="Complete"} 1.0' in text
    assert 'rowmill_operator_experiments{phase="Failed"} 0.0' in text
    assert "rowmill_operator_foreign_experiments 3.0" in text
    assert "rowmill_operator_queue_depth 2.0" in text
    assert "rowmill_operator_queue_age_seconds 1.5" in text
    phases.clear()
    assert 'rowmill_operator_experiments{phase="Running"} 0.0' in scrape(metrics)


def test_what_happens_is_counted_by_its_kind() -> None:
    metrics = Metrics()
    metrics.count_call("patch")
    metrics.progress_polls.labels("ok").inc()
    metrics.purges.labels("succeeded").inc()
    metrics.reconcile_errors.inc()
    with metrics.reconcile_seconds.time():
        pass
    text = scrape(metrics)
    for line in (
        'rowmill_operator_api_calls_total{verb="patch"} 1.0',
        'rowmill_operator_progress_polls_total{outcome="ok"} 1.0',
        'rowmill_operator_progress_polls_total{outcome="failed"} 0.0',
        'rowmill_operator_purges_total{outcome="succeeded"} 1.0',
        "rowmill_operator_reconcile_errors_total 1.0",
        "rowmill_operator_reconcile_seconds_count 1.0",
    ):
        assert line in text
