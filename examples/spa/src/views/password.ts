import { auth } from '../auth.js'
import { card, h, heading } from '../dom.js'
import { renderForm } from '../form.js'
import { tell } from '../notice.js'
import { inPlace, settle } from '../outcome.js'
import { say } from '../words.js'
import type { Page } from '../views.js'

export const password: Page = {
  title: () => say('password'),
  needs: 'in',
  isAccount: true,
  show: ({ person }) => {
    const form = renderForm({
      fields: [{
        name: 'password',
        label: say('newPassword'),
        type: 'password',
        autocomplete: 'new-password',
        hint: say('passwordHint'),
      }],
      submit: say('changePassword'),
      send: async ({ password = '' }, form) => {
        const outcome = await inPlace(() => auth.changePassword(password))
        await settle(outcome, {
          done: () => {
            form.element.reset()
            tell(say('passwordSaved'))
          },
        }, { form, retry: form.again })
      },
    })
    // A password manager keeps the new password under this name.
    const name = h('input', { type: 'text', autocomplete: 'username', value: person?.email ?? '', hidden: true, name: 'username' })
    form.prepend(name)
    return card(heading(say('password')), h('p', {}, say('passwordText')), form)
  },
}
