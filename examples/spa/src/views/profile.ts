import { auth, type Traits } from '../auth.js'
import { card, h, heading, link } from '../dom.js'
import { renderForm, type Values } from '../form.js'
import { inPlace, settle } from '../outcome.js'
import { again } from '../router.js'
import { say } from '../words.js'
import type { Page } from '../views.js'

const changed = (old: Traits | undefined, values: Values): Traits =>
  Object.fromEntries(
    Object.entries({ ...old, ...values }).filter(([, value]) => value !== ''),
  ) as unknown as Traits

export const profile: Page = {
  title: () => say('profile'),
  needs: 'in',
  isAccount: true,
  show: ({ person }) => {
    const traits = person?.traits
    const form = renderForm({
      fields: [
        { name: 'email', label: say('email'), type: 'email', autocomplete: 'email', value: traits?.email },
        { name: 'first_name', label: say('firstName'), autocomplete: 'given-name', value: traits?.first_name, isOptional: true },
        { name: 'last_name', label: say('lastName'), autocomplete: 'family-name', value: traits?.last_name, isOptional: true },
        { name: 'username', label: say('username'), autocomplete: 'username', value: traits?.username, isOptional: true },
      ],
      submit: say('save'),
      send: async (values, form) => {
        const outcome = await inPlace(() => auth.changeProfile(changed(traits, values)))
        await settle(outcome, { done: () => again(say('profileSaved')) }, { form, retry: form.again })
      },
    })
    const unconfirmed = h('p', { class: 'hint strip' }, `${say('unverified')} `, link('/verification', say('confirmNow')))
    return card(heading(say('profile')), h('p', {}, say('profileText')), person?.verified === false && unconfirmed, form)
  },
}
