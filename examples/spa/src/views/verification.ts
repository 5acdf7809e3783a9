import { auth } from '../auth.js'
import { card, h, heading, link } from '../dom.js'
import { type FormControl, codeField, renderForm } from '../form.js'
import { tell } from '../notice.js'
import { settle } from '../outcome.js'
import { goOn } from '../router.js'
import { say } from '../words.js'
import type { Page } from '../views.js'

/** Proves an address by the code of a mail, for those who are logged in and those who are not. */
export const verification: Page = {
  title: () => say('verificationTitle'),
  needs: 'any',
  show: ({ person, query }) => {
    const place = h('div', {})
    const done = (): Promise<void> => goOn(say('verified'))

    function askForCode (flowId: string): void {
      const form = renderForm({
        fields: [{ ...codeField(say('code')), value: query.get('code') ?? '' }],
        submit: say('confirm'),
        send: async ({ code = '' }, form) =>
          settle(await auth.confirmCode('verification', code, { flowId }), { done }, { form, retry: form.again }),
      })
      place.replaceChildren(h('p', {}, say('verificationText')), form)
    }

    async function send (email: string, form: FormControl): Promise<void> {
      await settle(await auth.verify(email), {
        form: ({ form: { sent, flowId, errors } }) => {
          if (!sent) return form.showErrors(errors)
          askForCode(flowId)
          tell(say('codeSent', { email }))
          place.querySelector('input')?.focus()
        },
      }, { form, retry: form.again })
    }

    const mail = renderForm({
      fields: [{ name: 'email', label: say('email'), type: 'email', autocomplete: 'email', value: person?.email ?? '' }],
      submit: say('sendCode'),
      send: ({ email = '' }, form) => send(email, form),
    })
    const flowId = query.get('flow')
    if (flowId === null) place.append(mail)
    else askForCode(flowId)
    const another = flowId !== null && link('/verification', say('codeAgain'))
    const other = h('p', { class: 'actions' }, another, link('/', say('later')))
    return h('div', { class: 'narrow' }, card(heading(say('verificationTitle')), place, other))
  },
}
