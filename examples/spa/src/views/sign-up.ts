import { auth, type Traits } from '../auth.js'
import { h, link } from '../dom.js'
import { type Alternative, type FormControl, renderForm, type Values } from '../form.js'
import { settle } from '../outcome.js'
import { goOn } from '../router.js'
import { say } from '../words.js'
import type { Page } from '../views.js'
import { codeForm } from './code-form.js'
import { offered, traitsOf } from './login.js'
import { visitorPage } from './visitor.js'

const welcome = ({ first_name: name, email }: Traits): Promise<void> => goOn(say('welcome', { name: name ?? email }))

const askForCode = (place: HTMLElement, traits: Traits, flowId: string): void =>
  codeForm(place, {
    email: traits.email,
    text: 'codeOnItsWay',
    flowId,
    kept: { traits },
    confirm: (code) => auth.signUpByCode(traits, code, { flowId }),
    sendAgain: () => auth.signUpByCode(traits, undefined, { flowId }),
    handlers: { done: () => welcome(traits), confirm_address: () => welcome(traits) },
  })

async function signUpByCode (values: Values, form: FormControl, place: HTMLElement): Promise<void> {
  const traits = traitsOf(values)
  await settle(await auth.signUpByCode(traits), {
    form: ({ form: { sent, flowId, errors } }) =>
      sent ? askForCode(place, traits, flowId) : form.showErrors(errors),
  }, { form, retry: form.again })
}

/** A reload while a code is asked for: it counts for the same entries only. */
const keptTraits = (): Traits | undefined => (history.state as { traits?: Traits } | null)?.traits

export const signUp: Page = {
  title: () => say('signUp'),
  needs: 'out',
  show: async (visit) => {
    const { offers, flowId: named, sent } = await offered('registration', visit)
    const place = h('div', {})
    const traits = keptTraits()
    if (named !== undefined && sent && traits !== undefined) {
      askForCode(place, traits, named)
      return visitorPage(say('signUp'), say('slogan'), place)
    }
    const withPasskey: Alternative = {
      label: say('withPasskey'),
      needs: ['email'],
      send: async (values, form) => {
        const traits = traitsOf(values)
        await settle(await auth.signUpWithPasskey(traits), { done: () => welcome(traits) }, { form, retry: form.again })
      },
    }
    const withCode: Alternative = {
      label: say('withCode'),
      needs: ['email'],
      send: (values, form) => signUpByCode(values, form, place),
    }
    const providers = offers.providers.map(({ id, label }): Alternative => ({
      label: say('withProvider', { name: label }),
      needs: [],
      send: async (_values, form) => settle(await auth.logInWith(id), {}, { form, retry: form.again }),
    }))
    place.append(
      renderForm({
        fields: [
          { name: 'email', label: say('email'), type: 'email', autocomplete: 'email' },
          { name: 'first_name', label: say('firstName'), autocomplete: 'given-name', isOptional: true },
          { name: 'last_name', label: say('lastName'), autocomplete: 'family-name', isOptional: true },
          {
            name: 'password',
            label: say('password'),
            type: 'password',
            autocomplete: 'new-password',
            hint: say('passwordHint'),
          },
        ],
        submit: say('signUp'),
        send: async (values, form) => {
          const traits = traitsOf(values)
          const outcome = await auth.signUp(traits, values['password'] ?? '')
          await settle(outcome, { done: () => welcome(traits) }, { form, retry: form.again })
        },
        alternatives: [...(offers.passkey === '' ? [] : [withPasskey]), ...(offers.code ? [withCode] : []), ...providers],
      }),
      h('p', { class: 'other' }, `${say('haveAccount')} `, link('/login', say('logIn'))),
    )
    return visitorPage(say('signUp'), say('slogan'), place)
  },
}
