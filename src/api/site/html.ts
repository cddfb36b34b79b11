/**
 * HTML as text that cannot be got wrong: whatever is put into a template is escaped, unless it is HTML
 * made here. There is no way to mark a plain text as HTML.
 */
export class Html {
  readonly #text: string
  private constructor(text: string) {
    this.#text = text
  }
  /** Only templates call it: strings of the code, and values that were escaped. */
  static ofTemplate(parts: TemplateStringsArray, values: readonly Value[]): Html {
    return new Html(parts.map((part, index) => part + shown(values[index])).join(''))
  }
  toString(): string {
    return this.#text
  }
}
export type Value = string | number | Html | undefined | false | readonly Html[]

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

const shown = (value: Value): string => {
  if (value === undefined || value === false) return ''
  if (value instanceof Html) return value.toString()
  if (typeof value === 'object') return value.map(String).join('')
  return String(value).replaceAll(/[&<>"']/g, (one) => ESCAPES[one] ?? one)
}

/** Not called `html`: formatters change the white space of what they know by that name. */
export const markup = (parts: TemplateStringsArray, ...values: readonly Value[]): Html =>
  Html.ofTemplate(parts, values)
