import { auth } from '../auth.js'
import { card, h, heading } from '../dom.js'
import { renderForm } from '../form.js'
import { inPlace, settle } from '../outcome.js'
import { go } from '../router.js'
import { say } from '../words.js'
import type { Page } from '../views.js'

export const deletion: Page = {
  title: () => say('deletion'),
  needs: 'in',
  isAccount: true,
  show: ({ person }) => {
    const email = person?.email ?? ''
    const form = renderForm({
      fields: [{ name: 'confirmation', label: say('deletionField', { email }) }],
      submit: say('deleteNow'),
      className: 'danger',
      send: async ({ confirmation }, form) => {
        if (confirmation !== email) {
          const text = say('deletionWrong')
          return form.showErrors([{ field: 'confirmation', code: 'own', id: 0, text, context: {} }])
        }
        const answer = await inPlace(() => auth.deleteAccount())
        await settle(answer, { ok: () => go('/login', say('deleted')) }, { form, retry: form.again })
      },
    })
    return card(heading(say('deletion')), h('p', {}, say('deletionText')), form)
  },
}
