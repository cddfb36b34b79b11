// A server killed anywhere between a wish to write and the record that it was sent: the person gets the mail, at most twice under one Message-ID, and the log has one intent with one end.
import { embedded } from '../support/kill-engines.ts'
import { killMails } from './mails.ts'

killMails(embedded)
