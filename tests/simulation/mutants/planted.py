"""The planted faults. Each edit names the text that it changes, so that none outlives it unseen."""

from __future__ import annotations

from tests.simulation.mutants.planting import Edit, Mutant

_DYNAMO = "chalicelib.adapters.dynamodb"
_USECASES = "chalicelib.usecases"
_ALWAYS = "({0}.exists() | {0}.does_not_exist())"

_ENTRIES = """            for entry in write.entries:
                lists = bool(listed) and entry is listed[0]
                followers = [follower.key for follower in listed[1:]] if lists else None
                transaction.save(
                    entry_row(entry, followers=followers, lists=lists),
                    condition=EntryModel.entry_key.does_not_exist(),
                    return_values=_TELL,
                )
"""
_ACCOUNT = """            if write.touches_account:
                transaction.update(
                    AccountModel(write.organization_id),
                    actions=_account_actions(write),
                    condition=_account_condition(write),
                    return_values=_TELL,
                )
"""
_BEGIN = """        with TransactWrite(connection=self._connection) as transaction:
            listed = write.listed
"""
#: Keeps the places of the entries among the reasons of a cancellation.
_PLACES = """            key = EntryModel.entry_key
            for entry in write.entries:
                name = f"{entry.organization_id}#{entry.key}"
                anything = key.exists() | key.does_not_exist()
                transaction.condition_check(EntryModel, name, condition=anything)
"""
_SECOND_WRITE = """        if not write.entries:
            return
        with TransactWrite(connection=self._connection) as transaction:
"""

MUTANTS = (
    Mutant(
        "mark in a second write",
        "the entry, which is the mark of idempotency, is written after the account",
        (
            Edit(f"{_DYNAMO}.commit", _ENTRIES, _PLACES),
            Edit(f"{_DYNAMO}.commit", _ACCOUNT, _ACCOUNT + _SECOND_WRITE + _ENTRIES),
        ),
    ),
    Mutant(
        "plain update of the account",
        "the account is changed by an UpdateItem of its own, that the client repeats by itself",
        (
            Edit(f"{_DYNAMO}.commit", _ACCOUNT, ""),
            Edit(
                f"{_DYNAMO}.commit",
                _BEGIN,
                "        if write.touches_account and not write.mark_low and write.entries:\n"
                "            AccountModel(write.organization_id).update(_account_actions(write))\n"
                + _BEGIN,
            ),
        ),
    ),
    Mutant(
        "entry overwritten",
        "an entry is put whether or not it is there",
        (
            Edit(
                f"{_DYNAMO}.commit",
                "                    condition=EntryModel.entry_key.does_not_exist(),\n",
                "",
            ),
        ),
    ),
    Mutant(
        "conflict taken for success",
        "a transaction that was cancelled for a conflict counts as committed",
        (
            Edit(
                f"{_DYNAMO}.commit",
                "                    self._pause(attempt)\n                    continue\n",
                "                    return Committed()\n",
            ),
        ),
    ),
    Mutant(
        "purchase saved without its version",
        "whoever comes second saves the purchase as they had read it",
        (
            Edit(
                f"{_DYNAMO}.commit",
                "    return follows(PurchaseModel, PurchaseModel.id, value.version)",
                f"    return {_ALWAYS.format('PurchaseModel.id')}",
            ),
        ),
    ),
    Mutant(
        "month's limit checked before it is claimed",
        "the standing order is saved without the version that was decided on",
        (
            Edit(
                f"{_DYNAMO}.commit",
                "    unchanged = follows(TopUpModel, TopUpModel.organization_id, value.version)\n",
                f"    unchanged = {_ALWAYS.format('TopUpModel.organization_id')}\n",
            ),
        ),
    ),
    Mutant(
        "month's limit ignored",
        "there is always room in the month",
        (
            Edit(
                "chalicelib.domain.topup",
                "        return limit is None or self.spent_in(self._month_at(now)) + charge_nanos "
                "<= limit",
                "        return limit is None or self.spent_in(self._month_at(now)) <= limit",
            ),
        ),
    ),
    Mutant(
        "credit doesn't free the slot",
        "a top-up that was credited stays open",
        (
            Edit(
                f"{_USECASES}.concluding",
                "        if paid.type is PurchaseType.AUTO_TOP_UP:\n            top_up =",
                "        if paid.type is PurchaseType.PURCHASE:\n            top_up =",
            ),
        ),
    ),
    Mutant(
        "slot freed before the outcome is known",
        "when Stripe doesn't answer, the top-up is given up at once",
        (
            Edit(
                f"{_USECASES}.topping_up",
                "            # anew, and the sweep asks with the same idempotency key until it knows."
                "\n            return\n",
                "            # anew, and the sweep asks with the same idempotency key until it knows."
                "\n            self.concluding.give_up(purchase, None, now=now)\n",
            ),
        ),
    ),
    Mutant(
        "balance read before the standing order",
        "what a top-up credits between the two reads is topped up once more",
        (
            Edit(
                f"{_USECASES}.topping_up",
                "        top_up = self.top_ups.get(organization_id)\n"
                "        account = self.ledger.account(organization_id)\n"
                "        decision",
                "        account = self.ledger.account(organization_id)\n"
                "        top_up = self.top_ups.get(organization_id)\n"
                "        decision",
            ),
        ),
    ),
    Mutant(
        "pause ignored",
        "auto top-up goes on though it was paused",
        (
            Edit(
                "chalicelib.domain.topup",
                "        if self.paused:\n            return Decision.PAUSED\n",
                "",
            ),
        ),
    ),
    Mutant(
        "webhook trusted instead of fetched",
        "a purchase is given up because an event says that its payment failed",
        (
            Edit(
                f"{_USECASES}.receiving",
                "            return Reception.FOREIGN if self._conclude(object_id, now=now) is None "
                "else _HANDLED",
                "            found = self.payments.payment(object_id)\n"
                "            bought = self.purchases.get(\n"
                "                found.organization_id or '', found.purchase_id or ''\n"
                "            )\n"
                "            if kind == 'payment_intent.payment_failed' and bought is not None:\n"
                "                self.concluding.give_up(\n"
                "                    bought, found.failure, payment_id=found.id, now=now\n"
                "                )\n"
                "                return _HANDLED\n"
                "            return Reception.FOREIGN if self._conclude(object_id, now=now) is None "
                "else _HANDLED",
            ),
        ),
    ),
    Mutant(
        "processing taken for paid",
        "a payment that its bank has not decided on is credited",
        (
            Edit(
                "chalicelib.adapters.stripe_payments",
                '        case "processing" | "requires_capture":\n'
                "            return PaymentStatus.PROCESSING\n",
                '        case "processing" | "requires_capture":\n'
                "            return PaymentStatus.SUCCEEDED\n",
            ),
        ),
    ),
    Mutant(
        "action required taken for failure",
        "a payment for which the bank wants the customer counts as declined",
        (
            Edit(
                "chalicelib.adapters.stripe_payments",
                "    return PaymentStatus.REQUIRES_ACTION\n",
                "    return PaymentStatus.DECLINED\n",
            ),
        ),
    ),
    Mutant(
        "given up without cancelling",
        "a declined payment stays payable at Stripe behind the back of a failed purchase",
        (
            Edit(
                f"{_USECASES}.concluding",
                "        if payment.status is not PaymentStatus.CANCELED:\n",
                "        if payment.status is PaymentStatus.SUCCEEDED:\n",
            ),
        ),
    ),
    Mutant(
        "outage counted as decline",
        "a lost answer of Stripe's ends the purchase",
        (
            Edit(
                "chalicelib.adapters.stripe_errors",
                "        raise PaymentsUnavailableError(_said_of(error)) from error\n",
                '        failure = Failure(code="card_declined", decline_code=None, message="No.")\n'
                "        raise PaymentRefusedError(failure) from error\n",
            ),
        ),
    ),
    Mutant(
        "decline counted as outage",
        "who is declined is told to try again later, for ever",
        (
            Edit(
                "chalicelib.adapters.stripe_errors",
                "            raise DeclinedError(intent) from error\n",
                '            raise PaymentsUnavailableError("declined") from error\n',
            ),
        ),
    ),
    Mutant(
        "fresh idempotency key for every attempt",
        "Stripe can't know that a charge is asked for again",
        (
            Edit(
                "chalicelib.adapters.stripe_payments",
                'options={"idempotency_key": request.purchase_id}',
                'options={"idempotency_key": f"{request.purchase_id}{next(_SERIAL)}"}',
            ),
            Edit(
                "chalicelib.adapters.stripe_payments",
                '_ORGANIZATION = "organization_id"\n',
                '_ORGANIZATION = "organization_id"\n_SERIAL = __import__("itertools").count()\n',
            ),
        ),
    ),
    Mutant(
        "refund ordered anew for every attempt",
        "a refund is sent again when its answer was lost",
        (
            Edit(
                "chalicelib.adapters.stripe_refunds",
                "        if known is not None:\n",
                "        if known is not None and not known.in_force:\n",
            ),
            Edit(
                "chalicelib.adapters.stripe_refunds",
                'options={"idempotency_key": request.id}',
                'options={"idempotency_key": f"{request.id}{next(_SERIAL)}"}',
            ),
            Edit(
                "chalicelib.adapters.stripe_refunds",
                "_PAGE = 100\n",
                '_PAGE = 100\n_SERIAL = __import__("itertools").count()\n',
            ),
        ),
    ),
    Mutant(
        "clawed back in full twice",
        "a refund and a dispute of the same money each take all of its credits",
        (
            Edit(
                f"{_USECASES}.reversing",
                "        credits_nanos = after.taken_back_nanos - before.taken_back_nanos\n",
                "        credits_nanos = cents_to_nanos(turned.amount_cents)\n"
                "        credits_nanos *= 1 if turned.in_force else -1\n",
            ),
        ),
    ),
    Mutant(
        "expiry races a settlement",
        "a hold is saved whatever became of it since it was read",
        (
            Edit(
                f"{_DYNAMO}.holds",
                "    return follows(HoldModel, HoldModel.id, value.version)",
                f"    return {_ALWAYS.format('HoldModel.id')}",
            ),
        ),
    ),
    Mutant(
        "settlement not idempotent",
        "each attempt to settle has a key of its own",
        (
            Edit(
                f"{_USECASES}.holding",
                "            key=settlement_key(key),\n",
                "            key=settlement_key(self.ids.new(key, now)),\n",
            ),
        ),
    ),
    Mutant(
        "refusal not kept",
        "a request that was refused is granted when it is repeated later",
        (
            Edit(
                f"{_USECASES}.permitting",
                "            outcome = self.ledger.commit(write)\n",
                "            if write.entries[0].kind is EntryKind.REFUSAL:\n"
                "                return _answer(write.entries[0], replayed=False), False\n"
                "            outcome = self.ledger.commit(write)\n",
            ),
        ),
    ),
    Mutant(
        "answer not kept",
        "a repeated purchase is answered by how it stands, not by what was said first",
        (
            Edit(
                f"{_USECASES}.idempotency",
                "        if self._save(request.answered(answer), now=now):\n",
                '        if answer.body.get("status") == "requires_action":\n'
                "            return answer\n"
                "        if self._save(request.answered(answer), now=now):\n",
            ),
        ),
    ),
    Mutant(
        "key of another request accepted",
        "the content of a repeated request is not compared",
        (
            Edit(
                f"{_USECASES}.idempotency",
                "    if stored_digest != digest:\n",
                "    if not stored_digest:\n",
            ),
        ),
    ),
    Mutant(
        "balance checked without a condition",
        "a deduction is covered if it was when somebody looked",
        (
            Edit(
                f"{_DYNAMO}.balance_conditions",
                "        conditions.append(_exhausted(write.news, -change_nanos, write.cover))\n",
                "",
            ),
            Edit(
                f"{_DYNAMO}.balance_conditions",
                "    if cover is Cover.AMPLE:\n        return serves & nobody_needs_to_act\n",
                "    if cover is Cover.AMPLE:\n        return serves\n",
            ),
        ),
    ),
    Mutant(
        "headroom left behind",
        "a change of the threshold doesn't change the headroom",
        (
            Edit(
                f"{_DYNAMO}.commit",
                "        AccountModel.headroom.add(write.available_nanos - raised),\n",
                "        AccountModel.headroom.add(write.available_nanos),\n",
            ),
        ),
    ),
    Mutant(
        "queue's own deduplication relied on",
        "a report is known again for five minutes only",
        (
            Edit(
                f"{_USECASES}.metering",
                "        uses = [_use_of(reports[index]) for index in firsts.values()]\n",
                "        window = int(now.timestamp()) // 300\n"
                "        uses = [\n"
                "            replace(_use_of(reports[i]), key=report_key(f'{name}@{window}'))\n"
                "            for name, i in firsts.items()\n"
                "        ]\n",
            ),
            Edit(
                f"{_USECASES}.metering",
                "                entries[report_key(report.report_id)],\n",
                "                entries[report_key(f'{report.report_id}@{window}')],\n",
            ),
            Edit(
                f"{_USECASES}.metering",
                "from dataclasses import dataclass\n",
                "from dataclasses import dataclass, replace\n",
            ),
        ),
    ),
    Mutant(
        "failed report acknowledged",
        "a report that met a busy database is deleted from its queue",
        (
            Edit(
                "chalicelib.workers.usage",
                "        return [message.record for message in messages]\n    except Exception:",
                "        return []\n    except Exception:",
            ),
        ),
    ),
    Mutant(
        "traces counted without a version",
        "reports of the same month forget each other's traces",
        (
            Edit(
                f"{_DYNAMO}.trace_counts",
                "    return follows(TraceCountModel, TraceCountModel.month, value.version)",
                f"    return {_ALWAYS.format('TraceCountModel.month')}",
            ),
        ),
    ),
    Mutant(
        "hint lost after the deduction",
        "whoever falls below the threshold is neither marked nor hinted at",
        (
            Edit(f"{_USECASES}.permitting", "        mark_low=low,\n", "        mark_low=False,\n"),
            Edit(
                f"{_USECASES}.taking",
                "            mark_low=account is not None and account.plus(-spent_nanos)"
                ".needs_top_up,\n",
                "            mark_low=False,\n",
            ),
            Edit(
                f"{_USECASES}.metering",
                "        if account is not None and account.needs_top_up:\n",
                "        if account is not None and account.suspended:\n",
            ),
        ),
    ),
    Mutant(
        "number taken outside of the write",
        "an invoice's number is taken first, and lost with the process that took it",
        (
            Edit(
                f"{_USECASES}.concluding",
                "        saves: list[Saved] = [paid, sequence, invoice, notice]\n",
                "        saves: list[Saved] = [paid, invoice, notice]\n"
                "        taken = Write(organization_id=paid.organization_id, at=now, "
                "saves=(sequence,))\n"
                "        self.ledger.commit(taken)\n",
            ),
        ),
    ),
    Mutant(
        "invoice forgotten by the sweep",
        "an invoice whose job is lost is never stored",
        (
            Edit(
                "chalicelib.domain.numbering",
                "        return cls(invoice=invoice, check_at=invoice.issued_at + _FIRST_CHECK)\n",
                "        never = _FIRST_CHECK * 1_000_000\n"
                "        return cls(invoice=invoice, check_at=invoice.issued_at + never)\n",
            ),
        ),
    ),
    Mutant(
        "notice marked before it is passed on",
        "a notice whose publishing fails is told to nobody",
        (
            Edit(
                f"{_USECASES}.noticing",
                "        if not self._save(notice, now=now):\n",
                "        if not self._save(replace(notice, check_at=None), now=now):\n",
            ),
            Edit(
                f"{_USECASES}.noticing",
                "from dataclasses import dataclass\n",
                "from dataclasses import dataclass, replace\n",
            ),
        ),
    ),
    Mutant(
        "write rolled up twice",
        "a change that the stream delivers again is added again",
        (
            Edit(
                "chalicelib.domain.usage_day",
                "            if write.change.number not in self.applied\n",
                "            if write.change.number\n",
            ),
        ),
    ),
    Mutant(
        "failed roll-up acknowledged",
        "a change that could not be rolled up is not delivered again",
        (
            Edit(
                "chalicelib.workers.rolling_up",
                '{"itemIdentifier": number} for number in failed[:1]',
                '{"itemIdentifier": number} for number in failed[:0]',
            ),
        ),
    ),
    # What the simulator found in the product itself, put back.
    Mutant(
        "unmended: prices out of reach",
        "a report is set aside for good when its price can't be read for a moment",
        (
            Edit(
                "chalicelib.workers.usage",
                "    except BusyError:\n        raise  # the prices can't be read: nothing is wrong with the report\n",
                "",
            ),
        ),
    ),
    Mutant(
        "suspension unseen by a write",
        "a deduction or a hold is granted whether or not the account is suspended",
        (
            Edit(f"{_DYNAMO}.balance_conditions", "return serves & nobody", "return nobody"),
            Edit(f"{_DYNAMO}.balance_conditions", "return serves & not_", "return not_"),
        ),
    ),
    Mutant(
        "suspended accounts are charged",
        "auto top-up goes on while an account is suspended",
        (
            Edit(
                "chalicelib.domain.topup",
                "        if account.suspended:\n            return Decision.SUSPENDED\n",
                "",
            ),
        ),
    ),
    Mutant(
        "resumed without a look",
        "nobody looks whether an account that is let go on is due for a top-up",
        (
            Edit(
                f"{_USECASES}.suspending",
                "mark_low=after is Standing.OPEN and account.tops_up",
                "mark_low=False",
            ),
            Edit(
                f"{_USECASES}.suspending",
                "        if entry is not None and account.needs_top_up:\n",
                "        if entry is None and account.needs_top_up:\n",
            ),
        ),
    ),
    Mutant(
        "credits are given up once",
        "what comes to a closed account after its first closing has the key of what came before",
        (
            Edit(
                f"{_USECASES}.closing",
                "        number = 1 + len(self._forfeits(act))\n",
                "        number = 1\n",
            ),
        ),
    ),
    Mutant(
        "a closed account is topped up",
        "auto top-up can be turned on in the moment in which an account is closed",
        (
            Edit(
                f"{_DYNAMO}.commit",
                "            conditions.append(_unset(AccountModel.closed))\n    if write.standing:",
                "            conditions.append(floor_as_read)\n    if write.standing:",
            ),
            Edit(f"{_USECASES}.closing", "                saves=(off,),\n", ""),
        ),
    ),
    Mutant(
        "unmended: a charge that never reached Stripe",
        "after a top-up that was given up without a failure, nobody looks at the account again",
        (
            Edit(
                f"{_USECASES}.topping_up",
                "        pending = decision in {Decision.CHARGE, Decision.ALREADY_OPEN}\n",
                "        pending = not decision\n",
            ),
            Edit(
                "chalicelib.domain.topup",
                "            return replace(freed, check_at=now if self.enabled and not self.paused else None)\n",
                "            return freed\n",
            ),
        ),
    ),
    Mutant(
        "unmended: due by a refund or an adjustment",
        "a top-up that no usage made due is not looked after",
        (
            Edit(f"{_USECASES}.adjusting", "                mark_low=taking,\n", ""),
            Edit(f"{_USECASES}.reversing", "            mark_low=entry.amount_nanos < 0,\n", ""),
        ),
    ),
    Mutant(
        "unmended: a read out of reach",
        "a database that doesn't answer a read is told as a bug of ours",
        (
            Edit(
                f"{_DYNAMO}.connection",
                "            if operation_name in _READS and _passes(error):\n",
                "            if not operation_name and _passes(error):\n",
            ),
        ),
    ),
    Mutant(
        "unmended: a secret out of reach",
        "a secret that can't be read at first is told as a bug of ours",
        (
            Edit(
                "chalicelib.adapters.secrets",
                "class SecretUnavailableError(BusyError):\n",
                "class SecretUnavailableError(Exception):\n",
            ),
        ),
    ),
    Mutant(
        "unmended: a write without an answer",
        "a lost answer to a write is told as a bug of ours",
        (
            Edit(
                f"{_DYNAMO}.connection",
                '    answer = getattr(error.cause, "response", None) or {}\n',
                '    answer = getattr(error.cause, "response", {})\n',
            ),
        ),
    ),
    Mutant(
        "unmended: the standing of the latest entry",
        "of two acts that meet, the one that began last counts, not the one that was written last",
        (
            Edit(
                "chalicelib.domain.stored_account",
                "    closed: bool = False\n    missing:",
                "    closed: bool = False\n    told: Entry | None = None\n    missing:",
            ),
            Edit(
                "chalicelib.domain.stored_account",
                "        if self.closed:\n            return Standing.CLOSED\n",
                "        if self.told is not None and self.told.kind is EntryKind.RESUMPTION:\n"
                "            return Standing.OPEN\n"
                "        if self.told is not None and self.told.kind is EntryKind.CLOSURE:\n"
                "            return Standing.CLOSED\n",
            ),
            Edit(
                "chalicelib.domain.stored_account",
                "                latest=_later(sums.latest, write[0]),\n",
                "                latest=_later(sums.latest, write[0]),\n"
                "                told=_later(sums.told, write[0])\n"
                "                if write[0].kind in {*_SUSPENDS, EntryKind.CLOSURE}\n"
                "                else sums.told,\n",
            ),
        ),
    ),
)
