/**
 * What is written about a person and about the claim on an address: the stored contract.
 * An address and a reason are personal, a password hash is secret; both go with the person's key.
 */
import { z } from 'zod'
import { event, type EventsOf } from '../event.ts'
import { idField, instant } from '../ids.ts'
import { clear, personal, secret } from '../personal.ts'
import { emailHmacText, localeText } from './email.ts'

export const platformRoles = ['administrator'] as const
export const platformRoleSchema = z.enum(platformRoles)
export type PlatformRole = z.output<typeof platformRoleSchema>

const userId = idField('user')
const claimId = idField('claim')
const email = personal(z.string(), 'userId')
const passwordHash = secret(z.string(), 'userId')
const emailHmac = clear(emailHmacText)
const locale = clear(localeText)
const role = clear(platformRoleSchema)

export const userEvents = {
  UserRegistered: event('A person has an account.', {
    userId,
    /** The claim that decided this registration. */
    claimId,
    email,
    emailHmac,
    /** True where the address was made up by us (a sign-up without e-mail) and takes no mail. */
    provisional: clear(z.boolean()),
    /** None where the person signs in by other means only. */
    passwordHash: passwordHash.optional(),
    locale,
    /** The organization of this person alone, made right after. */
    personalOrgId: idField('organization'),
    at: instant,
  }),
  EmailVerified: event('The person showed that they read mail at this address.', {
    userId,
    emailHmac,
    at: instant,
  }),
  EmailChanged: event(
    'The person has another address, not yet verified. The old claim is released next.',
    {
      userId,
      email,
      emailHmac,
      claimId,
      previousEmail: personal(z.string(), 'userId'),
      previousEmailHmac: emailHmac,
      previousClaimId: claimId,
      at: instant,
    },
  ),
  PasswordChanged: event('The person signs in with another password, or its hash was renewed.', {
    userId,
    passwordHash,
    /** `rehash`: the same password under newer parameters; it ends no session and no reset link. */
    cause: clear(z.enum(['user', 'reset', 'operator', 'rehash'])),
    at: instant,
  }),
  LocaleChanged: event('The person is spoken to in another language.', {
    userId,
    locale,
    at: instant,
  }),
  TermsAccepted: event('The person accepted a version of the terms.', {
    userId,
    version: clear(z.string().min(1).max(64)),
    at: instant,
  }),
  PlatformRoleGranted: event('The person may administer the whole installation.', {
    userId,
    role,
    at: instant,
  }),
  PlatformRoleRevoked: event('The person may no longer administer the installation.', {
    userId,
    role,
    at: instant,
  }),
  UserDeactivated: event('The person may not sign in or act, from the next request on.', {
    userId,
    reason: personal(z.string(), 'userId').optional(),
    at: instant,
  }),
  UserReactivated: event('The person may sign in and act again.', { userId, at: instant }),
}
export type UserEvent = EventsOf<typeof userEvents>

export const emailClaimEvents = {
  EmailClaimed: event(
    'The address belongs to this person. The second step follows from what is here.',
    {
      claimId,
      userId,
      email,
      emailHmac,
      at: instant,
      purpose: clear(z.enum(['registration', 'change'])),
      /** What a registration needs besides the address; absent for a change of address. */
      passwordHash: passwordHash.optional(),
      locale: locale.optional(),
      personalOrgId: idField('organization').optional(),
      platformRoles: clear(z.array(platformRoleSchema)).optional(),
      /** The operator vouches for the address: it counts as verified. */
      verified: clear(z.boolean()).optional(),
    },
  ),
  EmailReleased: event('The address is free again.', {
    claimId,
    userId,
    /** `changed`: the person has another address. `refused`: the second step was refused. */
    reason: clear(z.enum(['changed', 'refused'])),
    at: instant,
  }),
  RegistrationAttempted: event(
    'Somebody asked for an account with an address that is taken; its owner is told by mail.',
    {
      /** The claim that was not granted. */
      claimId,
      /** The owner of the address. */
      userId,
      at: instant,
    },
  ),
}
export type EmailClaimEvent = EventsOf<typeof emailClaimEvents>
