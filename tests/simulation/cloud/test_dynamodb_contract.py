"""What DynamoDB promises, asked of the engine in memory and of the others alike.

Where an emulator is known to be wrong, `wrong_on` says so, and the test fails on it for as long as
it is: then the line goes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.simulation.cloud.engines import DYNAMODB_LOCAL, MINISTACK, Engine, plain

Item = dict[str, Any]
WrongOn = Callable[[str, str], None]


@pytest.fixture
def table(engine: Engine) -> str:
    return engine.new_table()


@pytest.fixture
def wrong_on(request: pytest.FixtureRequest, engine: Engine) -> WrongOn:
    """Say that the test is known to fail on an engine, and why."""

    def mark(name: str, reason: str) -> None:
        if engine.name == name:
            request.applymarker(pytest.mark.xfail(reason=reason, strict=True))

    return mark


def n(value: object) -> Item:
    return {"N": str(value)}


def s(value: str) -> Item:
    return {"S": value}


def key(pk: str = "a", sk: object = 1) -> Item:
    return {"pk": s(pk), "sk": n(sk)}


def put(engine: Engine, table: str, **attributes: Any) -> Item:
    item = {**key(), **attributes}
    engine.dynamodb.put_item(TableName=table, Item=item)
    return item


def stored(engine: Engine, table: str, **of: Any) -> Item | None:
    answer = engine.dynamodb.get_item(TableName=table, Key=key(**of), ConsistentRead=True)
    found: Item | None = plain(answer.get("Item"))
    return found


def update(engine: Engine, table: str, expression: str, /, **given: Any) -> Item | None:
    names = ("condition", "tells", "answers")
    values = {f":{name}": value for name, value in given.items() if name not in names}
    params = {"TableName": table, "Key": key(), "UpdateExpression": expression}
    if values:
        params["ExpressionAttributeValues"] = values
    if "condition" in given:
        params["ConditionExpression"] = given["condition"]
    if "tells" in given:
        params["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    params["ReturnValues"] = given.get("answers", "ALL_NEW")
    found: Item | None = plain(engine.dynamodb.update_item(**params).get("Attributes"))
    return found


def refusal(call: Callable[[], object]) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        call()
    answer: Any = caught.value.response
    return dict(answer)


def code(call: Callable[[], object]) -> str:
    found: str = refusal(call)["Error"]["Code"]
    return found


def transact(engine: Engine, table: str, *items: Item, **more: Any) -> None:
    engine.dynamodb.transact_write_items(
        TransactItems=[
            {kind: {"TableName": table, **params} for kind, params in item.items()}
            for item in items
        ],
        **more,
    )


def query(engine: Engine, table: str, **params: Any) -> dict[str, Any]:
    defaults = {
        "TableName": table,
        "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": s("a")},
    }
    answer: dict[str, Any] = engine.dynamodb.query(**{**defaults, **params})
    return answer


def numbered(answer: dict[str, Any]) -> list[int]:
    return [int(item["sk"]["N"]) for item in answer["Items"]]


# Conditions


def test_a_failed_condition_tells_the_item_only_when_asked(engine: Engine, table: str) -> None:
    item = put(engine, table, n=n(5))

    def attempt(**more: Any) -> dict[str, Any]:
        return refusal(
            lambda: update(
                engine, table, "SET n = :v", v=n(1), condition="n > :v AND n < :v", **more
            )
        )

    assert "Item" not in attempt()
    told = attempt(tells=True)
    assert told["Error"]["Code"] == "ConditionalCheckFailedException"
    assert told["Item"] == item


def test_a_failed_condition_on_nothing_has_no_item(engine: Engine, table: str) -> None:
    told = refusal(
        lambda: update(
            engine, table, "SET n = :v", v=n(1), condition="attribute_exists(pk)", tells=True
        )
    )
    assert "Item" not in told


def test_comparing_what_is_not_there_never_holds(
    engine: Engine, table: str, wrong_on: WrongOn
) -> None:
    wrong_on(MINISTACK, "takes two missing attributes for equal")
    put(engine, table)
    assert (
        code(lambda: update(engine, table, "SET x = :v", v=n(1), condition="n = h"))
        == "ConditionalCheckFailedException"
    )


def test_what_is_not_there_differs_from_everything(engine: Engine, table: str) -> None:
    assert update(engine, table, "SET x = :v", v=n(1), condition="n <> :v")


@pytest.mark.parametrize(
    "condition",
    [
        "(n > :v OR n < :v) AND NOT n = :v",
        "n BETWEEN :v AND :ten",
        "n IN (:v, :five)",
        "size(s) = :three AND begins_with(s, :ab) AND contains(s, :c)",
        "attribute_type(l, :kind) AND contains(l, :five) AND contains(ss, :c)",
        "m.x = :five AND l[1] = :c AND attribute_not_exists(m.y.z)",
        "NOT (attribute_exists(absent) OR s <> :abc)",
        "not n < :v and N > :v or n >= :v",
    ],
)
def test_a_condition_holds(engine: Engine, table: str, condition: str) -> None:
    values = {
        "v": n("1.0"),
        "ten": n(10),
        "five": n(5),
        "three": n(3),
        "ab": s("ab"),
        "c": s("c"),
        "abc": s("abc"),
        "kind": s("L"),
    }
    put(
        engine,
        table,
        n=n(5),
        s=s("abc"),
        l={"L": [n(5), s("c")]},
        m={"M": {"x": n("5.00")}},
        ss={"SS": ["b", "c"]},
    )
    words = re.findall(r":(\w+)", condition)
    used = {name: value for name, value in values.items() if name in words}
    answer = update(engine, table, "SET done = :done", done=n(1), condition=condition, **used)
    assert answer is not None
    assert answer["done"] == n(1)


@pytest.mark.parametrize(
    ("condition", "values"),
    [
        ("n = ", {}),
        ("n = :missing", {}),
        ("((n = :v))", {"v": n(1)}),
        ("n = :v", {"v": n(1), "unused": n(1)}),
        ("date = :v", {"v": n(1)}),
        ("n BETWEEN :v AND :w", {"v": n(2), "w": n(1)}),
        ("begins_with(s, :v)", {"v": n(1)}),
        ("n > :v", {"v": {"BOOL": True}}),
        ("attribute_exists(:v)", {"v": n(1)}),
        ("attribute_type(n, :v)", {"v": s("Q")}),
        ("unheard_of(n)", {}),
        ("n = n", {}),
        ("size(n, n) = :v", {"v": n(1)}),
        ("#undefined = :v", {"v": n(1)}),
    ],
)
def test_a_condition_that_makes_no_sense_is_refused(
    engine: Engine, table: str, wrong_on: WrongOn, condition: str, values: Item
) -> None:
    if condition in _MINISTACK_READS_FIRST:
        wrong_on(MINISTACK, "doesn't check operands before it reads the item")
    item: Item = {"TableName": table, "Item": key(), "ConditionExpression": condition}
    if values:
        item["ExpressionAttributeValues"] = {f":{name}": value for name, value in values.items()}
    assert code(lambda: engine.dynamodb.put_item(**item)) == "ValidationException"


#: They are refused only where the item has what they ask about.
_MINISTACK_READS_FIRST = frozenset(
    {
        "attribute_type(n, :v)",
        "begins_with(s, :v)",
        "n = n",
        "n > :v",
        "unheard_of(n)",
    }
)


# Updates


def test_adding_makes_a_missing_number_and_a_missing_item_from_zero(
    engine: Engine, table: str
) -> None:
    assert update(engine, table, "ADD n :v", v=n("2.50")) == {**key(), "n": n("2.5")}
    assert update(engine, table, "ADD n :v", v=n("-3")) == {**key(), "n": n("-0.5")}


def test_arithmetic_is_exact_to_38_digits(engine: Engine, table: str, wrong_on: WrongOn) -> None:
    wrong_on(MINISTACK, "computes with 28 digits")
    digits = "12345678901234567890123456789012345678"
    put(engine, table, n=n(digits))
    assert update(engine, table, "SET n = n + :v", v=n(1)) == {
        **key(),
        "n": n("12345678901234567890123456789012345679"),
    }


def test_a_sum_of_more_than_38_digits_is_refused(
    engine: Engine, table: str, wrong_on: WrongOn
) -> None:
    wrong_on(MINISTACK, "computes with 28 digits")
    put(engine, table, n=n("99999999999999999999999999999999999999"))
    assert code(lambda: update(engine, table, "ADD n :v", v=n("0.1"))) == "ValidationException"


def test_numbers_come_back_in_their_normal_form(engine: Engine, table: str) -> None:
    put(engine, table, n=n("0012.500"), h=n("-0"))
    answer = engine.dynamodb.get_item(TableName=table, Key=key())["Item"]
    assert (answer["n"], answer["h"]) == (n("12.5"), n("0"))


def test_numbers_of_updates_come_back_in_their_normal_form(
    engine: Engine, table: str, wrong_on: WrongOn
) -> None:
    wrong_on(DYNAMODB_LOCAL, "answers them as they were written, though not those of puts")
    engine.dynamodb.update_item(
        TableName=table,
        Key=key(),
        UpdateExpression="SET n = :v",
        ExpressionAttributeValues={":v": n("0012.500")},
    )
    assert engine.dynamodb.get_item(TableName=table, Key=key())["Item"]["n"] == n("12.5")


@pytest.mark.parametrize("number", ["abc", "", "1_000", "NaN", "1" * 39, "1E126", "1E-131", " 1"])
def test_what_is_no_number_is_refused(engine: Engine, table: str, number: str) -> None:
    assert code(lambda: put(engine, table, x=n(number))) == "ValidationException"


def test_everything_is_computed_from_the_item_as_it_was(engine: Engine, table: str) -> None:
    put(engine, table, n=n(1), h=n(10))
    assert update(engine, table, "SET n = h, h = n + :v", v=n(5)) == {
        **key(),
        "n": n(10),
        "h": n(6),
    }


def test_functions_of_updates(engine: Engine, table: str) -> None:
    expression = (
        "SET n = if_not_exists(n, :v) + :v, l = list_append(if_not_exists(l, :none), :l) "
        "ADD ss :ss REMOVE absent"
    )
    update(engine, table, expression, v=n(1), none={"L": []}, l={"L": [n(7)]}, ss={"SS": ["a"]})
    assert update(
        engine, table, expression, v=n(1), none={"L": []}, l={"L": [n(8)]}, ss={"SS": ["b"]}
    ) == {**key(), "n": n(3), "l": {"L": [n(7), n(8)]}, "ss": plain({"SS": ["a", "b"]})}
    assert update(engine, table, "DELETE ss :ss", ss={"SS": ["a", "b"]}) == {
        **key(),
        "n": n(3),
        "l": {"L": [n(7), n(8)]},
    }


def test_documents_are_changed_in_place(engine: Engine, table: str, wrong_on: WrongOn) -> None:
    wrong_on(MINISTACK, "removes one position of a list before it looks for the next")
    put(engine, table, m={"M": {"x": n(1)}}, l={"L": [n(0), n(1), n(2)]})
    assert update(engine, table, "SET m.y = :v, l[9] = :v REMOVE l[0], l[1]", v=n(5)) == {
        **key(),
        "m": {"M": {"x": n(1), "y": n(5)}},
        "l": {"L": [n(2), n(5)]},
    }


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        ("SET pk = :v", {"v": s("b")}),
        ("SET n = :v, n = :v", {"v": n(1)}),
        ("SET m = :v, m.x = :v", {"v": n(1)}),
        ("SET n = absent", {}),
        ("SET n = n + :v", {"v": s("a")}),
        ("SET s = s + :v", {"v": n(1)}),
        ("ADD s :v", {"v": n(1)}),
        ("ADD n :v", {"v": s("1")}),
        ("DELETE n :v", {"v": n(1)}),
        ("SET absent.x = :v", {"v": n(1)}),
        ("SET n = list_append(n, :v)", {"v": {"L": []}}),
        ("SET n = :v SET s = :v", {"v": n(1)}),
        ("SET n = n + n + n", {}),
        ("SET g = :v", {"v": s("")}),
    ],
)
def test_an_update_that_makes_no_sense_is_refused(
    engine: Engine, table: str, wrong_on: WrongOn, expression: str, values: Item
) -> None:
    if expression in _MINISTACK_TAKES:
        wrong_on(MINISTACK, "takes it")
    item = put(engine, table, n=n(1), s=s("a"))
    assert code(lambda: update(engine, table, expression, **values)) == "ValidationException"
    assert stored(engine, table) == plain(item)


_MINISTACK_TAKES = frozenset(
    {
        "SET n = :v, n = :v",
        "SET n = n + :v",
        "SET s = s + :v",
        "SET n = list_append(n, :v)",
        "SET n = :v SET s = :v",
        "SET n = n + n + n",
    }
)


def test_an_index_key_of_another_type_is_refused(
    engine: Engine, table: str, wrong_on: WrongOn
) -> None:
    wrong_on(DYNAMODB_LOCAL, "takes it in an update, where AWS answers Type mismatch")
    put(engine, table)
    assert code(lambda: update(engine, table, "SET g = :v", v=n(1))) == "ValidationException"


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ("NONE", None),
        ("ALL_OLD", {**key(), "n": n(1)}),
        ("ALL_NEW", {**key(), "n": n(2), "x": n(2)}),
        ("UPDATED_OLD", {"n": n(1)}),
        ("UPDATED_NEW", {"n": n(2), "x": n(2)}),
    ],
)
def test_an_update_answers_what_is_asked_for(
    engine: Engine, table: str, answers: str, found: Item | None
) -> None:
    put(engine, table, n=n(1))
    assert update(engine, table, "SET n = :v, x = :v", v=n(2), answers=answers) == found


# Items and keys


@pytest.mark.parametrize(
    "item",
    [
        {"pk": s("a")},
        {"pk": s(""), "sk": n(1)},
        {"pk": n(1), "sk": n(1)},
        {**key(), "g": n(1)},
        {**key(), "g": s("")},
        {**key(), "x": {"SS": []}},
        {**key(), "x": {"SS": ["a", "a"]}},
        {**key(), "x": {"NULL": False}},
        {**key(pk="x" * 2049)},
    ],
    ids=str,
)
def test_an_item_that_makes_no_sense_is_refused(engine: Engine, table: str, item: Item) -> None:
    assert (
        code(lambda: engine.dynamodb.put_item(TableName=table, Item=item)) == "ValidationException"
    )


def test_an_item_has_at_most_400_kilobytes(engine: Engine, table: str) -> None:
    overhead = len("pk" + "a" + "sk" + "x") + 2
    put(engine, table, x=s("x" * (400 * 1024 - overhead)))
    assert code(lambda: put(engine, table, x=s("x" * 400 * 1024))) == "ValidationException"
    assert code(lambda: update(engine, table, "SET y = :v", v=s("y" * 20))) == "ValidationException"


def test_a_key_has_to_be_the_tables(engine: Engine, table: str) -> None:
    for wrong in ({"pk": s("a")}, {**key(), "x": n(1)}, {"pk": s("a"), "sk": s("1")}):
        assert (
            code(lambda wrong=wrong: engine.dynamodb.get_item(TableName=table, Key=wrong))  # type: ignore[misc]
            == "ValidationException"
        )


def test_there_has_to_be_such_a_table(engine: Engine) -> None:
    assert (
        code(lambda: engine.dynamodb.get_item(TableName="unheard-of", Key=key()))
        == "ResourceNotFoundException"
    )


def test_a_projection_shows_parts_of_an_item(engine: Engine, table: str) -> None:
    put(engine, table, n=n(1), m={"M": {"x": n(1), "y": n(2)}}, l={"L": [n(0), n(1), n(2)]})
    answer = engine.dynamodb.get_item(
        TableName=table, Key=key(), ProjectionExpression="n, m.y, l[2], l[0], absent"
    )
    assert answer["Item"] == {"n": n(1), "m": {"M": {"y": n(2)}}, "l": {"L": [n(0), n(2)]}}


def test_what_was_answered_is_the_callers_own(engine: Engine, table: str) -> None:
    put(engine, table, m={"M": {"x": n(1)}})
    engine.dynamodb.get_item(TableName=table, Key=key())["Item"]["m"]["M"]["x"] = n(2)
    assert stored(engine, table) == {**key(), "m": {"M": {"x": n(1)}}}


# Transactions


def test_a_transaction_is_all_or_nothing_and_says_why(engine: Engine, table: str) -> None:
    item = put(engine, table, n=n(1))
    told = refusal(
        lambda: transact(
            engine,
            table,
            {"Put": {"Item": key("b")}},
            {
                "Update": {
                    "Key": key(),
                    "UpdateExpression": "SET n = n - :v",
                    "ConditionExpression": "n >= :v",
                    "ExpressionAttributeValues": {":v": n(2)},
                    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                }
            },
            {"ConditionCheck": {"Key": key("c"), "ConditionExpression": "attribute_exists(pk)"}},
            {"Delete": {"Key": key("d")}},
        )
    )
    assert told["Error"]["Code"] == "TransactionCanceledException"
    assert [reason["Code"] for reason in told["CancellationReasons"]] == [
        "None",
        "ConditionalCheckFailed",
        "ConditionalCheckFailed",
        "None",
    ]
    assert told["CancellationReasons"][1]["Item"] == item
    assert "Item" not in told["CancellationReasons"][2]
    assert stored(engine, table, pk="b") is None
    assert stored(engine, table) == item


def test_an_update_that_does_not_fit_cancels_the_transaction(
    engine: Engine, table: str, wrong_on: WrongOn
) -> None:
    wrong_on(DYNAMODB_LOCAL, "refuses the request; AWS documents it as an item's reason")
    put(engine, table, s=s("a"))
    told = refusal(
        lambda: transact(
            engine,
            table,
            {"Put": {"Item": key("b")}},
            {
                "Update": {
                    "Key": key(),
                    "UpdateExpression": "ADD s :v",
                    "ExpressionAttributeValues": {":v": n(1)},
                }
            },
        )
    )
    assert told["Error"]["Code"] == "TransactionCanceledException"
    assert [r["Code"] for r in told["CancellationReasons"]] == ["None", "ValidationError"]
    assert stored(engine, table, pk="b") is None


def test_a_token_commits_its_transaction_once(engine: Engine, table: str) -> None:
    add = {
        "Update": {
            "Key": key(),
            "UpdateExpression": "ADD n :v",
            "ExpressionAttributeValues": {":v": n(1)},
        }
    }
    for _ in range(3):
        transact(engine, table, add, ClientRequestToken="once")
    assert stored(engine, table) == {**key(), "n": n(1)}
    other = {"Put": {"Item": key("b")}}
    assert (
        code(lambda: transact(engine, table, other, ClientRequestToken="once"))
        == "IdempotentParameterMismatchException"
    )


def test_a_canceled_transaction_does_not_use_its_token_up(engine: Engine, table: str) -> None:
    write = {"Put": {"Item": key("b"), "ConditionExpression": "attribute_not_exists(pk)"}}
    engine.dynamodb.put_item(TableName=table, Item=key("b"))
    assert (
        code(lambda: transact(engine, table, write, ClientRequestToken="again"))
        == "TransactionCanceledException"
    )
    engine.dynamodb.delete_item(TableName=table, Key=key("b"))
    transact(engine, table, write, ClientRequestToken="again")
    assert stored(engine, table, pk="b") == key("b")


def test_a_transaction_has_one_operation_per_item(engine: Engine, table: str) -> None:
    twice = [{"Put": {"Item": key()}}, {"Delete": {"Key": key()}}]
    assert code(lambda: transact(engine, table, *twice)) == "ValidationException"


def test_a_transaction_has_at_most_100_items(engine: Engine, table: str) -> None:
    items = [{"Put": {"Item": key(sk=number)}} for number in range(101)]
    transact(engine, table, *items[:100])
    assert code(lambda: transact(engine, table, *items)) == "ValidationException"


def test_a_transaction_has_at_most_4_megabytes(engine: Engine, table: str) -> None:
    items = [{"Put": {"Item": {**key(sk=number), "x": s("x" * 390_000)}}} for number in range(11)]
    transact(engine, table, *items[:10])
    assert code(lambda: transact(engine, table, *items)) == "ValidationException"


def test_a_transaction_reads_what_is_and_what_is_not_there(engine: Engine, table: str) -> None:
    item = put(engine, table, n=n(1))
    gets = [{"Get": {"TableName": table, "Key": key(pk)}} for pk in ("a", "b")]
    answer = engine.dynamodb.transact_get_items(TransactItems=gets)
    assert answer["Responses"] == [{"Item": item}, {}]


# Queries, scans and batches


@pytest.fixture
def ten(engine: Engine, table: str) -> str:
    """Ten items of one partition; every third is in group x, in the opposite order."""
    for number in range(10):
        grouped = {"g": s("x"), "h": n(-number)} if number % 3 == 0 else {}
        engine.dynamodb.put_item(TableName=table, Item={**key(sk=number), **grouped})
    return table


@pytest.mark.parametrize(
    ("condition", "values", "found"),
    [
        ("pk = :pk", {}, list(range(10))),
        ("pk = :pk AND sk = :v", {":v": n("2.0")}, [2]),
        ("pk = :pk AND sk < :v", {":v": n(2)}, [0, 1]),
        ("pk = :pk AND sk >= :v", {":v": n(8)}, [8, 9]),
        ("pk = :pk AND sk BETWEEN :v AND :w", {":v": n(2), ":w": n(4)}, [2, 3, 4]),
        (":pk = pk AND :v > sk", {":v": n(1)}, [0]),
        ("(pk = :pk) AND (sk > :v)", {":v": n("8.5")}, [9]),
    ],
)
def test_a_query_gives_a_range_in_order(
    engine: Engine, ten: str, condition: str, values: Item, found: list[int]
) -> None:
    params = {
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": {":pk": s("a"), **values},
    }
    assert numbered(query(engine, ten, **params)) == found
    assert numbered(query(engine, ten, ScanIndexForward=False, **params)) == found[::-1]


def test_a_page_that_is_full_says_where_to_go_on_even_at_the_end(engine: Engine, ten: str) -> None:
    first = query(engine, ten, Limit=10)
    assert first["LastEvaluatedKey"] == key(sk=9)
    rest = query(engine, ten, Limit=10, ExclusiveStartKey=first["LastEvaluatedKey"])
    assert rest["Items"] == []
    assert "LastEvaluatedKey" not in rest


def test_a_page_counts_what_it_read_not_what_its_filter_kept(engine: Engine, ten: str) -> None:
    page = query(engine, ten, Limit=4, FilterExpression="attribute_exists(g)")
    assert (page["Count"], page["ScannedCount"]) == (2, 4)
    assert page["LastEvaluatedKey"] == key(sk=3)


def test_a_page_goes_on_where_an_item_is_no_more(engine: Engine, ten: str) -> None:
    page = query(engine, ten, ExclusiveStartKey=key(sk="4.5"), Limit=2)
    assert numbered(page) == [5, 6]


def test_a_page_ends_with_the_item_that_makes_it_a_megabyte(
    engine: Engine, table: str, wrong_on: WrongOn
) -> None:
    wrong_on(MINISTACK, "ends it before that item; AWS's own engine ends it after")
    for number in range(5):
        item = {**key(sk=number), "x": s("x" * 300_000)}
        engine.dynamodb.put_item(TableName=table, Item=item)
    page = query(engine, table)
    assert numbered(page) == [0, 1, 2, 3]
    assert page["LastEvaluatedKey"] == key(sk=3)
    rest = query(engine, table, ExclusiveStartKey=page["LastEvaluatedKey"])
    assert numbered(rest) == [4]


def test_an_index_is_sparse_and_has_its_own_order_and_keys(engine: Engine, ten: str) -> None:
    params = {
        "IndexName": "groups",
        "KeyConditionExpression": "g = :g",
        "ExpressionAttributeValues": {":g": s("x")},
    }
    page = query(engine, ten, Limit=3, **params)
    assert numbered(page) == [9, 6, 3]
    assert page["LastEvaluatedKey"] == {**key(sk=3), "g": s("x"), "h": n(-3)}
    rest = query(engine, ten, ExclusiveStartKey=page["LastEvaluatedKey"], **params)
    assert numbered(rest) == [0]


def test_an_item_moves_within_its_indexes(engine: Engine, ten: str) -> None:
    engine.dynamodb.update_item(
        TableName=ten,
        Key=key(sk=0),
        UpdateExpression="SET h = :v",
        ExpressionAttributeValues={":v": n(-100)},
    )
    engine.dynamodb.update_item(TableName=ten, Key=key(sk=9), UpdateExpression="REMOVE g")
    engine.dynamodb.delete_item(TableName=ten, Key=key(sk=3))
    page = query(
        engine,
        ten,
        IndexName="groups",
        KeyConditionExpression="g = :g",
        ExpressionAttributeValues={":g": s("x")},
    )
    assert numbered(page) == [0, 6]


def test_an_index_of_keys_has_keys_only(engine: Engine, ten: str) -> None:
    page = query(
        engine,
        ten,
        IndexName="sparse",
        KeyConditionExpression="g = :g",
        ExpressionAttributeValues={":g": s("x")},
    )
    assert {frozenset(item) for item in page["Items"]} == {frozenset({"pk", "sk", "g"})}


def test_counting_gives_no_items(engine: Engine, ten: str) -> None:
    page = query(engine, ten, Select="COUNT")
    assert page["Count"] == 10
    assert "Items" not in page


@pytest.mark.parametrize(
    "params",
    [
        {"KeyConditionExpression": "pk > :pk"},
        {"KeyConditionExpression": "sk = :pk"},
        {"KeyConditionExpression": "pk = :pk OR sk = :pk"},
        {"FilterExpression": "sk > :pk"},
        {"ExclusiveStartKey": {"pk": s("a")}},
        {"IndexName": "unheard-of"},
        {"IndexName": "groups"},
        {"IndexName": "groups", "KeyConditionExpression": "g = :pk", "ConsistentRead": True},
        {"ExpressionAttributeValues": {":pk": n(1)}},
    ],
    ids=str,
)
def test_a_query_that_makes_no_sense_is_refused(
    engine: Engine, table: str, wrong_on: WrongOn, params: Item
) -> None:
    if "FilterExpression" in params:
        wrong_on(MINISTACK, "lets a filter ask for the key")
    assert code(lambda: query(engine, table, **params)) == "ValidationException"


def test_a_scan_goes_through_everything_once(engine: Engine, ten: str) -> None:
    for pk in "bcd":
        engine.dynamodb.put_item(TableName=ten, Item=key(pk))
    found: list[tuple[str, str]] = []
    params: Item = {"TableName": ten, "Limit": 2}
    while True:
        page = engine.dynamodb.scan(**params)
        found += [(item["pk"]["S"], item["sk"]["N"]) for item in page["Items"]]
        if "LastEvaluatedKey" not in page:
            break
        params["ExclusiveStartKey"] = page["LastEvaluatedKey"]
    expected = [("a", str(number)) for number in range(10)] + [(pk, "1") for pk in "bcd"]
    assert sorted(found) == sorted(expected)


def test_the_segments_of_a_scan_make_up_the_whole(engine: Engine, table: str) -> None:
    for number in range(40):
        engine.dynamodb.put_item(TableName=table, Item=key(f"p{number}"))
    segments = [
        {
            item["pk"]["S"]
            for item in engine.dynamodb.scan(TableName=table, Segment=segment, TotalSegments=3)[
                "Items"
            ]
        }
        for segment in range(3)
    ]
    assert sum(map(len, segments)) == 40
    assert set().union(*segments) == {f"p{number}" for number in range(40)}


@pytest.mark.parametrize(
    "params", [{"Segment": 0}, {"TotalSegments": 2}, {"Segment": 2, "TotalSegments": 2}], ids=str
)
def test_a_segment_that_is_none_is_refused(engine: Engine, table: str, params: Item) -> None:
    assert code(lambda: engine.dynamodb.scan(TableName=table, **params)) == "ValidationException"


def test_a_batch_gets_what_is_there(engine: Engine, ten: str) -> None:
    keys = [key(sk=1), key("z"), key(sk=2)]
    answer = engine.dynamodb.batch_get_item(
        RequestItems={ten: {"Keys": keys, "ProjectionExpression": "sk", "ConsistentRead": True}}
    )
    assert sorted(item["sk"]["N"] for item in answer["Responses"][ten]) == ["1", "2"]
    assert answer["UnprocessedKeys"] == {}


def test_a_batch_of_keys_has_limits(engine: Engine, table: str) -> None:
    def get(keys: list[Item]) -> object:
        return engine.dynamodb.batch_get_item(RequestItems={table: {"Keys": keys}})

    get([key(sk=number) for number in range(100)])
    assert code(lambda: get([key(sk=number) for number in range(101)])) == "ValidationException"
    assert code(lambda: get([key(), key()])) == "ValidationException"


def test_a_batch_writes_and_deletes(engine: Engine, ten: str) -> None:
    answer = engine.dynamodb.batch_write_item(
        RequestItems={
            ten: [
                {"PutRequest": {"Item": key("b")}},
                {"DeleteRequest": {"Key": key(sk=0)}},
            ]
        }
    )
    assert answer["UnprocessedItems"] == {}
    assert stored(engine, ten, pk="b") == key("b")
    assert stored(engine, ten, sk=0) is None
