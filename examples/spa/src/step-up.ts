import type { Offers, Outcome } from 'fastify-kratos/client'
import { auth } from './auth.js'
import { button, h } from './dom.js'
import { whoIsHere } from './router.js'
import { type Alternative, codeField, type FormControl, type FormSpec, renderForm } from './form.js'
import { say } from './words.js'

type Proof = 'log_in_again' | 'second_factor'
/** What to do with the outcome of a try in the dialog. */
type Settle = (outcome: Outcome, form: FormControl) => void

export const secondFactorForm = (settle: Settle, isBackup = false): FormSpec => ({
  fields: [isBackup ? { ...codeField(say('backupCode')), autocomplete: 'off' } : codeField(say('code'))],
  submit: say('confirm'),
  send: async ({ code = '' }, form) =>
    settle(await auth.secondFactor(isBackup ? { backupCode: code } : { totp: code.replaceAll(' ', '') }), form),
})

/** @param identifier empty where the form does not know it */
function loginForm ({ password, passkey, providers }: Offers, identifier: string, settle: Settle): FormSpec {
  const withPasskey: Alternative = {
    label: say('withPasskey'),
    needs: [],
    send: async (_values, form) => settle(await auth.logInAgainWithPasskey(), form),
  }
  const alternatives = [
    ...(passkey === '' ? [] : [withPasskey]),
    ...(password ? [] : providers).map(({ id, label }): Alternative => ({
      label: say('withProvider', { name: label }),
      needs: [],
      send: async (_values, form) => settle(await auth.logInAgainWith(id), form),
    })),
  ]
  return {
    fields: password
      ? [{ name: 'password', label: say('password'), type: 'password', autocomplete: 'current-password' }]
      : [],
    submit: say('confirm'),
    send: async (values, form) => settle(await auth.logInAgain(identifier, values['password'] ?? ''), form),
    alternatives,
  }
}

/**
 * Asks in a dialog over the view who it is; the view stays as it is. The browser keeps the focus inside, closes on
 * Escape and gives the focus back.
 * @returns whether it was proved
 */
export async function stepUp (proof: Proof): Promise<boolean> {
  const title = h('h2', { id: 'dialog-title', tabindex: '-1' })
  const text = h('p', {})
  const place = h('div', {})
  const dialog = h('dialog', { 'aria-labelledby': title.id })
  const opener = document.activeElement
  let isProved = false

  const settle: Settle = (outcome, form) => {
    if (outcome.kind === 'done' || outcome.kind === 'confirm_address') {
      isProved = true
      dialog.close()
    } else if (outcome.kind === 'second_factor') showSecondFactor()
    else if (outcome.kind === 'redirect') location.assign(outcome.url)
    else if (outcome.kind === 'form') form.showErrors(outcome.form.errors)
    else if (outcome.kind === 'unavailable') form.showErrors([], outcome.isThrottled ? 'tooMany' : 'outage')
    else if (outcome.kind === 'cancelled') form.showErrors([], 'passkeyDeclined')
    else form.showErrors([])
  }

  function showSecondFactor (isBackup = false): void {
    title.textContent = say('secondStep')
    text.textContent = isBackup ? say('backupText') : say('secondStepText')
    const other = button(say(isBackup ? 'useApp' : 'useBackupCode'), () => showSecondFactor(!isBackup), 'plain')
    place.replaceChildren(renderForm(secondFactorForm(settle, isBackup)), other)
    place.querySelector('input')?.focus()
  }

  async function showLogin (): Promise<void> {
    title.textContent = say('againTitle')
    const outcome = await auth.form('login', { isAgain: true })
    if (outcome.kind !== 'form') {
      text.textContent = say(outcome.kind === 'unavailable' ? 'outage' : 'refused')
      return
    }
    const { offers } = outcome.form
    const name = offers.identifier || (whoIsHere()?.email ?? '')
    text.textContent = say('againText', { name })
    place.replaceChildren(renderForm(loginForm(offers, name, settle)))
    place.querySelector<HTMLElement>('input, button')?.focus()
  }

  dialog.append(title, text, place, button(say('cancel'), () => dialog.close(), 'plain'))
  document.body.append(dialog)
  const closed = new Promise((resolve) => dialog.addEventListener('close', resolve))
  dialog.showModal()
  if (proof === 'second_factor') showSecondFactor()
  else await showLogin()
  await closed
  dialog.remove()
  if (opener instanceof HTMLElement) opener.focus()
  return isProved
}
