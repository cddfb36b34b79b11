/**
 * What the providers may take from the seller in one period: the stored contract. Processes take parts
 * of the ceiling for the calls that they carry out, so that not every call is an event here.
 */
import { z } from 'zod'
import { event, type EventsOf } from '../event.ts'
import { idField, instant } from '../ids.ts'
import { clear } from '../personal.ts'

/** A UTC day (`2030-01-31`) or month (`2030-01`): also the id of the stream. */
export const spendPeriod = z.string().regex(/^\d{4}-(0[1-9]|1[0-2])(-\d\d)?$/)
const amount = clear(z.string().regex(/^(0|[1-9]\d{0,18})$/))

const part = {
  period: clear(spendPeriod),
  /** The process. */
  runId: clear(z.uuid()),
  /** Counts what this process says of the period, from 1: each is taken once. */
  number: clear(z.int().positive()),
  amountNanos: amount,
  at: instant,
}
export const spendCeilingEvents = {
  SpendReserved: event('A process may let its calls cost the seller so much more.', {
    ...part,
    /** At that moment: what is reserved in all is never above it. Absent where only alerts are set. */
    ceilingNanos: clear(z.exactOptional(z.string().regex(/^[1-9]\d{0,18}$/))),
  }),
  SpendReturned: event('A process did not need so much of what it had reserved.', part),
  SpendThresholdReached: event(
    'What is reserved has reached so many percent of a budget of the platform. Told once each.',
    {
      period: clear(spendPeriod),
      policyId: idField('policy'),
      version: clear(z.int().positive()),
      percent: clear(z.int().positive()),
      reservedNanos: amount,
      amountNanos: amount,
      hard: clear(z.boolean()),
      at: instant,
    },
  ),
}
export type SpendCeilingEvent = EventsOf<typeof spendCeilingEvents>
