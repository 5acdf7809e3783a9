import type { Answer, Outcome } from 'fastify-kratos/client'
import type { FormControl } from './form.js'
import { complain, tell, tellOutage } from './notice.js'
import { go } from './router.js'
import { stepUp } from './step-up.js'
import { say } from './words.js'

type Any = Outcome | Answer<unknown> | { kind: 'dismissed' }
type OfKind<Got, Kind> = Extract<Got, { kind: Kind }>
export type Handlers<Got extends { kind: string }> = { [Kind in Got['kind']]?: (outcome: OfKind<Got, Kind>) => unknown }

const dismissed = { kind: 'dismissed' } as const

/** Asks who it is where the service wants to know, in place, and then asks the same again. */
export async function inPlace<Got extends Any> (send: () => Promise<Got>): Promise<Got | typeof dismissed> {
  const outcome = await send()
  if (outcome.kind !== 'log_in_again' && outcome.kind !== 'second_factor') return outcome
  return await stepUp(outcome.kind) ? await send() : dismissed
}

/** What every outcome means that a view has no word of its own for. */
function usual (outcome: Any, form: FormControl | undefined, retry: () => unknown): unknown {
  switch (outcome.kind) {
    case 'unavailable':
      return tellOutage(outcome, retry)
    case 'form':
      return form === undefined ? complain(say('refused')) : form.showErrors(outcome.form.errors)
    case 'refused':
      return form === undefined ? complain(say('refused')) : form.showErrors(outcome.errors)
    case 'redirect':
      return location.assign(outcome.url)
    case 'already_logged_in':
      return go('/')
    case 'second_factor':
      return go('/second-step')
    case 'log_in_again':
      return go('/login')
    case 'confirm_address':
      return go(outcome.flowId === undefined ? '/verification' : `/verification?flow=${outcome.flowId}`)
    case 'settings':
      return go('/settings/password')
    case 'cancelled':
      return complain(say('passkeyDeclined'))
    case 'done':
    case 'ok':
      return tell(say('saved'))
    case 'dismissed':
      return undefined
  }
}

/**
 * Does what an outcome asks for: by the view's own handler, else as everywhere.
 * @param retry does the same once more, after an outage
 */
export async function settle<Got extends Any> (
  outcome: Got,
  handlers: Handlers<Got>,
  { form, retry }: { form?: FormControl, retry: () => unknown },
): Promise<void> {
  const handler = handlers[outcome.kind as Got['kind']] as ((outcome: Got) => unknown) | undefined
  await (handler === undefined ? usual(outcome, form, retry) : handler(outcome))
}

/** One action that is no form, such as a button in a list. */
export async function act<Got extends Any> (
  send: () => Promise<Got>,
  handlers: Handlers<Got | typeof dismissed>,
): Promise<void> {
  await settle(await inPlace(send), handlers, { retry: () => act(send, handlers) })
}
