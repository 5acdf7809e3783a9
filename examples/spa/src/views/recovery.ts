import { auth } from '../auth.js'
import { h, link } from '../dom.js'
import { renderForm } from '../form.js'
import { settle } from '../outcome.js'
import { go } from '../router.js'
import { say } from '../words.js'
import type { Page } from '../views.js'
import { codeForm } from './code-form.js'
import { visitorPage } from './visitor.js'

const newPassword = (): Promise<void> => go('/settings/password', say('passwordText'))

function askForCode (place: HTMLElement, email: string, flowId: string, code = ''): void {
  codeForm(place, {
    email,
    flowId,
    code,
    confirm: (typed) => auth.confirmCode('recovery', typed, { flowId }),
    // Where nobody knows to which address, that is asked anew.
    ...(email !== '' && { sendAgain: () => auth.recover(email) }),
    handlers: { settings: newPassword, done: newPassword },
  })
}

/** A reload while a code is asked for. */
const keptEmail = (): string => (history.state as { email?: string } | null)?.email ?? ''

export const recovery: Page = {
  title: () => say('recoveryTitle'),
  needs: 'out',
  show: async ({ query, signal }) => {
    const place = h('div', {})
    const form = renderForm({
      fields: [{ name: 'email', label: say('email'), type: 'email', autocomplete: 'email' }],
      submit: say('sendCode'),
      send: async ({ email = '' }, form) =>
        settle(await auth.recover(email), {
          form: ({ form: { sent, flowId, errors } }) =>
            sent ? askForCode(place, email, flowId) : form.showErrors(errors),
        }, { form, retry: form.again }),
    })
    const [flowId, code] = [query.get('flow'), query.get('code')]
    const asked = flowId === null || code !== null ? undefined : await auth.form('recovery', { flowId, signal })
    const isAsked = code !== null || (asked?.kind === 'form' && asked.form.sent && asked.form.flowId === flowId)
    if (flowId !== null && isAsked) {
      askForCode(place, keptEmail(), flowId, code ?? '')
    } else place.append(form, h('p', { class: 'other' }, link('/login', say('back'))))
    return visitorPage(say('recoveryTitle'), say('recoveryText'), place)
  },
}
