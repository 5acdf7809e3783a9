import type { Test } from 'tap'
import { ERROR_MESSAGES } from '../../kratos/embedded/ui/error-messages.js'
import { formErrors } from '../../src/flows/messages.js'

/** What nobody who fills in a form has heard of. */
const DEVELOPER_WORDS =
  /["`{}[\]<>=]|multipleOf|additionalProperties|strategy|\bconst\b|\btraits?\b|\bflow\b|schema|misconfiguration|JSON|HTTP|cookie|WebAuthn|TOTP|items at index|got \w/i

const textOf = (message: object, field: string | null): string => {
  const nodes = field === null ? [] : [{ attributes: { name: field }, messages: [message] }]
  const ui = { nodes, messages: field === null ? [message] : [] }
  return formErrors({ ui })[0]?.text ?? ''
}

const OF_TEXT = ['required', 'pattern', 'constant', 'email', 'phone']
const sample = (name: string): unknown[] => {
  if (name === 'wrongType') return [['string'], 'number']
  if (name.endsWith('FlowExpired')) return [90_000]
  return [OF_TEXT.includes(name) ? 'x' : 3, 2]
}

/** Of the real one, under an id that says nothing. */
const GENERIC = [
  '"" is not valid "email"',
  '"2020-13-45" is not valid "date"',
  'additionalProperties "role" not allowed',
  'value must be one of "a", "b"',
  'oneOf failed',
  'if-then failed',
  'The HTTP header Cookie must not be set',
  'invalid character \'x\' looking for beginning of value',
]

export default async function (t: Test): Promise<void> {
  t.test('errors of a form', async (t) => {
    t.test('say what Kratos may complain of in words for people', async (t) => {
      const messages = ERROR_MESSAGES as unknown as Record<string, (...values: unknown[]) => object>
      for (const [name, make] of Object.entries(messages)) {
        if (name === 'generic') continue
        const message = make(...sample(name))
        for (const field of [null, 'traits.email']) {
          const text = textOf(message, field)
          t.match(text, /^[A-Z].{5,}$/, name)
          t.notMatch(text, DEVELOPER_WORDS, name)
        }
      }
      for (const reason of GENERIC) {
        const message = ERROR_MESSAGES.generic(reason)
        for (const field of [null, 'traits.email']) t.notMatch(textOf(message, field), DEVELOPER_WORDS, reason)
      }
    })

    t.test('leave as it is what is for people already', async (t) => {
      for (const text of ['Please use the address of your school.', 'Bitte eine Firmenadresse angeben.']) {
        t.equal(textOf({ id: 4000001, text, type: 'error' }, null), text)
        t.equal(textOf({ id: 1234, text, type: 'error' }, 'traits.email'), text, 'a hook of the product')
      }
    })

    t.test('tell apart what Kratos says under one number', async (t) => {
      const declined = 'Unable to complete OpenID Connect flow because the OpenID Provider returned error "access_denied": no'
      for (const [text, code] of [
        [declined, 'provider_refused'],
        ['The request was submitted too often. Please request another code.', 'too_many_tries'],
        ['something else', 'invalid'],
      ]) {
        const [error] = formErrors({ ui: { nodes: [], messages: [{ id: 4000001, text, type: 'error' }] } })
        t.equal(error?.code, code)
        t.notMatch(error?.text, DEVELOPER_WORDS)
      }
    })
  })
}
