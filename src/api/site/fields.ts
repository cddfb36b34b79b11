/** Fields that more than one form has. Password managers know them by `autocomplete`. */
import { z } from 'zod'
import { PASSWORD_MIN } from '../../domain/user/password-policy.ts'
import type { SiteMessages } from '../../messages/site/site.ts'
import { type Html, markup } from './html.ts'

/** An empty one is let through: the page says what is wrong with it. */
export const passwordField = z.string().max(1_024).meta({ format: 'password' })

export const saysTwice = ({ password, again }: { password: string; again: string }): boolean =>
  password === again

/** `fixed`: the address is settled, and shown for password managers. */
export const emailField = (label: string, fixed?: string, id = 'email'): Html =>
  markup`<label for="${id}">${label}</label>
<input id="${id}" name="email" type="email" autocomplete="username" required maxlength="320"
${fixed !== undefined && markup`value="${fixed}" readonly`}>`

export const passwordInput = (label: string): Html =>
  markup`<label for="password">${label}</label>
<input id="password" name="password" type="password" autocomplete="current-password" required
maxlength="1024">`

export const newPasswordFields = ({ fields }: SiteMessages): Html =>
  markup`<label for="new">${fields.newPassword}</label>
<input id="new" name="password" type="password" autocomplete="new-password" required
minlength="${PASSWORD_MIN}" maxlength="1024" aria-describedby="hint">
<p class="hint" id="hint">${fields.hint(PASSWORD_MIN)}</p>
<label for="again">${fields.again}</label>
<input id="again" name="again" type="password" autocomplete="new-password" required
minlength="${PASSWORD_MIN}" maxlength="1024">`
