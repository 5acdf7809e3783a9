import { auth } from '../auth.js'
import { button, card, h, heading, link } from '../dom.js'
import { codeField, renderForm } from '../form.js'
import { act, inPlace, settle } from '../outcome.js'
import { again } from '../router.js'
import { say } from '../words.js'
import { settingsPage } from './settings-form.js'

const inFours = (key: string): string => key.match(/.{1,4}/g)?.join(' ') ?? ''

const turnOff = (): Promise<void> =>
  act(() => auth.disableTotp(), { done: () => again(say('twoStepIsOff')) })

export const authenticator = settingsPage('twoStep', ({ flowId, offers: { totp } }) => {
  const title = heading(say('twoStep'))
  const text = h('p', {}, say('twoStepText'))
  if (totp.isOn) {
    return card(title, text, h('p', { class: 'strip good' }, say('twoStepOn')),
      h('p', {}, link('/settings/backup-codes', say('backupCodes'))), button(say('turnOff'), turnOff, 'danger'))
  }
  const form = renderForm({
    fields: [codeField(say('code'))],
    submit: say('turnOn'),
    send: async ({ code = '' }, form) => {
      const outcome = await inPlace(() => auth.enableTotp(code.replaceAll(' ', ''), { flowId }))
      await settle(outcome, { done: () => again(say('twoStepIsOn')) }, { form, retry: form.again })
    },
  })
  return card(title, text, h('div', { class: 'scan' },
    h('img', { src: totp.picture, alt: say('scanAlt'), width: '256', height: '256' }),
    h('div', {}, h('p', {}, say('scan')), h('p', {}, say('orType'), h('br'), h('code', {}, inFours(totp.secret))))), form)
})
