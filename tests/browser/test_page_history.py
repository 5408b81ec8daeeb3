"""The Transaction History: its rows, its filter, its pages, invoices and the CSV."""

from __future__ import annotations

import csv
import io
import json
import re
import urllib.parse
from pathlib import Path
from typing import Any

from playwright.sync_api import Download, Locator, Page, Route, expect

from tests.browser.conftest import NewVisitor
from tests.browser.visitor import Visitor


def rows(page: Page) -> Locator:
    return page.locator("#history tbody").get_by_role("row")


def transaction(number: int, type_: str = "purchase", refunded: str = "0.00") -> dict[str, Any]:
    day = number % 28 + 1
    return {
        "id": f"pur_{number:03}",
        "type": type_,
        "amount": f"{number}.00",
        "created_at": f"2026-10-{day:02}T12:00:00Z",
        "status": "succeeded",
        "refunded_amount": refunded,
        "invoice": {"number": f"INV-{number}", "url": "/"},
    }


def serve(page: Page, transactions: list[dict[str, Any]]) -> list[dict[str, list[str]]]:
    """Answer for the API with these; gives the queries that came."""
    queries: list[dict[str, list[str]]] = []

    def answer(route: Route) -> None:
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(route.request.url).query)
        queries.append(query)
        wanted = query.get("type", [None])[0]
        chosen = [one for one in transactions if wanted in {None, one["type"]}]
        first, limit = int(query.get("cursor", ["0"])[0]), int(query["limit"][0])
        last = first + limit
        cursor = str(last) if last < len(chosen) else None
        route.fulfill(json={"data": chosen[first:last], "next_cursor": cursor})

    page.route("**/transactions?*", answer)
    return queries


def test_a_row_says_date_time_type_amount_and_status(visitor: NewVisitor) -> None:
    customer = visitor(timezone_id="Europe/Berlin")
    serve(
        customer.page,
        [
            transaction(12),
            transaction(13, "auto_top_up", refunded="13.00"),
            transaction(14, refunded="4.00"),
        ],
    )
    customer.open()
    shown = [row.inner_text().replace("\u202f", " ").split() for row in rows(customer.page).all()]
    assert " ".join(shown[0]) == "Oct 13, 2026 2:00 PM GMT+2 Purchase Paid $12.00"
    assert " ".join(shown[1]) == "Oct 14, 2026 2:00 PM GMT+2 Auto Top-up Refunded $13.00"
    assert " ".join(shown[2]) == "Oct 15, 2026 2:00 PM GMT+2 Purchase $4.00 refunded $14.00"


def test_the_filter_asks_for_a_type_and_whole_days_of_the_browsers_zone(
    visitor: NewVisitor,
) -> None:
    customer = visitor(timezone_id="Europe/Berlin")
    queries = serve(customer.page, [transaction(1), transaction(2, "auto_top_up")])
    customer.open()
    expect(rows(customer.page)).to_have_count(2)
    customer.button("Filter").click()
    form = customer.page.get_by_role("dialog", name="Filter")
    form.get_by_label("Type").select_option("auto_top_up")
    form.get_by_label("From").fill("2026-10-01")
    form.get_by_label("To").fill("2026-10-31")
    form.get_by_role("button", name="Apply").click()
    expect(rows(customer.page)).to_have_count(1)
    expect(customer.button("Filter, 3 active")).to_be_focused()
    assert queries[-1]["type"] == ["auto_top_up"]
    assert queries[-1]["from"] == ["2026-09-30T22:00:00Z"]
    assert queries[-1]["to"] == ["2026-10-31T23:00:00Z"]
    customer.button("Filter, 3 active").click()
    form.get_by_role("button", name="Reset").click()
    expect(rows(customer.page)).to_have_count(2)


def test_dates_the_wrong_way_round_are_refused_beside_the_field(visitor: NewVisitor) -> None:
    customer = visitor()
    serve(customer.page, [transaction(1)])
    customer.open()
    customer.button("Filter").click()
    form = customer.page.get_by_role("dialog", name="Filter")
    form.get_by_label("From").fill("2026-10-31")
    form.get_by_label("To").fill("2026-10-01")
    form.get_by_role("button", name="Apply").click()
    expect(form.get_by_label("From")).to_be_focused()
    expect(form.get_by_label("From")).to_have_attribute("aria-invalid", "true")


def test_a_filter_that_nothing_matches_can_be_cleared(visitor: NewVisitor) -> None:
    customer = visitor()
    serve(customer.page, [transaction(1)])
    customer.open()
    customer.button("Filter").click()
    form = customer.page.get_by_role("dialog", name="Filter")
    form.get_by_label("Type").select_option("auto_top_up")
    form.get_by_role("button", name="Apply").click()
    expect(customer.page.get_by_text("Nothing matches this filter")).to_be_visible()
    customer.button("Clear filter").click()
    expect(rows(customer.page)).to_have_count(1)


def test_pages_go_forward_and_back(visitor: NewVisitor) -> None:
    customer = visitor()
    serve(customer.page, [transaction(number) for number in range(1, 25)])
    customer.open()
    expect(rows(customer.page)).to_have_count(10)
    following, previous = customer.button("Next"), customer.button("Previous")
    expect(previous).to_have_attribute("aria-disabled", "true")
    following.click()
    expect(customer.page.get_by_text("Page 2")).to_be_visible()
    following.click()
    expect(rows(customer.page)).to_have_count(4)
    expect(following).to_have_attribute("aria-disabled", "true")
    previous.click()
    expect(rows(customer.page)).to_have_count(10)
    expect(rows(customer.page).first).to_contain_text("$11.00")


def save_invoice(customer: Visitor, format_: str) -> Download:
    customer.button(re.compile("Actions for Purchase of")).click()
    with customer.page.expect_download() as waiting:
        item = customer.page.get_by_role("menuitem", name=f"Download Invoice ({format_})")
        item.click()
    return waiting.value


def test_an_invoice_is_downloaded_as_pdf_and_as_html(visitor: NewVisitor) -> None:
    customer = visitor()
    customer.seed()
    customer.buy("50.00")
    customer.open()
    pdf = save_invoice(customer, "PDF")
    assert Path(pdf.path()).read_bytes().startswith(b"%PDF-")
    assert pdf.suggested_filename.endswith(".pdf")
    html = save_invoice(customer, "HTML")
    assert "Demo GmbH" in Path(html.path()).read_text()
    expect(customer.balance).to_be_visible()


def test_an_invoice_that_is_still_being_made_is_waited_for(visitor: NewVisitor) -> None:
    customer = visitor()
    customer.seed()
    customer.buy("50.00")
    answers = [202, 409]

    def not_yet(route: Route) -> None:
        if answers:
            status = answers.pop()
            route.fulfill(status=status, json={"code": "conflict"}, headers={"Retry-After": "1"})
        else:
            route.continue_()

    customer.page.route("**/invoice?format=pdf", not_yet)
    customer.open()
    assert save_invoice(customer, "PDF").suggested_filename.endswith(".pdf")
    expect(customer.page.get_by_text("The invoice is being prepared")).to_be_visible()


def test_the_filtered_history_is_exported_as_csv(visitor: NewVisitor) -> None:
    customer = visitor()
    customer.seed()
    bought = customer.buy("50.00")
    customer.open()
    with customer.page.expect_download() as waiting:
        customer.button("Export CSV").click()
    assert waiting.value.suggested_filename == f"transactions-{customer.organization}.csv"
    text = Path(waiting.value.path()).read_text(encoding="utf-8-sig")
    lines = list(csv.DictReader(io.StringIO(text)))
    assert [line["id"] for line in lines] == [bought["id"]]


def test_an_empty_history_says_what_will_be_there(visitor: NewVisitor) -> None:
    customer = visitor()
    customer.open()
    expect(customer.page.get_by_text("No transactions yet")).to_be_visible()
    expect(customer.button("Export CSV")).to_be_disabled()


def test_a_history_that_can_not_be_read_is_tried_again(visitor: NewVisitor) -> None:
    customer = visitor()
    failing = json.dumps({"code": "internal_error"})
    customer.page.route("**/transactions?*", lambda route: route.fulfill(status=500, body=failing))
    customer.open()
    history = customer.page.locator("#history")
    expect(history.get_by_text("Something went wrong on our side.")).to_be_visible()
    customer.page.unroute("**/transactions?*")
    history.get_by_role("button", name="Try again").click()
    expect(history.get_by_text("No transactions yet")).to_be_visible()
