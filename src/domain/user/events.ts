/**
 * What is written about a person and about the claim on an address: the stored contract.
 * An address and a reason are personal, a password hash is secret; both go with the person's key.
 */
import { z } from 'zod'
import { event, type EventsOf } from '../event.ts'
import { idField, instant } from '../ids.ts'
import { clear, NOBODY, personal, secret, shownTo } from '../personal.ts'
import { emailHmacText, localeText } from './email.ts'

export const platformRoles = ['administrator'] as const
export const platformRoleSchema = z.enum(platformRoles)
export type PlatformRole = z.output<typeof platformRoleSchema>

const userId = idField('user')
const claimId = idField('claim')
const email = personal(z.string(), 'userId')
const passwordHash = secret(z.string(), 'userId')
const emailHmac = clear(emailHmacText)
/** Keyed HMAC of a Telegram id: its name in streams and look-ups. */
const telegramHmac = clear(emailHmacText)
const locale = clear(localeText)
const role = clear(platformRoleSchema)

/** `another_linked`: the person had another Telegram account by then. `deactivated`: they may not act. */
const telegramLinkRefusals = ['another_linked', 'deactivated'] as const

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
      /** The previous address was made up by us: nobody reads mail there. */
      previousProvisional: clear(z.literal(true)).optional(),
      at: instant,
    },
  ),
  EmailChangeRefused: event(
    'The claim on an address ends without a change, for ever: now it may be released.',
    {
      userId,
      emailHmac,
      claimId,
      /** `deactivated`: the person might not act. */
      reason: clear(z.enum(['deactivated'])),
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
  TelegramLinked: event('The person signs in by Telegram, too, and is known to the bot.', {
    userId,
    /** Of the Telegram account. */
    telegramHmac,
    /** The claim that decided it. */
    claimId,
    telegramId: personal(z.string(), 'userId'),
    username: personal(z.string(), 'userId').optional(),
    /** `registration`: it is how the person came to have an account. */
    purpose: clear(z.enum(['registration', 'link'])),
    at: instant,
  }),
  TelegramUnlinked: event('The Telegram account is not this person’s any more.', {
    userId,
    telegramHmac,
    claimId,
    at: instant,
  }),
  TelegramLinkRefused: event(
    'The claim on a Telegram account ends without a link, for ever: now it may be released.',
    {
      userId,
      telegramHmac,
      claimId,
      reason: clear(z.enum(telegramLinkRefusals)),
      at: instant,
    },
  ),
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
      /** The address was made up by us and takes no mail. */
      provisional: clear(z.literal(true)).optional(),
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

export const telegramClaimEvents = {
  TelegramClaimed: event(
    'The Telegram account belongs to this person. The following steps come from what is here.',
    {
      claimId,
      userId,
      telegramHmac,
      telegramId: personal(z.string(), 'userId'),
      username: personal(z.string(), 'userId').optional(),
      /** As the person calls themselves there. */
      name: personal(z.string(), 'userId').optional(),
      purpose: clear(z.enum(['registration', 'link'])),
      /** What a registration needs besides. */
      locale: locale.optional(),
      personalOrgId: idField('organization').optional(),
      at: instant,
    },
  ),
  TelegramReleased: event('The Telegram account is nobody’s again.', {
    claimId,
    userId,
    /** `unlinked`: by the person. `refused`: a following step was refused. */
    reason: clear(z.enum(['unlinked', 'refused'])),
    at: instant,
  }),
  TelegramLoginUsed: event('Signed data of Telegram was used to get in; it works once.', {
    /** SHA-256 of the signature. */
    loginHash: shownTo(NOBODY, clear(z.string().regex(/^[0-9a-f]{64}$/))),
    /** When Telegram signed it. */
    signedAt: instant,
    at: instant,
  }),
}
export type TelegramClaimEvent = EventsOf<typeof telegramClaimEvents>
