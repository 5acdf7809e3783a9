import type { Offers } from 'fastify-kratos/client'
import { auth, type Traits } from '../auth.js'
import { h, link } from '../dom.js'
import { type Alternative, type FormControl, renderForm, type Values } from '../form.js'
import { complain } from '../notice.js'
import { settle } from '../outcome.js'
import { goOn } from '../router.js'
import { say, sayError } from '../words.js'
import type { Page, Visit } from '../views.js'
import { codeForm } from './code-form.js'
import { visitorPage } from './visitor.js'

const welcome = { done: () => goOn(say('welcomeBack')), confirm_address: () => goOn(say('welcomeBack')) }

async function logIn ({ identifier = '', password = '' }: Values, form: FormControl): Promise<void> {
  await settle(await auth.logIn(identifier, password), welcome, { form, retry: form.again })
}

/** What a social login or a code can do without a password. */
function alternatives (offers: Offers, place: HTMLElement): Alternative[] {
  const passkey: Alternative = {
    label: say('withPasskey'),
    needs: [],
    send: async (_values, form) => settle(await auth.logInWithPasskey(), welcome, { form, retry: form.again }),
  }
  const code: Alternative = {
    label: say('withCode'),
    needs: ['identifier'],
    send: async ({ identifier = '' }, form) =>
      settle(await auth.logInByCode(identifier), {
        form: ({ form: { sent, flowId, errors } }) =>
          sent
            ? codeForm(place, {
              email: identifier,
              confirm: (typed) => auth.logInByCode(identifier, typed, { flowId }),
              sendAgain: () => auth.logInByCode(identifier),
              handlers: welcome,
            })
            : form.showErrors(errors),
      }, { form, retry: form.again }),
  }
  const providers = offers.providers.map(({ id, label }): Alternative => ({
    label: say('withProvider', { name: label }),
    needs: [],
    send: async (_values, form) => settle(await auth.logInWith(id), welcome, { form, retry: form.again }),
  }))
  return [...(offers.passkey === '' ? [] : [passkey]), ...(offers.code ? [code] : []), ...providers]
}

const NOTHING: Offers = {
  identifier: '',
  password: true,
  code: false,
  link: false,
  addresses: [],
  passkey: '',
  providers: [],
  linked: [],
  passkeys: [],
  totp: { isOn: false, secret: '', picture: '' },
  backupCodes: { isOn: false, codes: [] },
}

/** What the form offers; in an outage the password alone, and what was wrong on the way back from a social login. */
export async function offered (flow: 'login' | 'registration', { query, signal }: Visit): Promise<Offers> {
  const flowId = query.get('flow') ?? undefined
  const outcome = await auth.form(flow, { flowId, signal })
  if (outcome.kind !== 'form') return NOTHING
  const [error] = outcome.form.errors
  if (error !== undefined) setTimeout(() => complain(sayError(error)))
  return outcome.form.offers
}

export const login: Page = {
  title: () => say('logIn'),
  needs: 'out',
  show: async (visit) => {
    const place = h('div', {})
    const offers = await offered('login', visit)
    place.append(
      renderForm({
        fields: [
          { name: 'identifier', label: say('identifier'), autocomplete: 'username' },
          {
            name: 'password',
            label: say('password'),
            type: 'password',
            autocomplete: 'current-password',
            aside: link('/recovery', say('forgot')),
          },
        ],
        submit: say('logIn'),
        send: logIn,
        alternatives: alternatives(offers, place),
      }),
      h('p', { class: 'other' }, `${say('newHere')} `, link('/registration', say('signUp'))),
    )
    return visitorPage(say('welcomeBack'), undefined, place)
  },
}

export const traitsOf = ({ email = '', first_name: first = '', last_name: last = '' }: Values): Traits => ({
  email,
  ...(first !== '' && { first_name: first }),
  ...(last !== '' && { last_name: last }),
})
