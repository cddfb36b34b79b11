// A server killed anywhere between a wish to pay and its answer: the repeat answers one page, and the provider has made one thing to pay for.
import { embedded } from '../support/kill-engines.ts'
import { killCheckouts } from './checkouts.ts'

killCheckouts(embedded)
