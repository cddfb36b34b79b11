/** Flows of people, organizations, plans, credit and agents, with every `|` in them. */
import { after, before, type Flow, NEW_EMAIL, NEW_PASSWORD, sweptAfter } from './flow.ts'

export const registration: Flow = {
  name: 'register',
  asks: () => ({
    line: 'POST /auth/register',
    key: 'register-1',
    body: { email: NEW_EMAIL, password: NEW_PASSWORD },
  }),
  status: 202,
  effects: {
    EmailClaimed: 1,
    UserRegistered: 1,
    OrganizationCreated: 1,
    BillingAccountOpened: 1,
    SubscriptionStarted: 1,
    CreditGranted: 1,
    PeriodStarted: 1,
    MailRequested: 1,
    MailSent: 1,
  },
  points: [
    before('EmailClaimed'),
    { at: 'key' },
    ...[
      'EmailClaimed',
      'UserRegistered',
      'OrganizationCreated',
      'BillingAccountOpened',
      'SubscriptionStarted',
      'CreditGranted',
      'PeriodStarted',
      'MailRequested',
    ].map(sweptAfter),
    { ...before('MailSent'), swept: true },
    sweptAfter('MailSent'),
    { at: 'answer', swept: true },
  ],
}

const verification: Flow = {
  name: 'verify an address',
  asks: ({ verifyToken }) => ({
    line: 'POST /auth/verify-email',
    key: 'verify-1',
    body: { token: verifyToken },
  }),
  status: 204,
  effects: { EmailVerified: 1, CreditGranted: 1 },
  points: [before('EmailVerified'), sweptAfter('EmailVerified'), sweptAfter('CreditGranted')],
}

const changeOfAddress: Flow = {
  name: 'change an address',
  asks: ({ person, password }) => ({
    line: 'PATCH /me',
    key: 'address-1',
    token: person.token,
    body: { email: NEW_EMAIL, current_password: password },
  }),
  status: 200,
  effects: { EmailClaimed: 1, EmailChanged: 1, EmailReleased: 1, MailRequested: 2, MailSent: 2 },
  points: [
    before('EmailClaimed'),
    ...['EmailClaimed', 'EmailChanged', 'EmailReleased', 'MailRequested'].map(sweptAfter),
  ],
}

/** Two wishes in one request: the second is finished by the repeat, which alone has the password. */
const changeOfBoth: Flow = {
  ...changeOfAddress,
  name: 'change an address and the password',
  asks: (data) => {
    const asked = changeOfAddress.asks(data)
    return { ...asked, body: { ...(asked.body as object), password: NEW_PASSWORD } }
  },
  effects: { ...changeOfAddress.effects, PasswordChanged: 1, MailRequested: 3, MailSent: 3 },
  points: [
    after('EmailClaimed'),
    after('EmailChanged'),
    before('PasswordChanged'),
    sweptAfter('PasswordChanged'),
  ],
}

const signingIn: Flow = {
  name: 'sign in',
  asks: ({ email, password }) => ({
    line: 'POST /auth/login',
    key: 'login-1',
    body: { email, password },
  }),
  status: 200,
  effects: { SessionStarted: 1 },
  points: [before('SessionStarted'), after('SessionStarted'), { at: 'answer' }],
}

const refreshing: Flow = {
  name: 'refresh',
  asks: ({ person }) => ({
    line: 'POST /auth/refresh',
    body: { refresh_token: person.refreshToken },
  }),
  status: 200,
  effects: { SessionRefreshed: 1 },
  points: [before('SessionRefreshed'), after('SessionRefreshed'), { at: 'answer' }],
}

const signingOut: Flow = {
  name: 'sign out',
  asks: ({ member }) => ({ line: 'POST /auth/logout', key: 'logout-1', token: member.token }),
  status: 204,
  effects: { SessionRevoked: 1 },
  points: [
    before('SessionRevoked'),
    { ...after('SessionRevoked'), ends: { status: 401, effects: { SessionRevoked: 1 } } },
  ],
}

const creatingAgent: Flow = {
  name: 'create an agent',
  asks: ({ person }) => ({
    line: 'POST /agents',
    key: 'agent-1',
    token: person.token,
    body: {
      slug: 'translator',
      name: 'Translator',
      version: { system_prompt: 'Quokka-3308', prompt_template: '{{input}}' },
    },
  }),
  status: 201,
  effects: { SlugClaimed: 1, AgentCreated: 1, AgentVersionPublished: 1, AgentLabelMoved: 1 },
  points: [before('SlugClaimed'), after('SlugClaimed'), sweptAfter('AgentCreated')],
}

const subscribing: Flow = {
  name: 'subscribe',
  asks: ({ person, otherPlanId }) => ({
    line: 'POST /billing/subscribe',
    key: 'subscribe-1',
    token: person.token,
    body: { plan_id: otherPlanId },
  }),
  status: 200,
  // The credit of the person's period came with the plan before.
  effects: { SubscriptionCanceled: 1, SubscriptionStarted: 1, PeriodStarted: 1 },
  points: [
    before('SubscriptionStarted'),
    sweptAfter('SubscriptionStarted'),
    sweptAfter('PeriodStarted'),
    { at: 'answer', swept: true },
  ],
}

const canceling: Flow = {
  name: 'cancel a subscription',
  asks: ({ person }) => ({ line: 'POST /billing/cancel', key: 'cancel-1', token: person.token }),
  status: 200,
  effects: { SubscriptionCanceled: 1 },
  points: [before('SubscriptionCanceled'), sweptAfter('SubscriptionCanceled')],
}

const granting: Flow = {
  name: 'grant credit',
  asks: ({ administrator, person }) => ({
    line: `POST /admin/accounts/${person.orgId}/credits`,
    key: 'grant-1',
    token: administrator.token,
    body: { amount: '1.25', kind: 'paid', reason: 'for a test' },
  }),
  status: 201,
  effects: { CreditGranted: 1 },
  points: [before('CreditGranted'), sweptAfter('CreditGranted'), { at: 'answer' }],
}

const creatingOrganization: Flow = {
  name: 'create an organization',
  asks: ({ person }) => ({
    line: 'POST /organizations',
    key: 'organization-1',
    token: person.token,
    body: { name: 'Quokka-3308 Ltd' },
  }),
  status: 201,
  effects: { OrganizationCreated: 1 },
  points: [before('OrganizationCreated'), sweptAfter('OrganizationCreated')],
}

const inviting: Flow = {
  name: 'invite',
  asks: ({ person }) => ({
    line: `POST /organizations/${person.orgId}/invitations`,
    key: 'invite-1',
    token: person.token,
    body: { email: NEW_EMAIL, role: 'member' },
  }),
  status: 201,
  effects: { MemberInvited: 1, MailRequested: 1, MailSent: 1 },
  points: [before('MemberInvited'), sweptAfter('MemberInvited'), sweptAfter('MailRequested')],
}

export const peopleFlows: readonly Flow[] = [
  registration,
  verification,
  changeOfAddress,
  changeOfBoth,
  signingIn,
  refreshing,
  signingOut,
  subscribing,
  canceling,
  granting,
  creatingOrganization,
  inviting,
  creatingAgent,
]
