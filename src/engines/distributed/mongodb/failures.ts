/**
 * What an error of the MongoDB driver means: the server is away (try again later), the document was
 * there already, or a defect that is passed on as it is.
 */
import {
  MongoAPIError,
  MongoBulkWriteError,
  MongoError,
  MongoServerError,
  MongoWriteConcernError,
} from 'mongodb'

/** Conditions of a server or a replica set that pass: elections, shutdown, limits of time, a full disk. */
const PASSING_CODES: ReadonlySet<unknown> = new Set([
  1, // InternalError
  6, // HostUnreachable
  7, // HostNotFound
  8, // UnknownError
  11, // UserNotFound
  13, // Unauthorized
  18, // AuthenticationFailed
  24, // LockTimeout
  43, // CursorNotFound
  50, // MaxTimeMSExpired
  64, // WriteConcernFailed
  79, // UnknownReplWriteConcern
  89, // NetworkTimeout
  91, // ShutdownInProgress
  100, // UnsatisfiableWriteConcern
  112, // WriteConflict
  133, // FailedToSatisfyReadPreference
  134, // ReadConcernMajorityNotAvailableYet
  175, // QueryPlanKilled
  189, // PrimarySteppedDown
  202, // NetworkInterfaceExceededTimeLimit
  237, // CursorKilled
  262, // ExceededTimeLimit
  8000, // refused by a hosted service
  9001, // SocketException
  10058, // LegacyNotPrimary
  10107, // NotWritablePrimary
  11600, // InterruptedAtShutdown
  11601, // Interrupted
  11602, // InterruptedDueToReplStateChange
  13435, // NotPrimaryNoSecondaryOk
  13436, // NotPrimaryOrSecondary
  14031, // OutOfDiskSpace
])

const DUPLICATE_KEY = 11_000

/** Trying again later may help; asking for something else is not needed. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof MongoError)) return isOfSocket(error)
  if (error.hasErrorLabel('RetryableWriteError')) return true
  if (error instanceof MongoBulkWriteError && isWrapped(error)) return true
  if (error instanceof MongoServerError)
    return PASSING_CODES.has(error.code) || isUnconfirmed(error)
  // Misuse of the driver is a defect, but for what comes after a close.
  if (error instanceof MongoAPIError) return /Closed|NotConnected/.test(error.name)
  return true
}

/** The driver passes some errors of a socket on as they are, such as EPIPE. */
const isOfSocket = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && /^E[A-Z]+$/.test(String(error.code))

/** A bulk hides a lost connection in an error of its own, without a code and without its cause. */
const isWrapped = ({ code, writeErrors }: MongoBulkWriteError): boolean =>
  code === undefined && [writeErrors].flat().length === 0

/** Written, but not confirmed in time by as many members, or not as being on disk. */
export const isUnconfirmed = (error: unknown): boolean =>
  error instanceof MongoWriteConcernError ||
  (error instanceof MongoBulkWriteError && error.result.getWriteConcernError() !== undefined)

/** A document of this `_id` was there already. */
export const isDuplicate = (error: unknown): boolean =>
  error instanceof MongoServerError && error.code === DUPLICATE_KEY && !isUnconfirmed(error)
