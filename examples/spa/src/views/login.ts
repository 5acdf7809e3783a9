import type { Offers } from 'fastify-kratos/client'
import { auth, type Traits } from '../auth.js'
import { h, link } from '../dom.js'
import { type Alternative, renderForm, type Values } from '../form.js'
import { complain } from '../notice.js'
import { settle } from '../outcome.js'
import { goOn } from '../router.js'
import { say, sayError } from '../words.js'
import type { Page, Visit } from '../views.js'
import { codeForm } from './code-form.js'
import { visitorPage } from './visitor.js'

const welcome = { done: () => goOn(say('welcomeBack')), confirm_address: () => goOn(say('welcomeBack')) }

/** Asks for the code that a flow has sent. */
const askForCode = (place: HTMLElement, identifier: string, flowId: string): void =>
  codeForm(place, {
    email: identifier,
    flowId,
    confirm: (code) => auth.logInByCode(identifier, code, { flowId }),
    sendAgain: () => auth.logInByCode(identifier, undefined, { flowId }),
    handlers: welcome,
  })

/** What can be done without a password. A log-in that links an account has to stay in its flow. */
function alternatives ({ flowId, offers }: Offered, place: HTMLElement): Alternative[] {
  const passkey: Alternative = {
    label: say('withPasskey'),
    needs: [],
    send: async (_values, form) => settle(await auth.logInWithPasskey(), welcome, { form, retry: form.again }),
  }
  const code: Alternative = {
    label: say('withCode'),
    needs: ['identifier'],
    send: async ({ identifier = '' }, form) =>
      settle(await auth.logInByCode(identifier, undefined, { flowId }), {
        form: ({ form: { sent, flowId, errors } }) =>
          sent ? askForCode(place, identifier, flowId) : form.showErrors(errors),
      }, { form, retry: form.again }),
  }
  const providers = offers.providers.map(({ id, label }): Alternative => ({
    label: say('withProvider', { name: label }),
    needs: [],
    send: async (_values, form) => settle(await auth.logInWith(id), welcome, { form, retry: form.again }),
  }))
  const hasPasskey = offers.passkey !== '' && offers.linksTo === ''
  return [...(hasPasskey ? [passkey] : []), ...(offers.code ? [code] : []), ...providers]
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
  linksTo: '',
  passkeys: [],
  securityKey: '',
  securityKeys: [],
  totp: { isOn: false, secret: '', picture: '' },
  backupCodes: { isOn: false, codes: [] },
}

export interface Offered {
  offers: Offers
  /** Of the address: a social login led back to it, or a code was sent. */
  flowId: string | undefined
  sent: boolean
}

/** What the form offers; in an outage the password alone, and what was wrong on the way back from a social login. */
export async function offered (flow: 'login' | 'registration', { query, signal }: Visit): Promise<Offered> {
  const named = query.get('flow') ?? undefined
  const outcome = await auth.form(flow, { flowId: named, signal })
  if (outcome.kind !== 'form') return { offers: NOTHING, flowId: undefined, sent: false }
  const { offers, errors: [error], flowId, sent } = outcome.form
  if (error !== undefined && !sent) setTimeout(() => complain(sayError(error)))
  return { offers, sent, flowId: flowId === named ? flowId : undefined }
}

export const login: Page = {
  title: () => say('logIn'),
  needs: 'out',
  show: async (visit) => {
    const place = h('div', {})
    const found = await offered('login', visit)
    const { flowId, offers: { identifier: known, linksTo } } = found
    if (flowId !== undefined && found.sent) {
      askForCode(place, known, flowId)
      return visitorPage(say('welcomeBack'), undefined, place)
    }
    if (linksTo !== '') place.append(h('p', { class: 'strip' }, say('linksTo', { email: known, name: linksTo })))
    place.append(
      renderForm({
        fields: [
          { name: 'identifier', label: say('identifier'), autocomplete: 'username', value: known },
          {
            name: 'password',
            label: say('password'),
            type: 'password',
            autocomplete: 'current-password',
            aside: link('/recovery', say('forgot')),
          },
        ],
        submit: say('logIn'),
        send: async ({ identifier = '', password = '' }, form) =>
          settle(await auth.logIn(identifier, password, { flowId }), welcome, { form, retry: form.again }),
        alternatives: alternatives(found, place),
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
