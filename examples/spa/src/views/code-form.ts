import type { Outcome } from 'fastify-kratos/client'
import { button, focusOn, h } from '../dom.js'
import { codeField, renderForm } from '../form.js'
import { tell } from '../notice.js'
import { type Handlers, settle } from '../outcome.js'
import { say, type Word } from '../words.js'

export interface CodeStep {
  email: string
  /** Nobody is told whether an address has an account; a new one has none. */
  text?: Word
  confirm: (code: string) => Promise<Outcome>
  sendAgain: () => Promise<Outcome>
  handlers: Handlers<Outcome>
}

/** Asks for the code of a mail, in the place of the form that had it sent. */
export function codeForm (place: HTMLElement, step: CodeStep): void {
  const text = say(step.text ?? 'codeSent', { email: step.email })
  const title = h('h2', { tabindex: '-1' }, say('codeTitle'))
  const form = renderForm({
    fields: [codeField(say('code'))],
    submit: say('goOn'),
    send: async ({ code = '' }, form) => settle(await step.confirm(code), step.handlers, { form, retry: form.again }),
  })
  const resend = async (): Promise<void> => {
    await settle(await step.sendAgain(), {
      form: () => tell(text),
    }, { retry: resend })
    form.querySelector('input')?.focus()
  }
  place.replaceChildren(title, h('p', {}, text), form, button(say('codeAgain'), resend, 'plain'))
  focusOn(form.querySelector('input'))
}
