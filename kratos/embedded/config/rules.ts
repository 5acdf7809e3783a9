import type { Json } from '../json.js'

/** The problem with a value, as text that follows its path; undefined when there is none. */
export type Check = (value: Json) => string | undefined

/** What the embedded server does with a setting of Kratos, or with everything below it. */
export type Rule =
  /** It works as in Kratos. */
  | { kind: 'read', check: Check }
  /** It changes no answer. It is accepted and mentioned at start; `why` is the reason. */
  | { kind: 'ignored', why: string }
  /**
   * It would change answers. Only the values in `off` are accepted, which switch it off. `what` names the missing
   * feature.
   */
  | { kind: 'unbuilt', off: Json[], what: string }
  /** A mapping or list that must have these keys. */
  | { kind: 'group', required: string[], check: Check }

export const read = (check: Check): Rule => ({ kind: 'read', check })
export const ignored = (why: string): Rule => ({ kind: 'ignored', why })
export const unbuilt = (what: string, ...off: Json[]): Rule => ({ kind: 'unbuilt', off, what })
export const group = (required: string[], check: Check = () => undefined): Rule => ({ kind: 'group', required, check })

const expect = (words: string, isGood: (value: Json) => boolean): Check => (value) =>
  isGood(value) ? undefined : `wants ${words}`

const isText = (value: Json): value is string => typeof value === 'string'

export const boolean = expect('true or false', (value) => typeof value === 'boolean')
export const text = expect('a text', isText)
export const duration = expect(
  'a duration such as 10m or 24h',
  (value) => isText(value) && /^([0-9]+(ns|us|ms|s|m|h))+$/.test(value),
)
/** May be relative. */
export const url = expect('a URL', (value) => isText(value) && URL.canParse(value, 'http://relative.invalid'))
export const absoluteUrl = expect(
  'a URL such as http://127.0.0.1:4433/',
  (value) => isText(value) && /^https?:\/\//i.test(value) && URL.canParse(value),
)
/** With a scheme of any kind, as apps on Android have it. */
export const uri = expect('a URL with a scheme', (value) => isText(value) && URL.canParse(value))
/** Address of a schema or a Jsonnet template. Kratos can also fetch one by HTTP. */
export const address = expect(
  'a file:// or base64:// address; the embedded server fetches nothing',
  (value) => isText(value) && /^(file|base64):\/\//.test(value),
)
/** Kratos has these two booleans as strings. */
export const booleanText = expect("'true' or 'false' in quotes", (value) => value === 'true' || value === 'false')

export const integer = (min: number, max: number): Check =>
  expect(
    `a whole number from ${min} to ${max}`,
    (value) => Number.isInteger(value) && Number(value) >= min && Number(value) <= max,
  )

export const oneOf = (...values: string[]): Check =>
  expect(values.join(', ').replace(/, ([^,]*)$/, ' or $1'), (value) => isText(value) && values.includes(value))

/** The value is never printed. */
export const secret = (min: number, max = Infinity): Check =>
  expect(
    min === max ? `${min} characters` : `at least ${min} characters`,
    (value) => isText(value) && value.length >= min && value.length <= max,
  )
