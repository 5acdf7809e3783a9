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

function askForCode (place: HTMLElement, email: string, flowId: string): void {
  codeForm(place, {
    email,
    confirm: (code) => auth.confirmCode('recovery', code, { flowId }),
    sendAgain: () => auth.recover(email),
    handlers: { settings: newPassword, done: newPassword },
  })
}

export const recovery: Page = {
  title: () => say('recoveryTitle'),
  needs: 'out',
  show: ({ query }) => {
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
    if (flowId !== null && code !== null) {
      codeForm(place, {
        email: '',
        text: 'codeOfMail',
        code,
        confirm: (typed) => auth.confirmCode('recovery', typed, { flowId }),
        handlers: { settings: newPassword, done: newPassword },
      })
    } else place.append(form, h('p', { class: 'other' }, link('/login', say('back'))))
    return visitorPage(say('recoveryTitle'), say('recoveryText'), place)
  },
}
