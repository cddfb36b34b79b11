/**
 * Proof Key for Code Exchange (RFC 7636), S256 alone: whoever began a sign-in keeps a random verifier, gives
 * its digest when it begins, and shows the verifier when it exchanges the code. So nobody's browser is
 * given a code that somebody else has got.
 */
import { z } from 'zod'

const challenge = z
  .string()
  .regex(/^[\w-]{43}$/, 'SHA-256 in base64url without padding')
  .meta({
    description: 'SHA-256 of your `code_verifier`: the code is then exchanged with that alone.',
  })

export const challengeFields = {
  code_challenge: z.exactOptional(challenge),
  code_challenge_method: z.exactOptional(z.literal('S256')),
}

export const codeVerifier = z
  .exactOptional(z.string().regex(/^[\w.~-]{43,128}$/, '43 to 128 of A-Z, a-z, 0-9, ., _, ~ and -'))
  .meta({
    description:
      'What the `code_challenge` of the sign-in was made of. Needed with one, wrong without.',
  })
