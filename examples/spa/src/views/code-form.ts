import type { Outcome } from 'fastify-kratos/client'
import { button, focusOn, h, heading } from '../dom.js'
import { codeField, renderForm } from '../form.js'
import { tell } from '../notice.js'
import { type Handlers, settle } from '../outcome.js'
import { go, markStep } from '../router.js'
import { say, type Word } from '../words.js'

export interface CodeStep {
  /** The flow that sent the code. */
  flowId: string
  /** What a reload needs again. */
  kept?: object
  email: string
  /** Nobody is told whether an address has an account; a new one has none. */
  text?: Word
  /** From the link of a mail. */
  code?: string
  confirm: (code: string) => Promise<Outcome>
  /** Without it, nobody knows where to: that is asked anew. */
  sendAgain?: () => Promise<Outcome>
  handlers: Handlers<Outcome>
}

/** Asks for the code of a mail, in the place of the form that had it sent. */
export function codeForm (place: HTMLElement, step: CodeStep): void {
  markStep(step.flowId, step.kept ?? { email: step.email })
  document.title = `${say('codeTitle')} · ${say('product')}`
  const text = say(step.text ?? (step.email === '' ? 'codeOfMail' : 'codeSent'), { email: step.email })
  const title = heading(say('codeTitle'))
  // It takes the place of the page's own title.
  place.classList.add('code-step')
  const form = renderForm({
    fields: [{ ...codeField(say('code')), value: step.code }],
    submit: say('goOn'),
    send: async ({ code = '' }, form) => settle(await step.confirm(code), step.handlers, { form, retry: form.again }),
  })
  const { sendAgain } = step
  const resend = async (): Promise<void> => {
    if (sendAgain === undefined) return await go(location.pathname)
    await settle(await sendAgain(), { form: () => tell(text) }, { retry: resend })
    form.querySelector('input')?.focus()
  }
  place.replaceChildren(title, h('p', {}, text), form, button(say('codeAgain'), resend, 'plain'))
  focusOn(form.querySelector('input'))
}
