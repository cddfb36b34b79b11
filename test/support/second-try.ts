/**
 * CI gives a test that failed a second try (TEST_RETRIES=1) and names it in its report: a test that
 * passes only then is a finding all the same. Most of what fails once waits for real servers and
 * processes on a machine that others use. A property that was refuted is never tried again: another
 * seed would hide it.
 */
export const secondTry = {
  count: Number(process.env['TEST_RETRIES'] ?? 0),
  condition: /^(?!Property failed)/,
}
