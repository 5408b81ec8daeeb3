// How fast credits are spent, how long they last, how often a top-up would have fired.

import { nanosOf } from "./money.js";

const PACE_DAYS = 7;

/**
 * What was spent on each day, in nano-dollars, in the order of the days.
 *
 * @param {{spent: string}[]} days what GET /balance-history answers
 * @returns {bigint[]}
 */
export function spentByDay(days) {
  return days.map(({ spent }) => nanosOf(spent));
}

/**
 * What is spent in a day, by the last seven.
 *
 * @param {{spent: string}[]} days
 */
export function dailyPace(days) {
  return spentByDay(days.slice(-PACE_DAYS)).reduce((sum, spent) => sum + spent, 0n) / BigInt(PACE_DAYS);
}

/**
 * For how many days an amount lasts; null if nothing is spent.
 *
 * @param {bigint} nanos
 * @param {bigint} pace
 */
export function daysLeft(nanos, pace) {
  if (pace <= 0n) return null;
  return nanos <= 0n ? 0 : Number((nanos + pace / 2n) / pace);
}

/**
 * How often a top-up would have fired in the last 30 days, had it begun with one just made.
 *
 * @param {bigint[]} spent of each day
 * @param {{threshold: bigint, amount: bigint, limit: bigint | null}} order in nano-dollars
 * @returns {{times: number, total: bigint, limited: boolean}}
 */
export function firings(spent, { threshold, amount, limit }) {
  let balance = threshold + amount;
  let total = 0n;
  let times = 0;
  let limited = false;
  for (const day of spent) {
    balance -= day;
    while (balance < threshold) {
      if (limit !== null && total + amount > limit) {
        limited = true;
        break;
      }
      balance += amount;
      total += amount;
      times += 1;
    }
  }
  return { times, total, limited };
}
